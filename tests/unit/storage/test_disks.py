from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife.policy.area import areas_of
from shelflife.policy.watermark import Space, Usage
from shelflife.settings import Settings
from shelflife.storage.disks import Disk, disks_of, usage_of


@pytest.fixture
def base(tmp_path: Path) -> Iterator[int]:
    for name in ("uploads", "frames", "frames-old"):
        (tmp_path / name).mkdir()
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_the_directories_of_areas_are_gathered_by_their_file_system(tmp_path: Path, base: int) -> None:
    frames = {"retention": 1, "path": "frames", "aliases": ["frames-old", "frames-older"]}
    areas = areas_of(Settings.build(base_path=tmp_path, areas={"uploads": 1, "frames": frames, "temp": 1}))
    (disk,) = disks_of(base, areas.values())
    assert disk.device == tmp_path.stat().st_dev
    assert disk.areas == {
        "uploads": ("uploads",),
        "frames": ("frames", "frames-old"),
    }  # the others are missing
    assert disk.name == "uploads"


def test_a_directory_that_leads_away_is_on_no_disk(tmp_path: Path, base: int) -> None:
    (tmp_path / "temp").symlink_to("/")
    areas = areas_of(Settings.build(base_path=tmp_path, areas={"temp": 1}))
    assert disks_of(base, areas.values()) == []


def test_usage_is_what_the_kernel_says_with_what_is_reserved_for_root_as_not_available(base: int) -> None:
    status = os.fstatvfs(base)
    usage = usage_of(base)
    assert usage.space.used == (status.f_blocks - status.f_bfree) * status.f_frsize or usage.space.used > 0
    assert 0 <= usage.space.available <= status.f_blocks * status.f_frsize


def test_a_disk_is_named_by_the_first_directory_on_it() -> None:
    nothing = Usage(space=Space(0, 0), inodes=Space(0, 0))
    disk = Disk(device=1, file_system=2, areas={"empty": (), "frames": ("f", "g")}, usage=nothing)
    assert disk.name == "f"
