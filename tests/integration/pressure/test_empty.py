"""Empty directories are inodes, hold nothing, and go where inodes are what is missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shelflife.run.making_room import ReliefOutcome
from shelflife.testing import set_age

if TYPE_CHECKING:
    from shelflife.testing import Storage
    from tests.integration.pressure.conftest import MountStorage

_INODES = "size=64m,nr_inodes=600"

_AREAS = {
    "frames": {"retention": "30d", "priority": 1, "protect": ["/pinned/"]},
    "sheets": {"retention": "30d", "priority": 2, "prune": False},
    "uploads": "30d",
    "outputs": -1,
}


def _empty(storage: Storage, area: str, count: int, *, age: str) -> None:
    for number in range(count):
        storage.directory(f"{area}/{number:03}", age=age)
    set_age(storage.path(area), age)


def _use_up_inodes(storage: Storage) -> None:
    """Make files elsewhere on the disk until there is no inode left."""
    while True:
        try:
            (storage.base_path.parent / os.urandom(8).hex()).touch()
        except OSError:
            return


def _left(storage: Storage, area: str) -> list[str]:
    return sorted(os.listdir(storage.path(area)))


def test_an_area_that_holds_nothing_but_expired_empty_directories_gives_them(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS, options=_INODES)
    _empty(storage, "uploads", 450, age="40d")
    _use_up_inodes(storage)

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert found.after.inodes.share < 80
    gone = sum(run.report["directories"] for run in storage.engine.history())
    assert gone == 450 - len(_left(storage, "uploads"))


def test_empty_directories_go_before_any_unexpired_file_the_oldest_first_and_no_more_than_needed(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS, options=_INODES)
    for number in range(300):
        storage.directory(f"frames/{number:03}", age=f"{500 - number}h")
    for number in range(50):
        storage.file(f"frames/files/{number}", age="25d")
    files = storage.files()
    _use_up_inodes(storage)

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert 75 < found.after.inodes.share < 80
    assert storage.files() == files
    left = [int(name) for name in _left(storage, "frames") if name != "files"]
    assert left == list(range(300 - len(left), 300))
    runs = storage.engine.history()
    recorded = [file for run in runs for file in storage.engine.run_files(run.id, directories=True)]
    pruned = [file for file in recorded if file.pruned]
    assert (len(pruned), {file.cause for file in pruned}) == (300 - len(left), {"pressure"})
    assert storage.engine.why(storage.path("frames/000")).cause == "pressure"


def test_where_empty_directories_are_not_enough_the_oldest_files_go_too(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, options=_INODES)
    _empty(storage, "frames", 60, age="10d")
    for number in range(300):
        storage.file(f"frames/files/{number}", age=f"{600 - number}h")
    _use_up_inodes(storage)

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert _left(storage, "frames") == ["files"]
    left = sorted(map(int, _left(storage, "frames/files")))
    assert left == list(range(300 - len(left), 300))
    assert 200 < len(left) < 300


@pytest.mark.parametrize("area", ["uploads", "sheets", "outputs"])
def test_empty_directories_stay_without_a_priority_where_they_are_kept_and_in_indefinite_areas(
    mount_storage: MountStorage, area: str
) -> None:
    storage = mount_storage(_AREAS, options=_INODES)
    _empty(storage, area, 450, age="40d" if area == "outputs" else "10d")
    _use_up_inodes(storage)
    (found,) = storage.engine.relieve()
    assert found.outcome is ReliefOutcome.HOPELESS
    assert len(_left(storage, area)) == 450


def test_what_is_young_held_protected_or_the_areas_own_stays(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, options=_INODES)
    _empty(storage, "frames", 300, age="10d")
    stays = ["young", "held", "pinned", "lost+found"]
    for name in stays:
        storage.directory(f"frames/{name}", age="1h" if name == "young" else "25d")
    storage.engine.hold(storage.path("frames/held"))
    _use_up_inodes(storage)
    (found,) = storage.engine.relieve()
    assert found.outcome is ReliefOutcome.RELIEVED
    assert set(stays) <= set(_left(storage, "frames"))
    assert storage.path("uploads").is_dir()


def test_while_the_settings_are_in_doubt_only_expired_empty_directories_go(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS, options=_INODES)
    storage.engine.cleanup()
    _empty(storage, "frames", 400, age="10d")
    _use_up_inodes(storage)
    shorter = {**_AREAS, "frames": {"retention": "29d", "priority": 1}}
    changed = type(storage)(
        settings=type(storage.settings).build(
            base_path=storage.base_path, areas=shorter, pressure={"high": "90%", "low": "80%"}
        )
    )
    (found,) = changed.engine.relieve()
    assert found.outcome is ReliefOutcome.HOPELESS
    assert len(_left(storage, "frames")) == 400
    (found,) = changed.engine.relieve(insist=True)
    assert found.outcome is ReliefOutcome.RELIEVED


def test_where_bytes_are_missing_empty_directories_stay(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS)
    _empty(storage, "frames", 50, age="10d")
    storage.file("outputs/rest", content=bytes(22 << 20))
    (found,) = storage.engine.relieve()
    assert found.outcome is ReliefOutcome.HOPELESS
    assert len(_left(storage, "frames")) == 50


def test_an_empty_unit_is_one_inode_and_what_lies_inside_a_unit_stays_with_it(
    mount_storage: MountStorage,
) -> None:
    areas = {**_AREAS, "frames": {"retention": "30d", "priority": 1, "expire": "directory"}}
    storage = mount_storage(areas, options=_INODES)
    storage.file("frames/unit/a", age="25d")
    storage.directory("frames/unit/inner", age="25d")
    set_age(storage.path("frames/unit"), "25d")
    _empty(storage, "frames", 300, age="10d")
    _use_up_inodes(storage)
    (found,) = storage.engine.relieve()
    assert found.outcome is ReliefOutcome.RELIEVED
    assert storage.path("frames/unit/inner").is_dir()
    assert len(_left(storage, "frames")) < 301
