"""Who gets room: as many as there is room for, all of that, and nobody a half of it."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from threading import Barrier

import pytest

from shelflife import NoRoom
from shelflife.clock import SECOND
from shelflife.records.promises import promises_of
from shelflife.testing import MakeStorage, Storage
from tests.integration.pressure.conftest import MountStorage

MB = 1024 * 1024

pytestmark = pytest.mark.root


def _free(storage: Storage) -> int:
    status = os.statvfs(storage.base_path)
    return status.f_bavail * status.f_frsize


def _files(storage: Storage) -> list[int]:
    return [path.stat().st_size for path in storage.path("uploads").rglob("*") if path.is_file()]


def _upload(
    storage: Storage, name: str, size: int, *, fails: bool = False, known: bool = True
) -> bool | None:
    """Receive a file; return whether it was published, None if it was refused before its first byte."""
    try:
        incoming = storage.engine.receive("uploads", name, size=size if known else None)
    except NoRoom:
        return None
    with incoming:
        written = 0
        while written < size:
            part = min(256 * 1024, size - written)
            try:
                written += incoming.write(b"x" * part)
            except NoRoom:
                assert not known
                return False
            if fails and written > size // 2:
                return False
        incoming.publish()
        return True


def test_of_four_writers_that_each_want_two_fifths_two_complete_and_two_are_refused(
    mount_storage: MountStorage, kind: str
) -> None:
    storage = mount_storage({"uploads": "7d"}, options="size=20m")
    start = Barrier(4)

    def upload(number: int) -> bool | None:
        start.wait()
        return _upload(storage, f"{number}.mp4", 8 * MB)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(upload, range(4)))
    assert sorted(map(str, done)) == ["None", "None", "True", "True"]
    assert _files(storage) == [8 * MB, 8 * MB]
    assert promises_of(storage.engine.state, storage.now()) == []


@pytest.mark.parametrize("seed", range(6))
def test_whoever_was_admitted_completes_and_nothing_is_left_of_others(
    mount_storage: MountStorage, kind: str, seed: int
) -> None:
    storage = mount_storage({"uploads": "7d"}, options="size=24m")
    chance = random.Random(seed)
    wishes = [(chance.randrange(1, 5 * MB), chance.random() < 0.3, chance.random() < 0.8) for _ in range(30)]

    def upload(number: int) -> bool | None:
        size, fails, known = wishes[number]
        return _upload(storage, f"{number % 3}/{number}.mp4", size, fails=fails, known=known)

    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(upload, range(len(wishes))))
    published = [wishes[number][0] for number, is_done in enumerate(done) if is_done]
    assert sorted(_files(storage)) == sorted(published)
    gave_up = [wishes[number] for number, is_done in enumerate(done) if is_done is False]
    assert all(fails or not known for _, fails, known in gave_up)  # who said how much had room to the end
    assert promises_of(storage.engine.state, storage.now()) == []
    assert os.listdir(storage.engine.state.path / "receiving") == ["turn"]
    assert _free(storage) > 0


def test_room_that_was_promised_is_taken_by_nobody_else(mount_storage: MountStorage) -> None:
    storage = mount_storage({"uploads": "7d"}, options="size=16m")
    with storage.engine.receive("uploads", "a", size=12 * MB) as incoming:
        with storage.path("temp").open("wb", buffering=0) as other, suppress(OSError):
            for _ in range(20):
                other.write(b"x" * MB)
        assert _free(storage) == 0
        for _ in range(12):
            incoming.write(b"x" * MB)
        storage.path("temp").unlink()
        incoming.publish()
    assert _files(storage) == [12 * MB]


def test_room_is_made_for_what_does_not_fit(mount_storage: MountStorage, kind: str) -> None:
    storage = mount_storage({"uploads": {"retention": "7d"}, "temp": {"retention": "30d", "priority": 1}})
    old = [storage.file(f"temp/{number}", age=f"{20 - number}d", content=b"x" * MB) for number in range(15)]
    storage.engine.refresh()
    assert _upload(storage, "a.mp4", 12 * MB)
    gone = [path for path in old if not path.exists()]
    assert gone == old[: len(gone)]
    assert 4 <= len(gone) < 15


def test_what_making_room_would_not_help_is_refused_and_nothing_goes(mount_storage: MountStorage) -> None:
    storage = mount_storage({"uploads": "7d", "temp": {"retention": "30d", "priority": 1}})
    old = [storage.file(f"temp/{number}", age="20d", content=b"x" * MB) for number in range(5)]
    storage.engine.refresh()
    with pytest.raises(NoRoom, match="making room could free") as refused:
        storage.engine.receive("uploads", "a", size=40 * MB)
    assert 4 * MB <= refused.value.could_free <= 6 * MB
    assert all(path.exists() for path in old)


def test_a_refusal_says_when_enough_will_have_gone_by_age(mount_storage: MountStorage) -> None:
    storage = mount_storage({"uploads": "7d"}, pressure=None, cleanup={"schedule": "0 2 * * *"})
    for number in range(5):
        storage.file(f"uploads/{number}", age=f"{6 - number}d", content=b"x" * 4 * MB)
    storage.engine.refresh()
    with pytest.raises(NoRoom, match="try again at") as refused:
        storage.engine.receive("uploads", "a", size=6 * MB)
    again = refused.value.again
    assert again is not None
    assert again > datetime.now(UTC)
    storage.ahead = int(again.timestamp()) * SECOND - storage.now() + SECOND
    storage.engine.cleanup()
    storage.engine.receive("uploads", "a", size=6 * MB).close()


def test_where_only_dry_runs_are_allowed_no_room_is_made(mount_storage: MountStorage) -> None:
    storage = mount_storage(
        {"uploads": "7d", "temp": {"retention": "1d", "priority": 1}}, cleanup={"dry_run": True}
    )
    old = storage.file("temp/a", age="20d", content=b"x" * 15 * MB)
    storage.engine.refresh()
    with pytest.raises(NoRoom):
        storage.engine.receive("uploads", "a", size=12 * MB)
    assert old.exists()


def test_without_an_index_a_refusal_says_no_more_than_it_knows(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d"})
    with pytest.raises(NoRoom) as refused:
        storage.engine.receive("uploads", "a", size=10**15)
    assert (refused.value.again, refused.value.could_free) == (None, 0)


def test_room_that_is_promised_is_not_called_somebody_else_s(mount_storage: MountStorage, kind: str) -> None:
    storage = mount_storage({"uploads": "7d"}, options="size=24m")
    with storage.engine.receive("uploads", "a", size=22 * MB):
        (disk,) = storage.engine.relieve()
    assert any("promised to files that are being received" in text for text in disk.fills)
    assert not any(text.startswith("9") and "outside the storage" in text for text in disk.fills)


def test_a_disk_without_an_inode_refuses_as_one_without_a_byte(mount_storage: MountStorage) -> None:
    storage = mount_storage({"uploads": "7d"}, options="size=1m,nr_inodes=40")
    storage.engine.create()
    for number in count():
        try:
            (storage.base_path / f"filler{number}").touch()
        except OSError:
            break
    with pytest.raises(NoRoom, match="no room for uploads"):
        storage.engine.receive("uploads", "clip.mp4", size=10)
