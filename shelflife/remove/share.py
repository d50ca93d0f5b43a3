"""Shares: what is to go from one directory in one batch, or a part of one, with what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shelflife.errors import ShelflifeError
from shelflife.files.candidates import Candidates, Fate, Outcomes
from shelflife.files.reading import Reading, RemovalTask
from shelflife.records.history import BatchKind
from shelflife.remove.batch import Portion
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    from shelflife.files.listing import Entry
    from shelflife.files.reading import Flag

_INTENTS: Final = 1000
"""Entries whose removal is journalled in one transaction, or directories that are worth as many."""

ENDS_A_RUN: Final = (Stopped, ShelflifeError, OSError)
"""What ends the work of one of several threads; the one that takes the results finds it out again, and raises."""


@dataclass(slots=True)
class Directory:
    """One directory of a lot, and what became of it."""

    path: str
    reading: Reading
    careful: bool = False
    """Whether it needs the careful way, for what is left."""
    pruned: bool = False
    """Whether it is gone itself."""
    portions: list[Share] = field(default_factory=list)
    """Its due entries, and what became of them."""

    @property
    def has_acted(self) -> bool:
        """Whether anything went."""
        gone = (Fate.REMOVED, Fate.VANISHED)
        return any(
            fate in step.outcomes.fates
            for portion in self.portions
            for step in portion.steps
            if isinstance(step.outcomes, Outcomes)
            for fate in gone
        )

    def kept(self) -> list[Entry]:
        """Return the due entries that are still there."""
        kept: list[Entry] = []
        for portion in self.portions:
            outcomes = portion.outcomes
            if isinstance(outcomes, Outcomes):
                kept += outcomes.kept
            kept += portion.rest
        return kept

    def divide(self, cutoff: int, size: int, *, prune: bool, below: int = 0) -> list[Share]:
        """Return all that is due in it, in shares of at most `size`; if `prune`, it goes itself with the last.

        So many of its entries are directories `below`, which will be gone by then.
        """
        left = self.reading.entries - below
        shares = []
        for portion in self.reading.due.portions(size):
            left -= len(portion)
            empty = prune and left == 0
            if len(portion) or empty:
                shares.append(Share(self.path, portion, directory=self, empty=empty, cutoff=cutoff))
        return shares


@dataclass(slots=True)
class Share(Portion):
    """A portion of a directory's due entries; of an empty directory that should go it has none."""

    directory: Directory = field(kw_only=True)
    empty: bool = field(kw_only=True)
    """Whether the directory is to go, too, when that has emptied it."""

    cutoff: int = field(kw_only=True)
    """That of the class of all of them (ns)."""

    same: bool = field(default=False, kw_only=True)
    """Whether the directory must not have changed since it was read."""

    def task(self, candidates: Candidates, target: str | None) -> RemovalTask:
        """Return what the primitives are to do about `candidates` of it: into `target`, for good if None."""
        reading, whole = self.directory.reading, self.kind is BatchKind.DIRECTORY
        return RemovalTask(
            self.path,
            reading.device,
            reading.key,
            candidates,
            same=self.same or whole,
            empty=self.empty,
            cutoff=self.cutoff,
            target=target,
            whole=whole,
        )


def groups_of(shares: Sequence[Share], stop: Flag | None = None) -> Iterator[list[Share]]:
    """Yield shares in groups that are written down in one transaction, until `stop` is set."""
    group: list[Share] = []
    used = 0
    for share in shares:
        group.append(share)
        used += share.weight
        if used >= _INTENTS:
            if stop:
                return
            yield group
            group, used = [], 0
    if group and not stop:
        yield group
