"""Reading a directory, entry by entry.

Everything the engine knows about files comes through `read_directory`, in chunks, so that a directory with a
million entries takes no more memory than one with a few thousand.

Who reads says which of a file's times its age counts from, and gets it as the entry's `time`: so the reading and
the look right before a removal cannot mean different times. Who does not ask gets a time that no cutoff reaches.
"""

from __future__ import annotations

import os
from enum import IntEnum
from itertools import islice
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.files.kernel import birth_time, fresh_attributes
from shelflife.policy.rules.times import TIMES, Times
from shelflife.settings import AgeFrom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.files.kernel import Attributes

CHUNK: Final = 4096
"""Entries that are held at once."""

_EARLIEST: Final = -(2**63)
FOREVER: Final = 2**63 - 1
"""A file time that no cutoff reaches."""


class EntryKind(IntEnum):
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
    kind: EntryKind
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
    time: int = FOREVER
    """What its age is counted from, in ns since the epoch; where that was not asked, no cutoff reaches it."""

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.kind == EntryKind.FILE

    @property
    def share(self) -> int:
        """Its bytes on disk, divided by its names: all shares together never exceed the disk."""
        return self.allocated // self.links if self.links > 1 else self.allocated


def read_directory(fd: int, age: AgeFrom | None = None) -> Iterator[list[Entry]]:
    """Yield the entries of the open directory `fd` in chunks of at most `CHUNK`, with their times for an `age`.

    An entry that vanishes while it is read is left out; one that cannot be looked at is `EntryKind.UNKNOWN`.
    Raises OSError when the directory itself cannot be read (to the end).
    """
    with os.scandir(fd) as listing:
        while names := list(islice(listing, CHUNK)):
            yield [entry for name in names if (entry := _read(name, fd, age)) is not None]


def entry_at(fd: int, name: str, age: AgeFrom | None = None, *, fresh: bool = False) -> Entry:
    """Return what `name` is in the open directory `fd`, now. Raises OSError as stat(2) does.

    `fresh`, also where stat(2) may answer from a cache: on what other machines work on, too.
    """
    status: os.stat_result | Attributes = (
        fresh_attributes(fd, name) if fresh else os.stat(name, dir_fd=fd, follow_symlinks=False)
    )
    return entry_of(name, status, file_time(status, age, fd, name))


def file_time(status: os.stat_result | Attributes, age: AgeFrom | None, fd: int, name: str) -> int:
    """Return what the age of a file counts from (ns), which is `name` in the open directory `fd`.

    Raises OSError as statx(2) does.
    """
    if age is None:
        return FOREVER
    born = birth_time(fd, name) if age is AgeFrom.ARRIVED else None  # a system call of its own
    return clamp(TIMES[age](Times(status.st_mtime_ns, status.st_ctime_ns, status.st_atime_ns, born)))


def clamp(time: int) -> int:
    """Return `time` (ns) within what 64 bits hold, as the index does: the years 1677 to 2262."""
    return min(max(time, _EARLIEST), FOREVER)


def signed(number: int) -> int:
    """Return an unsigned 64-bit number (an inode) as SQLite holds it."""
    return number - 2**64 if number >= 2**63 else number


def _read(entry: os.DirEntry[str], fd: int, age: AgeFrom | None) -> Entry | None:
    try:
        if entry.is_dir(follow_symlinks=False):
            return Entry(entry.name, EntryKind.DIRECTORY, entry.inode())
        status = entry.stat(follow_symlinks=False)
        return entry_of(entry.name, status, file_time(status, age, fd, entry.name))
    except FileNotFoundError:
        return None
    except OSError as error:
        return Entry(entry.name, EntryKind.UNKNOWN, 0, error.errno or 0)


def entry_of(name: str, status: os.stat_result | Attributes, time: int) -> Entry:
    """Return what a name is that has these attributes and this file time."""
    mode = status.st_mode
    kind = EntryKind.FILE if S_ISREG(mode) else EntryKind.LINK if S_ISLNK(mode) else _rare_kind(mode)
    return Entry(
        name,
        kind,
        status.st_ino,
        status.st_size,
        status.st_blocks * 512,  # stat(2): st_blocks counts units of 512 bytes, whatever the block size
        clamp(status.st_mtime_ns),
        clamp(status.st_ctime_ns),
        status.st_nlink,
        time,
    )


def _rare_kind(mode: int) -> EntryKind:
    return EntryKind.DIRECTORY if S_ISDIR(mode) else EntryKind.OTHER
