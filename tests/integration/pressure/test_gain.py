"""What is removed and gives no room: one look learns from those before it, whatever process took them."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from shelflife.run.making_room import ReliefOutcome
from shelflife.settings import Settings
from shelflife.testing import Storage
from tests.integration.pressure.conftest import fill, fill_up, share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.pressure.conftest import MountStorage

_AREAS = {"frames": {"retention": "30d", "priority": 1}, "expired": {"retention": "1d"}, "outputs": -1}
_MIB = 2**20


def _look(storage: Storage, *, insist: bool = False) -> ReliefOutcome:
    """Take one look as a process of its own would: nothing is left in memory from those before it."""
    (found,) = storage.engine.with_settings(storage.settings).relieve(insist=insist)
    return found.outcome


def _left(storage: Storage) -> list[int]:
    return sorted(int(path.rpartition("/")[2]) for path in storage.files() if path.startswith("frames/"))


def _full_of_frames(storage: Storage, number: int = 60) -> list[Path]:
    """Fill the disk; records have been kept there before, as ever but at the very first time."""
    storage.engine.cleanup()
    files = [fill(storage, f"frames/{n:02}", age=f"{200 - n}h", size=_MIB // 4) for n in range(number)]
    fill_up(storage)
    return files


def test_looks_at_files_that_readers_keep_open_take_a_first_portion_and_no_more(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS)
    fill(storage, "expired/one", age="22h", size=4096)
    readers = [file.open("rb") for file in _full_of_frames(storage)]
    try:
        outcomes = [_look(storage) for _ in range(3)]
        left = _left(storage)
        storage.tick("3h")
        after_it_expired = _look(storage)
        fill_up(storage, "outputs/more", leave=_MIB // 2)  # of what our own records had set aside
        assert _look(storage) is ReliefOutcome.NO_GAIN
    finally:
        for reader in readers:
            reader.close()
    assert set(outcomes) == {ReliefOutcome.NO_GAIN}
    assert left == list(range(60 - len(left), 60))
    assert 60 - len(left) == 4  # a mebibyte: less could not be told from what our own records write
    assert after_it_expired is ReliefOutcome.NO_GAIN
    assert not storage.path("expired/one").exists()  # what is expired goes all the same
    assert _left(storage) == left

    # Now the disk shows it, by itself.
    assert _look(storage) is ReliefOutcome.RELIEVED
    assert share(storage) < 80
    assert len(_left(storage)) < len(left)


def test_a_person_may_say_to_go_on_and_then_one_more_portion_goes(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS)
    readers = [file.open("rb") for file in _full_of_frames(storage)]
    try:
        assert _look(storage) is ReliefOutcome.NO_GAIN
        assert len(_left(storage)) == 56
        assert _look(storage, insist=True) is ReliefOutcome.NO_GAIN
        assert len(_left(storage)) == 52
        assert _look(storage) is ReliefOutcome.NO_GAIN
        assert len(_left(storage)) == 52
    finally:
        for reader in readers:
            reader.close()


def test_what_is_on_its_way_is_not_taken_once_more(mount_storage: MountStorage) -> None:
    """Half of what goes is kept open by readers: the next looks wait for that half."""
    storage = mount_storage(_AREAS)
    readers = [file.open("rb") for file in _full_of_frames(storage)[::2]]
    try:
        first = _look(storage)
        left = _left(storage)
        is_too_full = share(storage) > 90
        for _ in range(3):
            assert _look(storage) is (ReliefOutcome.NO_GAIN if is_too_full else ReliefOutcome.CALM)
        assert first is (ReliefOutcome.NO_GAIN if is_too_full else ReliefOutcome.RELIEVED)
        assert _left(storage) == left
    finally:
        for reader in readers:
            reader.close()
    # When they close it is below the high watermark: had each look begun anew, far more would be gone.
    assert _look(storage) is ReliefOutcome.CALM
    assert _left(storage) == left


def test_a_disk_stays_too_full_while_all_that_it_needs_is_on_its_way_and_that_is_said(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS)
    storage.engine.cleanup()
    first, _ = (fill(storage, f"frames/{n:02}", age=f"{200 - n}h", size=4 * _MIB) for n in range(2))
    fill_up(storage)
    with first.open("rb"):
        looks = [found for _ in range(3) for found in storage.engine.relieve()]
        assert _left(storage) == [1]  # the other one alone gives all the room that is needed
    assert [(found.outcome, len(found.runs)) for found in looks] == [
        (ReliefOutcome.NO_GAIN, 1),
        (ReliefOutcome.NO_GAIN, 0),
        (ReliefOutcome.NO_GAIN, 0),
    ]
    assert all("gave no room" in found.fills[0] for found in looks)
    assert _look(storage) is ReliefOutcome.CALM


def test_room_that_came_back_by_itself_leaves_no_stale_reason(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS)
    readers = [file.open("rb") for file in _full_of_frames(storage)]
    (stuck,) = storage.engine.relieve()
    fill_up(storage, "outputs/more", leave=_MIB // 2)
    storage.engine.relieve()
    for reader in readers:
        reader.close()
    (helped,) = storage.engine.relieve()
    assert "gave no room" in stuck.fills[0]
    assert (helped.outcome, helped.fills) == (ReliefOutcome.RELIEVED, ())


# -- how much goes unasked


def test_a_full_disk_takes_at_most_half_of_an_area_unasked_however_often_it_looks(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS)
    _full_of_frames(storage, 24)  # 6 MiB of 24, and the rest is kept indefinitely

    looks = []
    for number in range(3):
        looks += storage.engine.relieve()
        fill_up(storage, f"outputs/{number}")

    assert len(_left(storage)) == 12
    assert {look.outcome for look in looks} == {ReliefOutcome.NOT_ENOUGH}
    assert all("more files of frames would have to go than go unasked" in look.fills[0] for look in looks)
    assert all("--insist" in look.fills[0] for look in looks)
    _look(storage, insist=True)
    assert len(_left(storage)) < 12


def test_an_area_may_give_as_much_once_more_when_the_disk_was_well_in_between(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS)
    storage.engine.cleanup()
    made = 0
    for _ in range(3):
        while len(_left(storage)) < 50:
            fill(storage, f"frames/{made}", age=f"{400 - made}h", size=_MIB // 4)
            made += 1
        fill_up(storage)
        assert _look(storage) is ReliefOutcome.RELIEVED
        assert _look(storage) is ReliefOutcome.CALM
        storage.path("outputs/rest").unlink()
    assert made > 80


def test_a_share_of_all_is_no_limit(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, options="size=16m", limits={"confirm_above": "100%"})
    _full_of_frames(storage, 12)
    _look(storage)
    assert len(_left(storage)) < 6


# -- watermarks by room


def test_room_is_made_until_so_many_bytes_are_free_and_no_further(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, pressure={"min_free": "2MiB", "free_until": "4MiB"})
    _full_of_frames(storage)
    assert _look(storage) is ReliefOutcome.RELIEVED
    status = os.statvfs(storage.base_path)
    assert 4 * _MIB <= status.f_bavail * status.f_frsize < 6 * _MIB
    assert _look(storage) is ReliefOutcome.CALM


def test_more_room_than_a_disk_has_is_not_bought_with_unexpired_files(mount_storage: MountStorage) -> None:
    storage = mount_storage(_AREAS, pressure={"min_free": "1GB"})
    _full_of_frames(storage)
    assert _look(storage) is ReliefOutcome.HOPELESS
    assert len(_left(storage)) == 60


# -- snapshots, and a file system that shows late


@pytest.fixture
def btrfs(tmp_path: Path) -> Iterator[Path]:
    """A btrfs of 400 MB in a file."""
    if os.geteuid() != 0 or shutil.which("mkfs.btrfs") is None or shutil.which("btrfs") is None:
        pytest.skip("needs root and btrfs-progs")
    image, place = tmp_path / "image", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(400 * _MIB)
    subprocess.run(["mkfs.btrfs", "-q", image], check=True)
    place.mkdir()
    if subprocess.run(["mount", "-o", "loop", image, place], check=False).returncode:
        pytest.skip("no loop devices, or no btrfs here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def _on_btrfs(place: Path) -> Storage:
    subprocess.run(["btrfs", "-q", "subvolume", "create", place / "storage"], check=True)
    settings = Settings.build(
        base_path=place / "storage",
        areas=_AREAS,
        pressure={"high": "50%", "low": "45%"},
        limits={"confirm_above": "100%"},
    )
    storage = Storage(settings=settings)
    storage.engine.cleanup()
    for number in range(60):
        storage.file(f"frames/{number:02}", age=f"{200 - number}h", content=os.urandom(4 * _MIB))
    subprocess.run(["sync", "-f", place], check=True)
    return storage


def test_a_snapshot_costs_one_portion_however_often_one_looks(btrfs: Path) -> None:
    storage = _on_btrfs(btrfs)
    snapshot = btrfs / "snapshot"
    command: list[str | Path] = ["btrfs", "-q", "subvolume", "snapshot", "-r", btrfs / "storage", snapshot]
    subprocess.run(command, check=True)

    assert {_look(storage) for _ in range(4)} == {ReliefOutcome.NO_GAIN}
    assert len(_left(storage)) == 59

    subprocess.run(["btrfs", "-q", "subvolume", "delete", "-c", snapshot], check=True)
    subprocess.run(["btrfs", "-q", "subvolume", "sync", btrfs], check=True)
    subprocess.run(["sync", "-f", btrfs], check=True)
    assert _look(storage) is ReliefOutcome.RELIEVED


def test_a_file_system_that_frees_in_its_own_time_is_told_to(btrfs: Path) -> None:
    storage = _on_btrfs(btrfs)
    assert _look(storage) is ReliefOutcome.RELIEVED
    assert share(storage) < 50
    assert len(_left(storage)) >= 30
