"""Reading a directory, entry by entry.

Everything the engine knows about files comes through `read_directory`, in chunks, so that a directory with a
million entries takes no more memory than one with a few thousand.
"""

from __future__ import annotations

import os
from enum import IntEnum
from itertools import islice
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.files.kernel import fresh_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.files.kernel import Attributes

CHUNK: Final = 4096
"""Entries that are held at once."""

_EARLIEST: Final = -(2**63)
_LATEST: Final = 2**63 - 1


class Kind(IntEnum):
    """What an entry of a directory is."""

    FILE = 1
    """A regular file."""
    LINK = 2
    """A symbolic link, never followed."""
    DIRECTORY = 3
    OTHER = 4
    """A FIFO, socket or device."""
    UNKNOWN = 5
    """It could not be looked at."""


class Entry(NamedTuple):
    """One entry of a directory, as listed. Of a directory only name and inode are read."""

    name: str
    kind: Kind
    inode: int
    size: int = 0
    """Apparent size in bytes; of an entry that could not be looked at: the errno."""
    allocated: int = 0
    """Bytes on disk."""
    mtime: int = 0
    """Nanoseconds since the epoch."""
    ctime: int = 0
    """Nanoseconds since the epoch."""
    links: int = 1
    """Names that the file has."""

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.kind == Kind.FILE


def read_directory(fd: int) -> Iterator[list[Entry]]:
    """Yield the entries of the open directory `fd` in chunks of at most `CHUNK`.

    An entry that vanishes while it is read is left out; one that cannot be looked at is `Kind.UNKNOWN`.
    Raises OSError when the directory itself cannot be read (to the end).
    """
    with os.scandir(fd) as listing:
        while names := list(islice(listing, CHUNK)):
            yield [entry for name in names if (entry := _read(name)) is not None]


def entry_at(fd: int, name: str) -> Entry:
    """Return what `name` is in the open directory `fd`, now. Raises OSError as stat(2) does."""
    return entry_of(name, os.stat(name, dir_fd=fd, follow_symlinks=False))


def entry_now(fd: int, name: str, *, fresh: bool) -> Entry:
    """Return what `entry_at` returns; `fresh`, also where stat(2) may answer from a cache (NFS, FUSE)."""
    return entry_of(name, fresh_attributes(fd, name)) if fresh else entry_at(fd, name)


def clamp(time: int) -> int:
    """Return `time` (ns) within what 64 bits hold, as the index does: the years 1677 to 2262."""
    return min(max(time, _EARLIEST), _LATEST)


def signed(number: int) -> int:
    """Return an unsigned 64-bit number (an inode) as SQLite holds it."""
    return number - 2**64 if number >= 2**63 else number


def _read(entry: os.DirEntry[str]) -> Entry | None:
    try:
        if entry.is_dir(follow_symlinks=False):
            return Entry(entry.name, Kind.DIRECTORY, entry.inode())
        return entry_of(entry.name, entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None
    except OSError as error:
        return Entry(entry.name, Kind.UNKNOWN, 0, error.errno or 0)


def entry_of(name: str, status: os.stat_result | Attributes) -> Entry:
    """Return what a name is that has these attributes."""
    mode = status.st_mode
    kind = Kind.FILE if S_ISREG(mode) else Kind.LINK if S_ISLNK(mode) else _rare_kind(mode)
    return Entry(
        name,
        kind,
        status.st_ino,
        status.st_size,
        status.st_blocks * 512,  # stat(2): st_blocks counts units of 512 bytes, whatever the block size
        clamp(status.st_mtime_ns),
        clamp(status.st_ctime_ns),
        status.st_nlink,
    )


def _rare_kind(mode: int) -> Kind:
    return Kind.DIRECTORY if S_ISDIR(mode) else Kind.OTHER
