"""Disks as they are in life: ext4, with what is reserved for root; writers that keep writing; several disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
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

_AREAS = {"frames": {"retention": "30d", "priority": 1}, "outputs": -1}
_PRESSURE = {"high": "90%", "low": "80%"}
_SIZE = 65_536


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB in a file; 5 % are reserved for root."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs root and mkfs.ext4")
    image, place = tmp_path / "image", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(48 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    place.mkdir()
    if subprocess.run(["mount", "-o", "loop", image, place], check=False).returncode:
        pytest.skip("no loop devices here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_ext4_filled_to_what_is_reserved_for_root_is_brought_below_in_one_look(ext4: Path) -> None:
    storage = Storage(settings=Settings.build(base_path=ext4 / "storage", areas=_AREAS, pressure=_PRESSURE))
    storage.engine.create()
    for number in range(400):
        fill(storage, f"frames/{number % 7}/{number}", age=f"{600 - number}h", size=_SIZE)
    fill_up(storage)
    assert share(storage) == 100

    (found,) = storage.engine.relieve()

    assert found.outcome is ReliefOutcome.RELIEVED
    assert share(storage) < 80
    left = sorted(int(path.rpartition("/")[2]) for path in storage.files() if path.startswith("frames/"))
    assert left == list(range(400 - len(left), 400))


def test_a_writer_that_keeps_writing_makes_one_look_remove_no_more_than_was_needed(
    mount_storage: MountStorage,
) -> None:
    storage = mount_storage(_AREAS, options="size=48m", pressure=_PRESSURE)
    for number in range(500):
        fill(storage, f"frames/{number}", age=f"{900 - number}h", size=_SIZE)
    fill_up(storage)
    stop, started = threading.Event(), threading.Event()

    def write() -> None:
        with storage.path("outputs/stream").open("wb", buffering=0) as file:
            while not stop.is_set():
                started.set()
                try:
                    file.write(bytes(8192))
                except OSError:
                    stop.wait(0.001)
                stop.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert started.wait(30)
        (found,) = storage.engine.relieve()
    finally:
        stop.set()
        writer.join()

    assert found.outcome in (ReliefOutcome.RELIEVED, ReliefOutcome.NO_GAIN)
    gone = 500 - len([path for path in storage.files() if path.startswith("frames/")])
    need = 48 * 2**20 // 5 // _SIZE
    assert 0 < gone <= need + 4 * 2**20 // _SIZE + 100  # what was needed, what our records take, and a batch


def test_each_disk_is_relieved_by_what_is_on_it(mount_storage: MountStorage, tmp_path: Path) -> None:
    areas = {"frames": {"retention": "30d", "priority": 2}, "temp": {"retention": "30d", "priority": 1}}
    storage = mount_storage(areas, pressure=_PRESSURE)
    place = storage.path("frames")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], check=True)
    try:
        for number in range(220):
            fill(storage, f"frames/{number}", age=f"{900 - number}h", size=_SIZE)
        for number in range(50):
            fill(storage, f"temp/{number}", age=f"{900 - number}h", size=_SIZE)
        fill_up(storage, "frames/.gitkeep")

        base, frames = sorted(storage.engine.relieve(), key=lambda found: "frames" in found.disk.areas)

        assert (base.outcome, frames.outcome) == (ReliefOutcome.CALM, ReliefOutcome.RELIEVED)
        assert len(list(storage.path("temp").iterdir())) == 50
        status = os.statvfs(place)
        assert status.f_bfree > 0.2 * status.f_blocks
    finally:
        subprocess.run(["umount", "-l", place], check=True)
