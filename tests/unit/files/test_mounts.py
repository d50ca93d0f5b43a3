from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from shelflife.files.mounts import (
    LOCAL,
    TRUSTED,
    Room,
    file_system_of,
    free_bytes,
    is_trusted,
    knows_writers,
    may_be_shared,
    room_of,
)
from tests.integration.engine.users import needs_root
from tests.integration.engine.volumes import mounted


def _type_of(path: Path | str) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return file_system_of(fd)
    finally:
        os.close(fd)


def test_the_file_system_of_a_directory_is_known(tmp_path: Path) -> None:
    command = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(tmp_path)]
    assert (
        _type_of(tmp_path)
        == subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    )
    assert _type_of("/proc") == "proc"


def test_only_file_systems_that_are_known_to_keep_times_are_trusted() -> None:
    fd = os.open("/proc", os.O_RDONLY)
    try:
        assert not is_trusted(fd)
    finally:
        os.close(fd)
    assert {"ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay"} <= TRUSTED
    assert {"nfs", "nfs4"} == TRUSTED - LOCAL  # whose server is asked


@needs_root
@pytest.mark.parametrize(
    ("kind", "shared"), [("tmpfs", False), ("overlay", False), ("bind", False), ("bindfs", True)]
)
def test_what_fuse_shows_may_be_changed_by_others_unseen(tmp_path: Path, kind: str, *, shared: bool) -> None:
    with mounted(kind, tmp_path / "volume") as volume:
        fd = os.open(volume, os.O_RDONLY)
        try:
            assert may_be_shared(fd) is shared
            assert (file_system_of(fd) not in LOCAL) is shared
            assert knows_writers(fd)
        finally:
            os.close(fd)


def test_where_the_mount_table_cannot_be_read_the_kernel_s_number_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = _type_of(tmp_path)
    monkeypatch.setattr("shelflife.files.mounts._mount_id", lambda fd: None)
    assert _type_of(tmp_path) == kind


@pytest.mark.parametrize(
    ("blocks", "available", "inodes", "free", "room"),
    [
        (100, 10, 50, 5, Room(40960, 5)),
        (100, 0, 50, 0, Room(0, 0)),
        (100, 10, 0, 0, Room(40960, None)),  # btrfs
        (0, 0, 70, -1, Room(None, None)),  # CephFS
    ],
)
def test_what_a_file_system_does_not_say_is_not_taken_for_zero(
    blocks: int, available: int, inodes: int, free: int, room: Room
) -> None:
    found = room_of(os.statvfs_result((4096, 4096, blocks, blocks, available, inodes, inodes, free, 0, 255)))
    assert found == room
    assert found.has(bytes=4096, inodes=2) is (0 not in room)


def test_a_descriptor_that_is_not_open_is_on_an_unknown_file_system() -> None:
    assert file_system_of(10**6) == "unknown"


@needs_root
@pytest.mark.parametrize("name", ["plain", "with space", "new\nline"])
def test_a_mount_is_told_apart_from_what_it_is_in(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path / name], check=True)
    try:
        assert _type_of(tmp_path / name) == "tmpfs"
        fd = os.open(tmp_path / name, os.O_RDONLY)
        try:
            assert 0 < free_bytes(fd) <= 65536
        finally:
            os.close(fd)
    finally:
        subprocess.run(["umount", tmp_path / name], check=True)
