"""What the index tells: rows, pages of rows, units and sums, as values.

The index itself is `shelflife.records.sqlite.index`.
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from shelflife.policy.load import Load, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.files.survey import Key


class RowState(IntEnum):
    """What a row is worth. The numbers are stored; up to DIRTY the directory could be read."""

    OK = 0
    """True while the directory's key is as recorded."""
    UNSETTLED = 1
    """True when it was read, but an unchanged key proves nothing yet."""
    DIRTY = 2
    """Removed from by ourselves: the counts are right, `oldest` and `first_due` at least to the hour, the key is
    void until the next listing."""
    UNREADABLE = 3
    """It, an entry of it or a directory above could not be read; the counts are the last known ones."""
    MOUNT = 4
    """Something is mounted there: never entered."""


class Row(NamedTuple):
    """What is needed to recognise an unchanged directory."""

    path: str
    key: Key
    """The directory's key when it was listed."""
    listed: int
    state: int
    rules: int


class Trust(NamedTuple):
    """When a row may stand for its directory, as long as the key is the recorded one. Times in ns."""

    rules: int
    """Fingerprint of today's rules."""
    completed: int
    """When the last refresh that came to its end was made: rows of a later one count for nothing."""
    now: int
    rescan_after: int
    """Age at which a row is read again."""


class Page(NamedTuple):
    """Rows that follow each other, packed: they are recognised a thousand at a time."""

    paths: bytes
    """Joined by NUL, in preorder."""
    keys: bytes
    """A packed `Key` each."""
    trusted: bytes
    """For each `1` where the row may be trusted while its key is the recorded one, else `0`."""


class UnitRow(NamedTuple):
    """A directory right below the area, with everything below it."""

    path: str
    newest: Mapping[int, int]
    """By class: the time of its newest file or link, of those that there are."""
    changed: int
    """When the latest of its directories was modified."""
    load: Load
    """Its regular files, of all classes."""
    staying: int
    state: int


class ClassTotals(NamedTuple):
    """The files of one class in one of an area's directories. Sizes in bytes, times in ns.

    These are the columns of the table `total`.
    """

    files: int = 0
    """The last known ones where a directory cannot be read."""
    bytes: int = 0
    allocated: int = 0
    oldest: int | None = None
    newest: int | None = None
    first_due: int | None = None
    """The earliest cutoff at which something goes; None where nothing ever does."""
    readable_files: int = 0
    """Those of the files that are in directories that could be read."""
    readable_bytes: int = 0
    readable_allocated: int = 0


class RootTotals(NamedTuple):
    """One of an area's directories in numbers."""

    as_of: int = 0
    """When the last refresh was completed (ns); 0 before the first."""
    special: int = 0
    """FIFOs, sockets and devices, which never go."""
    directories: int = 0
    """Directories, its own included."""
    classes: Mapping[int, ClassTotals] = MappingProxyType({})
    """By number: the files of each class that there is something of."""

    def of(self, number: int) -> ClassTotals:
        """Return what is of a class."""
        return self.classes.get(number, ClassTotals())

    @property
    def files(self) -> int:
        """Regular files, of all classes."""
        return sum(found.files for found in self.classes.values())

    @property
    def bytes(self) -> int:
        """Their apparent size."""
        return sum(found.bytes for found in self.classes.values())

    @property
    def scanned(self) -> int:
        """Regular files in directories that could be read."""
        return sum(found.readable_files for found in self.classes.values())

    @property
    def readable(self) -> Load:
        """What is in directories that could be read."""
        return total(
            Load(found.readable_files, found.readable_bytes, found.readable_allocated)
            for found in self.classes.values()
        )

    @property
    def newest(self) -> int | None:
        """Time of the newest file (ns)."""
        return max(
            (found.newest for found in self.classes.values() if found.newest is not None), default=None
        )
