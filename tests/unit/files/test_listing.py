from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.files import listing
from shelflife.files.listing import Entry, EntryKind, clamp, entry_at, read_directory, signed
from tests.integration.engine.users import common_directory, ordinary_user


def _read(directory: Path) -> dict[str, Entry]:
    fd = os.open(directory, os.O_RDONLY)
    try:
        return {entry.name: entry for chunk in read_directory(fd) for entry in chunk}
    finally:
        os.close(fd)


def test_every_kind_of_entry_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "to-directory").symlink_to("directory")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        kinds = {name: entry.kind for name, entry in _read(tmp_path).items()}
    assert kinds == {
        "file": EntryKind.FILE,
        "link": EntryKind.LINK,
        "to-directory": EntryKind.LINK,
        "directory": EntryKind.DIRECTORY,
        "fifo": EntryKind.OTHER,
        "socket": EntryKind.OTHER,
    }


def test_a_file_is_described_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    os.link(path, tmp_path / "second")
    os.utime(path, ns=(1, 123_456_789_012_345_678))
    status = path.stat()
    entry = _read(tmp_path)["file"]
    assert entry == Entry(
        "file",
        EntryKind.FILE,
        status.st_ino,
        5,
        status.st_blocks * 512,
        123_456_789_012_345_678,
        status.st_ctime_ns,
        2,
    )
    assert entry.is_file


def test_a_sparse_file_has_a_size_that_it_does_not_take(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**9)
    entry = _read(tmp_path)["sparse"]
    assert entry.size == 10**9
    assert entry.allocated < 10**6


@pytest.mark.parametrize("name", ["new\nline", "x" * 255, "byte\udcff", " ", "-", "a'b\"c", "\udc80" * 255])
def test_odd_names_are_read_and_found_again(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert entry_at(fd, name) == _read(tmp_path)[name]
    finally:
        os.close(fd)


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 21])
def test_entries_come_in_chunks_and_each_comes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(listing, "CHUNK", 7)
    for number in range(count):
        (tmp_path / f"{number}").touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        chunks = list(read_directory(fd))
    finally:
        os.close(fd)
    assert all(len(chunk) <= 7 for chunk in chunks)
    assert sorted(entry.name for chunk in chunks for entry in chunk) == sorted(map(str, range(count)))


def test_what_vanishes_while_it_is_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CHUNK", 1)
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        chunks = read_directory(fd)
        (first,) = next(chunks)
        for path in list(tmp_path.iterdir()):
            path.unlink()
        assert [entry for chunk in chunks for entry in chunk] == []
    finally:
        os.close(fd)
    assert first.name in {"a", "b", "c"}


def test_an_entry_that_may_not_be_looked_at_is_unknown_and_not_absent() -> None:
    with common_directory() as directory:
        (directory / "file").touch()
        with ordinary_user():
            directory.chmod(0o400)  # names may be read, but nothing about them
            entries = _read(directory)
            directory.chmod(0o700)
    assert entries == {"file": Entry("file", EntryKind.UNKNOWN, 0, errno.EACCES)}


@given(st.integers(-(2**70), 2**70))
def test_times_are_kept_within_64_bits(time: int) -> None:
    assert -(2**63) <= clamp(time) < 2**63
    if -(2**63) <= time < 2**63:
        assert clamp(time) == time


@given(st.integers(0, 2**64 - 1))
def test_inodes_are_kept_within_64_bits_and_apart(number: int) -> None:
    assert -(2**63) <= signed(number) < 2**63
    assert signed(number) % 2**64 == number
