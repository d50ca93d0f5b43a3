"""A disk that is too full: what goes, in which order, and what never does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shelflife.errors import CleanupDisabled, UsageError
from shelflife.files.removal import Result
from shelflife.run.making_room import ReliefOutcome
from tests.integration.pressure.conftest import fill, fill_up, share

if TYPE_CHECKING:
    from shelflife.testing import MakeStorage, Storage
    from tests.integration.pressure.conftest import MountStorage

_SIZE = 64 * 1024

_AREAS = {
    "temp": {"retention": "1d", "priority": 1, "min_age": "1h"},
    "frames": {"retention": "30d", "priority": 2},
    "uploads": {"retention": "30d", "priority": 3},
    "sheets": {"retention": "30d"},
    "outputs": -1,
}


def _names(storage: Storage, area: str) -> list[str]:
    return [path for path in storage.files() if path.startswith(f"{area}/")]


def _several_areas(storage: Storage) -> None:
    """24 MB: 1 MB expired, 1 MB of temp, 2 MB too young, 8 MB each of frames and sheets, some outputs."""
    for number in range(16):
        fill(storage, f"sheets/old/{number}", age=f"{31 + number}d", size=_SIZE)
        fill(storage, f"temp/{number}", age=f"{2 + number}h", size=_SIZE)
        fill(storage, f"temp/young/{number}", age="30m", size=_SIZE)
        fill(storage, f"uploads/{number}", age=f"{2 + number}d", size=_SIZE)
    for number in range(120):
        fill(storage, f"frames/{number % 7}/{number}", age=f"{200 - number}h", size=_SIZE)
        fill(storage, f"sheets/{number % 7}/{number}", age="12d", size=_SIZE)


def test_one_look_at_a_full_disk_brings_it_below_the_low_watermark_in_the_right_order(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS)
    _several_areas(storage)
    held = storage.path("frames/0/0")
    storage.engine.hold(held)
    fill_up(storage)
    before = storage.files()

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert share(storage) < 80
    gone = set(before) - set(storage.files())
    assert not [path for path in gone if path.startswith(("outputs/", "uploads/", "temp/young/"))]
    assert {path for path in gone if path.startswith("sheets/")} == {f"sheets/old/{n}" for n in range(16)}
    assert {path for path in gone if path.startswith("temp/")} == {f"temp/{n}" for n in range(16)}
    # Of the next area the oldest went, and no more than was needed.
    frames = sorted(int(path.rpartition("/")[2]) for path in gone if path.startswith("frames/"))
    assert frames == list(range(1, len(frames) + 1))
    assert held.exists()
    assert 80 - share(storage) < 100 * 10 * _SIZE / (24 * 2**20)
    runs = storage.engine.history()
    assert {(run.trigger, run.state) for run in runs} == {("pressure", "done")}
    recorded = [file for run in runs for file in storage.engine.run_files(run.id)]
    removed = [file.path for file in recorded if file.result is Result.REMOVED]
    assert sorted(removed) == sorted(gone)


def test_a_disk_below_the_high_watermark_is_left_alone(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS)
    _several_areas(storage)
    before = storage.files()

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.CALM
    assert (storage.files(), storage.engine.history()) == (before, [])


def test_the_trash_goes_first_and_the_oldest_of_it(mount_storage: MountStorage) -> None:
    areas = {**_AREAS, "uploads": {"retention": "3d", "priority": 0, "trash": "30d"}}
    storage = mount_storage(areas, cleanup={"batch_size": 10})
    for number in range(40):
        fill(storage, f"uploads/{number}", age="4d", size=_SIZE)
    storage.engine.cleanup()
    storage.tick("2h")
    for number in range(64):
        fill(storage, f"uploads/later/{number}", age="4d", size=_SIZE)
    storage.engine.cleanup()
    fill(storage, "uploads/new", age="2d", size=_SIZE)
    fill(storage, "temp/expired", age="40d", size=_SIZE)
    fill_up(storage)

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    trash = [path for path in storage.files() if "/.trash/" in path]
    assert 0 < len(trash) < 64
    assert all("/later/" in path for path in trash)
    assert storage.path("uploads/new").exists()


def test_a_disk_full_of_what_belongs_to_others_loses_nothing_unexpired(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, options="size=24m")
    fill(storage, "frames/old", age="40d", size=_SIZE)
    fill(storage, "frames/new", age="10d", size=_SIZE)
    fill_up(storage, "../others")

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.HOPELESS
    assert storage.files() == ["frames/new"]
    assert found.fills[0].endswith("% of the used space is outside the storage")


def test_a_disk_full_of_results_loses_nothing_unexpired(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS)
    fill(storage, "frames/new", age="10d", size=_SIZE)
    fill_up(storage)

    (found,) = storage.engine.relieve()
    (again,) = storage.engine.relieve()

    assert (found.outcome, again.outcome) == (ReliefOutcome.HOPELESS, ReliefOutcome.HOPELESS)
    assert storage.path("frames/new").exists()
    assert "in outputs, kept indefinitely" in found.fills[0]
    assert storage.engine.history() == []  # nothing was done: no run for each look


def test_inodes_run_out_like_bytes(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, options="size=64m,nr_inodes=600")
    for number in range(500):
        storage.file(f"frames/{number % 5}/{number}", age=f"{600 - number}h", size=10)
    storage.file("uploads/old", age="20d")
    while True:
        try:
            storage.path(f"outputs/{os.urandom(8).hex()}").touch()
        except OSError:
            break

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert found.after.inodes.share < 80
    left = sorted(int(path.rpartition("/")[2]) for path in _names(storage, "frames"))
    assert left == list(range(500 - len(left), 500))
    assert storage.path("uploads/old").exists()


def test_directories_are_inodes_of_their_area(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, options="size=64m,nr_inodes=600")
    for number in range(450):
        storage.path(f"outputs/{number}").mkdir()
    while True:
        try:
            (storage.base_path.parent / os.urandom(8).hex()).touch()
        except OSError:
            break

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.HOPELESS
    assert found.fills[0].endswith("% of the used inodes is in outputs, kept indefinitely")
    assert 74 <= int(found.fills[0].split()[0]) <= 76


def test_readers_that_keep_removed_files_open_end_it_after_a_batch(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS)
    files = [
        fill(storage, f"frames/{number}", age=f"{200 - number // 10}h", size=_SIZE) for number in range(300)
    ]
    fill_up(storage)
    readers = [file.open("rb") for file in files]
    try:
        (found,) = storage.engine.relieve()
    finally:
        for reader in readers:
            reader.close()

    assert found.outcome is ReliefOutcome.NO_GAIN
    assert 0 < 300 - len(_names(storage, "frames")) <= 100  # a batch


def test_units_go_as_a_whole_by_their_newest_file(mount_storage: MountStorage) -> None:
    areas = {**_AREAS, "frames": {"retention": "30d", "priority": 2, "expire": "directory"}}
    storage = mount_storage(areas)
    for unit in range(20):
        for number in range(10):
            fill(storage, f"frames/{unit:02}/{number}", age=f"{400 - unit * 10 - number}h", size=_SIZE)
    fill_up(storage)

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert share(storage) < 80
    left = _names(storage, "frames")
    assert left == [f"frames/{unit:02}/{n}" for unit in range(20 - len(left) // 10, 20) for n in range(10)]


def test_files_that_are_being_written_are_made_up_for_by_others(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS)
    files = [fill(storage, f"frames/{number}", age=f"{300 - number}h", size=_SIZE) for number in range(200)]
    fill_up(storage)
    writers = [file.open("ab") for file in files[:10]]
    try:
        (found,) = storage.engine.relieve()
    finally:
        for writer in writers:
            writer.close()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert share(storage) < 80
    assert all(file.exists() for file in files[:10])


def test_files_with_another_name_free_nothing_and_count_for_nothing(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, limits={"confirm_above": "100%"})
    for number in range(200):
        file = fill(storage, f"frames/{number}", age=f"{300 - number}h", size=_SIZE)
        if number < 30:
            os.link(file, storage.path(f"outputs/{number}"))
    fill_up(storage)

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert share(storage) < 80
    assert len(_names(storage, "outputs")) == 31


def test_directories_that_were_emptied_go_too(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS)
    for number in range(200):
        fill(storage, f"frames/{number}/x", age=f"{300 - number}h", size=_SIZE)
    fill_up(storage)

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    left = _names(storage, "frames")
    assert len(list(storage.path("frames").iterdir())) == len(left)  # what was emptied is gone


def test_a_slip_of_the_keyboard_is_not_carried_out_on_a_full_disk(mount_storage: MountStorage) -> None:
    """`7` typed for `7d`: everything would count as expired. Without that slip it would give in the usual way."""
    limits = {"confirm_above_files": 20}
    storage = mount_storage({"frames": {"retention": "7d", "priority": 1}, "outputs": -1}, limits=limits)
    for number in range(200):
        fill(storage, f"frames/{number}", age=f"{140 - number // 2}h", size=_SIZE)
    storage.engine.cleanup()
    fill_up(storage)
    slip = storage.engine.with_settings(storage.settings.with_areas({"frames.retention": 7}))

    (found,) = slip.relieve()
    assert found.outcome is ReliefOutcome.HOPELESS
    assert "frames gives nothing but its trash before a person has approved a cleanup" in found.fills[0]
    assert "from 7d to 7s" in found.fills[0]
    assert len(_names(storage, "frames")) == 200

    (found,) = storage.engine.relieve()
    assert found.outcome is ReliefOutcome.RELIEVED


def test_without_watermarks_there_is_nothing_to_go_by(make_storage: MakeStorage) -> None:
    with pytest.raises(UsageError, match="no watermarks"):
        make_storage().engine.relieve()


def test_a_dry_run_makes_no_room(make_storage: MakeStorage) -> None:
    storage = make_storage(pressure={"high": "2%"}, cleanup={"dry_run": True})
    with pytest.raises(CleanupDisabled):
        storage.engine.relieve()
