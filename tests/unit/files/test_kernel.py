"""Tests of the system calls that Python does not offer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shelflife.files import kernel

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_file_is_told_by_its_birth_time_where_that_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        born = kernel.birth_time(fd, "file")
        assert born is not None
        assert kernel.generation(fd, "file") == born
    finally:
        os.close(fd)


def test_without_a_birth_time_a_file_is_told_by_its_handle_also_after_a_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "birth_time", lambda _directory, _name: None)
    (tmp_path / "file").touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        number = kernel.generation(fd, "file")
        assert number is not None
        assert -(2**63) <= number < 0  # no birth time, and it fits into a column of the journal
        (tmp_path / "file").rename(tmp_path / "renamed")
        assert kernel.generation(fd, "renamed") == number
    finally:
        os.close(fd)


def test_another_file_of_the_same_inode_number_has_another_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "birth_time", lambda _directory, _name: None)
    fd = os.open(tmp_path, os.O_RDONLY)
    seen: dict[int, set[int | None]] = {}
    try:
        for _ in range(200):  # most file systems give a number away again at once, ext4 after a while
            (tmp_path / "file").touch()
            seen.setdefault((tmp_path / "file").stat().st_ino, set()).add(kernel.generation(fd, "file"))
            (tmp_path / "file").unlink()
    finally:
        os.close(fd)
    assert sum(map(len, seen.values())) == 200


def test_what_has_no_handle_has_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "birth_time", lambda _directory, _name: None)
    fd = os.open("/proc/self", os.O_RDONLY)  # proc gives no handles
    try:
        assert kernel.generation(fd, "status") is None
    finally:
        os.close(fd)


def test_attributes_looked_at_afresh_are_those_of_stat_on_a_local_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        for name, status in (("file", (tmp_path / "file").stat()), ("", tmp_path.stat())):
            fresh = kernel.fresh_attributes(fd, name)
            assert all(getattr(status, field) == value for field, value in fresh._asdict().items())
    finally:
        os.close(fd)
