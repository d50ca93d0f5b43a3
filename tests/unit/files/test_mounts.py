from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from shelflife.files.mounts import NETWORK, TRUSTED, file_system_of, free_bytes, is_trusted
from tests.integration.engine.users import needs_root


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
    assert not TRUSTED & NETWORK


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
