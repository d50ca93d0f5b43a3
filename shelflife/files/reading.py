"""Readings: what the primitives find in a directory, and what they are asked to do in it.

These are the values of the contract that the two implementations share (`shelflife.files.primitives`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ctypes import c_int
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.files.candidates import Candidates
from shelflife.files.survey import Key, Survey
from shelflife.policy.cutoff import KEEP_ALL, Cutoffs

if TYPE_CHECKING:
    from shelflife.files.known import Known
    from shelflife.policy.area import Area
    from shelflife.policy.rules import NativeRules

MOST_DUE: Final = 250_000
"""Due entries of one directory that a reading lists; the others are found when those are gone."""

NOTHING: Final = Candidates(b"", b"", b"", b"")


class Flag:
    """Tells the threads at work that they are to end, also those that are in compiled code."""

    def __init__(self) -> None:
        self.value = c_int(0)

    def set(self) -> None:
        """Ask for the end."""
        self.value.value = 1

    def __bool__(self) -> bool:
        return bool(self.value.value)


class Search(NamedTuple):
    """What is looked for in directories."""

    area: Area
    cutoffs: Cutoffs = KEEP_ALL
    """What is before them is listed."""
    workers: int = 1
    """So many threads may share a directory with thousands of entries."""
    known: Mapping[str, Known] = MappingProxyType({})
    """By path: directories that need not be read to their ends."""
    native: NativeRules | None = None
    """All that decides over every file of each of them, as values; None: the rules are asked about each file."""


class DueCounts(NamedTuple):
    """What of a directory is before a cutoff."""

    due_files: int
    due_bytes: int
    due_links: int
    empty: int | None
    """Modification time (ns) of a directory with nothing in it; None where there is something."""
    others: Mapping[int, tuple[int, int]] = MappingProxyType({})
    """By number of the class: files and bytes that are of another one than the area's own."""

    @classmethod
    def of(cls, survey: Survey) -> DueCounts:
        """Return what a survey counted."""
        empty = survey.key.mtime if survey.entries == 0 else None
        return cls(survey.due_files, survey.due_bytes, survey.due_links, empty, survey.due_others)


class Reading:
    """One directory as it was read: in numbers, and with the names of what is before a cutoff."""

    __slots__ = (
        *("_due", "_rest", "_survey"),
        *("cutoffs", "device", "entries", "error", "is_complete", "is_partial", "listed", "more"),
    )

    def __init__(
        self,
        *,
        error: int = 0,
        device: int = 0,
        survey: Survey | None = None,
        rest: Callable[[], Survey] | None = None,
        due: Candidates = NOTHING,
        cutoffs: Cutoffs = KEEP_ALL,
    ) -> None:
        self._survey: Survey | None = survey if survey is not None else Survey(key=Key(0, 0, 0))
        self._rest = rest
        self._due: Candidates | None = due
        self.error = error
        """Errno; nothing else is known then."""
        self.device = device
        self.cutoffs = cutoffs
        """What `due` is before."""
        self.listed = len(due)
        """How many entries `due` has."""
        self.more = self.survey.due_files + self.survey.due_links > len(due)
        """Whether there is more due than listed."""
        self.entries = self.survey.entries
        """Everything in it."""
        self.is_complete = self.survey.complete
        """Whether every entry could be looked at."""
        self.is_partial = False
        """Whether it was not read to its end: `survey` is what was known of it then, and what `rest` derives
        from that is right to the hour in its earliest times."""

    @property
    def survey(self) -> Survey:
        """All that is in the directory, not finished."""
        assert self._survey is not None  # noqa: S101 - given at the beginning
        return self._survey

    @property
    def due(self) -> Candidates:
        """What is before the cutoff."""
        assert self._due is not None  # noqa: S101 - likewise
        return self._due

    @property
    def key(self) -> bytes:
        """The directory's key as it was before, as `Key.pack` gives it."""
        return self.survey.key.pack()

    @property
    def counts(self) -> DueCounts:
        """How much that is."""
        return DueCounts.of(self.survey)

    def rest(self) -> Survey:
        """Return a survey of what stays when `due` is gone, not finished."""
        return self._rest() if self._rest is not None else self.survey

    def fold(self) -> None:
        """Take little memory until somebody asks for more."""

    @property
    def weight(self) -> int:
        """Bytes that it takes then, about."""
        return 1500 + self.due.weight


class RemovalTask(NamedTuple):
    """What is to be removed from one directory."""

    path: str
    device: int
    key: bytes
    """As `Key.pack` gives it."""
    entries: Candidates
    same: bool
    """Whether the directory must have the same mtime and ctime as when it was read."""
    empty: bool
    """Whether the directory goes, too, when that has emptied it."""
    cutoff: int
    """What is of this time (ns) or a later one stays: the cutoff of the class of all of them."""
    target: str | None = None
    """Where entries go, if not for good: a directory below the anchor, made where it is missing to mirror `path`.

    Its last directories get modes and owners of those at the end of `path`.
    """
    whole: bool = False
    """Whether the directory itself goes there, by one rename: `entries` is all that is in it. It is looked at
    then, and comes back when not all of that goes after all."""


class Manner(NamedTuple):
    """How it is removed."""

    area: Area
    cutoffs: Cutoffs | None
    """Those that the tasks have theirs from; None where age no longer matters, in the trash."""
    until: int
    """When to stop, by time.monotonic_ns()."""
    owner: tuple[int, int] = (0, 0)
    """Whom directories belong to (uid, gid) that root makes, where nothing else says so."""
    looks: bool = False
    """Whether that is all: what could go has the fate of what went, and stays."""


class TaskResult(NamedTuple):
    """What became of a task."""

    error: int
    """Errno of something out of the ordinary: what has no fate yet needs the careful way. 0: none."""
    fates: bytes
    """A `Fate` for each entry that was reached, in order."""
    files: int = 0
    """Regular files removed."""
    bytes: int = 0
    """Their apparent size."""
    links: int = 0
    """Symbolic links removed."""
    freed: int = 0
    """Bytes on disk of those whose last name it was."""
    inodes: int = 0
    """How many these are."""
    pruned: bool = False
    """Whether the directory is gone."""
    stranded: bool = False
    """Whether the directory went as one, should have come back and could not: it waits at the target."""
