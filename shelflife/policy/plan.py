"""The plan: what a cleanup would do, as a small value.

It is the dry run, the preview in API and dashboard, and what is executed. It names cutoffs and counts, not
files: those are streamed on demand from the due directories.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from shelflife.clock import as_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from shelflife.policy.cutoff import Cutoff, Cutoffs


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDirectory:
    """A directory with something to remove."""

    root: str
    """The area directory it lies in, relative to the base path."""

    path: str
    """The directory below `root`, with a trailing slash; empty for `root` itself."""

    files: int
    """Regular files that would go."""

    bytes: int
    """Their apparent size."""

    links: int = 0
    """Symbolic links that would go."""

    prune: bool = False
    """Whether nothing but the empty directory itself would go."""

    unit: bool = False
    """Whether the directory goes as one, with everything below it."""

    others: tuple[tuple[int, int, int], ...] = ()
    """Number, files and bytes of each class but the area's own that some of the files are of. All of a unit are
    of the class by whose cutoff it goes."""


class Purge(NamedTuple):
    """What would be removed from an area's trash for good."""

    files: int = 0
    bytes: int = 0
    waiting: int = 0
    """Files that wait in the trash, these included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaPlan:
    """What would go from one area."""

    area: str
    """The area's name."""

    cutoffs: Cutoffs
    """The absolute cutoffs, one for each class; none for what is kept indefinitely."""

    scanned: int = 0
    """Regular files considered."""

    special: int = 0
    """FIFOs, sockets and devices, which stay."""

    due: tuple[DueDirectory, ...] = field(default=(), repr=False)
    """The directories with something to remove, in path order."""

    errors: tuple[str, ...] = ()
    """What could not be looked at, and so stays."""

    arrived: int = 0
    """Files that would go and were due at the area's last cleanup already; counted where the plan is large."""

    purge: Purge = Purge()  # noqa: RUF009 - a tuple
    """What would be purged from its trash; counted where there is doubt about that."""

    patterns: tuple[tuple[str, ...], ...] = ()
    """By the number of the class: the patterns of what is of it; of the area's own there are none."""

    def of_class(self, number: int) -> tuple[int, int]:
        """Return how many files, and bytes, of another class than the area's own would go."""
        found = [
            (files, size)
            for directory in self.due
            for kind, files, size in directory.others
            if kind == number
        ]
        return sum(files for files, _ in found), sum(size for _, size in found)

    @property
    def cutoff(self) -> Cutoff | None:
        """The cutoff of the area's own class."""
        return self.cutoffs.own

    @property
    def files(self) -> int:
        """Regular files that would go."""
        return sum(directory.files for directory in self.due)

    @property
    def bytes(self) -> int:
        """Apparent size in bytes of the files that would go."""
        return sum(directory.bytes for directory in self.due)

    @property
    def links(self) -> int:
        """Symbolic links that would go."""
        return sum(directory.links for directory in self.due)

    @property
    def directories(self) -> int:
        """Directories with something to remove."""
        return len(self.due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a cleanup would do at one moment."""

    made: int
    """When it was made, in nanoseconds since the epoch."""

    areas: tuple[AreaPlan, ...]
    """Area by area, in the order of the settings."""

    @property
    def made_at(self) -> datetime:
        """When it was made, as an aware datetime."""
        return as_datetime(self.made)

    @property
    def id(self) -> str:
        """Ten hexadecimal digits that follow from time, areas and cutoffs."""
        cutoffs = [f"{plan.area}={_words(plan.cutoffs)}" for plan in self.areas]
        return sha256("\n".join([str(self.made), *cutoffs]).encode()).hexdigest()[:10]

    @property
    def files(self) -> int:
        """Regular files that would go."""
        return sum(plan.files for plan in self.areas)

    @property
    def bytes(self) -> int:
        """Apparent size in bytes of the files that would go."""
        return sum(plan.bytes for plan in self.areas)

    @property
    def scanned(self) -> int:
        """Regular files considered."""
        return sum(plan.scanned for plan in self.areas)

    @property
    def errors(self) -> tuple[str, ...]:
        """What could not be looked at, over all areas."""
        return tuple(error for plan in self.areas for error in plan.errors)


def _words(cutoffs: Cutoffs) -> str:
    own = str(cutoffs.own.at if cutoffs.own else None)
    others = enumerate(cutoffs.by_class[1:], start=1)
    return own + "".join(f",{number}:{cutoff.at}" for number, cutoff in others if cutoff)
