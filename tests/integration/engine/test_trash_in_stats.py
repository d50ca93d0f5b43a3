"""What waits in the trash is in the statistics, counted by each run: nobody walks the trash to be told."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from shelflife.events import RunFinished
from shelflife.policy.area import TRASH_DIRECTORY

if TYPE_CHECKING:
    from shelflife.testing import MakeStorage, Storage

_AREAS = {"clips": {"retention": "3d", "trash": "2d"}, "results": -1}


def _waits(storage: Storage) -> tuple[int, int]:
    found = storage.engine.stats()
    (clips, results) = found.areas
    assert (results.trash_files, results.trash_bytes) == (0, 0)
    assert (found.trash_files, found.trash_bytes) == (clips.trash_files, clips.trash_bytes)
    return clips.trash_files, clips.trash_bytes


def _clean(storage: Storage, number: int, *, size: int = 100) -> int:
    for file in range(number):
        storage.file(f"clips/{number}/{file}", age="4d", content=bytes(size))
    return storage.engine.cleanup().run


def test_what_runs_put_there_adds_up_and_is_part_of_no_other_number(make_storage: MakeStorage) -> None:
    storage = make_storage(areas=_AREAS)
    assert _waits(storage) == (0, 0)
    _clean(storage, 3)
    _clean(storage, 5)
    assert _waits(storage) == (8, 800)
    assert storage.engine.stats().files == 0


def test_what_is_purged_or_restored_is_no_longer_counted(make_storage: MakeStorage) -> None:
    storage = make_storage(areas=_AREAS)
    first = _clean(storage, 3)
    second = _clean(storage, 5)
    storage.engine.restore("clips/5/0")
    assert _waits(storage) == (7, 700)
    storage.engine.restore(str(second))
    assert _waits(storage) == (3, 300)
    storage.engine.restore(str(first), hold=False)
    assert _waits(storage) == (0, 0)
    storage.engine.cleanup()
    assert _waits(storage) == (3, 300)
    storage.tick("49h")
    storage.engine.cleanup()
    assert _waits(storage) == (0, 0)


def test_what_an_older_version_left_there_is_counted_once(make_storage: MakeStorage) -> None:
    storage = make_storage(areas=_AREAS)
    _clean(storage, 3)
    with storage.engine._work.records.open_journal() as journal:
        journal.trash.replace("clips", {})
    assert _waits(storage) == (0, 0)
    storage.engine.cleanup()
    assert _waits(storage) == (3, 300)


def test_what_was_moved_away_by_hand_is_noticed_by_the_next_run(make_storage: MakeStorage) -> None:
    storage = make_storage(areas=_AREAS)
    _clean(storage, 3)
    shutil.rmtree(storage.path("clips") / TRASH_DIRECTORY)
    storage.engine.cleanup()
    assert _waits(storage) == (0, 0)
    assert any(isinstance(event, RunFinished) for event in storage.events)
