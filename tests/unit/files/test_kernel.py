from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife.files import kernel
from shelflife.files.kernel import (
    RESOLVE_BENEATH,
    RESOLVE_NO_SYMLINKS,
    birth_time,
    fresh_attributes,
    is_mount_root,
    magic_of,
    openat2,
    rename_noreplace,
    sync_file_system,
)


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path, os.O_RDONLY)
    yield opened
    os.close(opened)


def test_a_path_is_opened_beneath_a_directory_and_nowhere_else(tmp_path: Path, fd: int) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/link").symlink_to("b")
    opened = openat2(fd, "a/b", os.O_RDONLY, RESOLVE_BENEATH)
    assert os.fstat(opened).st_ino == (tmp_path / "a/b").stat().st_ino
    assert not os.get_inheritable(opened)
    os.close(opened)
    for path, resolve, code in (
        ("..", RESOLVE_BENEATH, errno.EXDEV),
        ("a/link", RESOLVE_NO_SYMLINKS, errno.ELOOP),
        ("a/c", 0, errno.ENOENT),
    ):
        with pytest.raises(OSError, match=os.strerror(code)) as caught:
            openat2(fd, path, os.O_RDONLY, resolve)
        assert (caught.value.errno, caught.value.filename) == (code, path)


def test_a_rename_never_replaces(tmp_path: Path, fd: int) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(FileExistsError):
        rename_noreplace(fd, "a", fd, "b")
    assert (tmp_path / "b").read_text() == "b"
    rename_noreplace(fd, "a", fd, "caf\udce9")
    assert sorted(os.listdir(tmp_path)) == ["b", "caf\udce9"]


def test_what_a_file_is_now_is_what_stat_says(tmp_path: Path, fd: int) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link", ""):
        found, said = fresh_attributes(fd, name), os.lstat(tmp_path / name)
        assert all(getattr(found, field) == getattr(said, field) for field in found._fields)
    with pytest.raises(FileNotFoundError):
        fresh_attributes(fd, "nothing")


def test_a_birth_time_stays_when_the_file_changes(tmp_path: Path, fd: int) -> None:
    file = tmp_path / "a"
    file.touch()
    born = birth_time(fd, "a")
    if born is None:
        pytest.skip("this file system keeps no birth times")
    os.utime(file, ns=(1, 1))
    file.rename(tmp_path / "b")
    assert birth_time(fd, "b") == born <= file.parent.stat().st_mtime_ns


def test_a_file_system_has_a_kind_and_can_be_told_to_write(fd: int) -> None:
    assert magic_of(fd) > 0
    sync_file_system(fd)
    for act in (magic_of, sync_file_system):
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            act(-1)


def test_only_where_something_is_mounted_is_a_mount_root(fd: int) -> None:
    assert is_mount_root(fd) in (False, None)
    proc = os.open("/proc", os.O_RDONLY)
    assert is_mount_root(proc) in (True, None)
    os.close(proc)


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
