"""The index: what is on disk, one row for each directory, and what it tells, as values.

A media service keeps millions of files in thousands of directories. Walking them all costs the same whether
anything is due or not; a row that is still true costs one stat. A row decides nothing about a file: it only
proposes where to look. The index is a cache – delete it, and the next run builds it again.

`Index` is what a run works with; who keeps it elsewhere than in SQLite writes one that passes
`tests/unit/records/contract/test_index.py`. A *root* is the number of one of an area's directories; paths are
below it, with a slash after each directory, its own being empty, and come in preorder: each directory before what
is below it, and that before anything else.
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shelflife.policy.load import Load, total

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from shelflife.files.known import Known
    from shelflife.files.survey import Key, Survey
    from shelflife.policy.cutoff import Cutoffs


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


class IndexedSums(Protocol):
    """The areas' directories in numbers. May be asked at any time; writes that are kept back count."""

    def find(self, directory: str) -> int | None:
        """Return the root of an area's directory (relative to the base path), if it is recorded."""

    def totals(self, directory: str) -> RootTotals:
        """Return an area's directory in numbers, as of its last `complete`; zeros when it was never scanned."""

    def sums(self, root: int) -> RootTotals:
        """Return a root in numbers, as its rows are now."""

    def hours(
        self, root: int, *, number: int = 0, own: bool = False, top: str | None = None
    ) -> dict[int, Load]:
        """Return what of a class is of which hour, in directories that could be read.

        With `own`, in the root's own; with a `top`, in that directory right below it and in all below that.
        """


class IndexedPlaces(Protocol):
    """Which directories to look at. Never too few; perhaps too many, since a file can have become younger."""

    def due(self, root: int, cutoffs: Cutoffs) -> Iterator[str]:
        """Yield the directories in which something of some class may be before its cutoff, in preorder.

        Rows may be written meanwhile.
        """

    def between(self, root: int, start: int, end: int) -> list[str]:
        """Return the directories that may hold files of a time from `start` (ns) on and before `end`."""

    def empty(self, root: int) -> list[tuple[str, int]]:
        """Return the directories below the root that hold nothing, in preorder, each with its mtime (ns)."""

    def plain(self, root: int, paths: Sequence[str], cutoffs: Cutoffs, rules: int) -> dict[str, Known]:
        """Return which of `paths`, in preorder, hold files of one class only, not all before its cutoff.

        They are as of their listings, under today's `rules`, and true as long as the key is.
        """

    def units(self, root: int) -> Iterator[UnitRow]:
        """Yield the directories right below a root with the sums of all below them."""

    def tops(self, root: int) -> list[str]:
        """Return the names of the directories right below the root."""

    def places_of(self, root: int, inodes: Collection[int]) -> list[str]:
        """Return where directories with these inodes (signed) were when they were listed, in preorder."""


class IndexedRows(Protocol):
    """The rows themselves, as far as they were flushed."""

    def rows(self, root: int) -> Iterator[Row]:
        """Yield the rows below a root in preorder, the root's own first.

        Rows may be written and dropped meanwhile; what is written behind the current one is not yielded.
        """

    def pages(self, root: int, trust: Trust) -> Iterator[Page]:
        """Yield the rows below a root in preorder, page by page, the root's own alone first.

        As for `rows`.
        """

    def row(self, root: int, path: str) -> Row | None:
        """Return the row of one directory."""


class Index(IndexedSums, IndexedPlaces, IndexedRows, Protocol):
    """The rows of one storage. Writes may be kept back until `flush`; what was not flushed is lost at its end.

    A full disk is no reason to raise: what is learned then may be forgotten, and is learned again. Raises
    RecordsError where the index fails otherwise, which the next one to open it mends.
    """

    def root(self, directory: str) -> int:
        """Return the root of an area's directory (relative to the base path), recorded if need be."""

    def put(
        self, root: int, path: str, survey: Survey, *, listed: int, rules: int, state: RowState | None = None
    ) -> None:
        """Record a survey; its own state unless `state` says otherwise."""

    def mark(self, root: int, path: str, state: RowState, *, listed: int) -> None:
        """Record that a directory, and so all below it, could not be read; what was known is kept."""

    def forget(self, root: int, path: str) -> None:
        """Forget one directory that was removed, empty."""

    def drop(self, root: int, *paths: str) -> None:
        """Forget directories and all below them."""

    def complete(self, root: int, *, as_of: int | None) -> None:
        """Sum up a root; with `as_of` (ns) because a refresh of it is completed."""

    def flush(self) -> None:
        """Write what was kept back."""
