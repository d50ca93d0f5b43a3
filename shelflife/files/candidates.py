"""Candidates: listed entries that are due, packed, and what became of them.

A run lists, journals and removes files by the million. As long as nothing out of the ordinary happens to one of
them, nobody asks for it by name: so entries stay as they come from the primitives, in a few strings of bytes
for a whole directory – which is also the form in which the journal keeps them – and become objects only for
whoever looks at one.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from enum import Enum, IntEnum
from itertools import compress
from typing import TYPE_CHECKING, overload

from shelflife.files.listing import Entry, EntryKind, clamp, signed
from shelflife.files.removal import Outcome, Result
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable


class Fate(IntEnum):
    """What became of a candidate, as the primitives say it."""

    NOT_DONE = 0
    """Nothing yet; or it needs the careful way."""
    REMOVED = 1
    CHANGED = 2
    VANISHED = 3
    NOT_EXPIRED = 4
    IN_USE = 5
    STRAY = 6
    """It was moved, found changed, and could not be moved back: its name was taken."""


_OUTCOMES = {
    Fate.NOT_DONE: (Result.KEPT, Reason.NOT_REACHED),
    Fate.REMOVED: (Result.REMOVED, Reason.EXPIRED),
    Fate.CHANGED: (Result.KEPT, Reason.CHANGED),
    Fate.VANISHED: (Result.KEPT, Reason.VANISHED),
    Fate.NOT_EXPIRED: (Result.KEPT, Reason.NOT_EXPIRED),
    Fate.IN_USE: (Result.KEPT, Reason.IN_USE),
    Fate.STRAY: (Result.DISPLACED, Reason.CHANGED),
}


class Going(Enum):
    """What it means for a candidate that it went: the fate `REMOVED`."""

    REMOVED = (Result.REMOVED, Reason.EXPIRED)
    TRASHED = (Result.TRASHED, Reason.EXPIRED)
    PURGED = (Result.REMOVED, Reason.PURGED)
    RESTORED = (Result.RESTORED, Reason.RESTORED)


def meaning(fate: int, going: Going = Going.REMOVED) -> tuple[Result, Reason]:
    """Return what a fate is called in outcomes and in the journal."""
    return going.value if fate == Fate.REMOVED else _OUTCOMES[Fate(fate)]


class Candidates(Sequence[Entry]):
    """Files and links of one directory, packed."""

    __slots__ = ("facts", "kinds", "names", "times")

    def __init__(self, names: bytes, facts: bytes, times: bytes, kinds: bytes) -> None:
        """Take names joined by slashes; inodes, sizes and mtimes; file times; and kinds, a byte each.

        Numbers are 64-bit integers, signed, in the machine's order; inodes all before sizes before mtimes.
        """
        self.names = names
        self.facts = facts
        self.times = times
        self.kinds = kinds

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Candidates:
        """Pack entries."""
        listed = list(entries)
        facts = array("q", [signed(entry.inode) for entry in listed])
        facts.extend(entry.size for entry in listed)
        facts.extend(entry.mtime for entry in listed)
        return cls(
            os.fsencode("/".join([entry.name for entry in listed])),
            facts.tobytes(),
            array("q", [clamp(entry.time) for entry in listed]).tobytes(),
            bytes(entry.kind for entry in listed),
        )

    def __len__(self) -> int:
        return len(self.kinds)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        return list(self)[index]

    def __iter__(self) -> Iterator[Entry]:
        count = len(self)
        if not count:
            return
        facts = array("q", self.facts)
        rows = zip(
            os.fsdecode(self.names).split("/"),
            self.kinds,
            facts[:count],
            facts[count : 2 * count],
            facts[2 * count :],
            array("q", self.times),
            strict=True,
        )
        for name, kind, inode, size, mtime, time in rows:
            yield Entry(name, EntryKind(kind), inode % 2**64, size, mtime=mtime, time=time)

    @property
    def inodes(self) -> bytes:
        """Their inodes, as 64-bit integers, signed."""
        return self.facts[: 8 * len(self)]

    @property
    def files(self) -> int:
        """How many of them are regular files."""
        return self.kinds.count(EntryKind.FILE)

    @property
    def size(self) -> int:
        """The apparent size of those, in bytes."""
        count = len(self)
        sizes = array("q", self.facts[8 * count : 16 * count])
        return sum(sizes if self.files == count else compress(sizes, map(EntryKind.FILE.__eq__, self.kinds)))

    @property
    def weight(self) -> int:
        """Bytes that they take, about."""
        return 300 + len(self.names) + len(self.facts) + len(self.times)

    def portions(self, size: int) -> list[Candidates]:
        """Return them in portions of at most `size`."""
        count = len(self)
        if count <= size:
            return [self]
        names = self.names.split(b"/")
        return [self._portion(names, start, min(start + size, count)) for start in range(0, count, size)]

    def after(self, done: int) -> Candidates:
        """Return those after the first `done`."""
        return self._portion(self.names.split(b"/"), done, len(self)) if done else self

    def _portion(self, names: list[bytes], start: int, end: int) -> Candidates:
        row = 8 * len(self)
        columns = [self.facts[column * row + 8 * start : column * row + 8 * end] for column in range(3)]
        return Candidates(
            b"/".join(names[start:end]),
            b"".join(columns),
            self.times[8 * start : 8 * end],
            self.kinds[start:end],
        )


class Outcomes(Sequence[Outcome]):
    """What became of candidates: their fates, and each one's outcome for whoever asks."""

    __slots__ = ("candidates", "fates", "going")

    def __init__(self, candidates: Candidates, fates: bytes, going: Going = Going.REMOVED) -> None:
        """Join candidates with their fates: as many as are known, in order."""
        self.candidates = candidates
        self.fates = fates
        self.going = going

    def __len__(self) -> int:
        return len(self.fates)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | list[Outcome]:
        return list(self)[index]

    def __iter__(self) -> Iterator[Outcome]:
        for entry, fate in zip(self.candidates, self.fates, strict=False):
            yield Outcome(entry, *meaning(fate, self.going))

    @property
    def kept(self) -> list[Entry]:
        """The entries that are still there."""
        if self.fates.count(Fate.REMOVED) == len(self.fates):
            return []
        return [outcome.entry for outcome in self if not outcome.is_gone]
