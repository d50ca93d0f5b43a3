"""What a run did, as values: counts for each area, and the first failures by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shelflife.files.candidates import Fate, Going, Outcomes
from shelflife.files.listing import EntryKind
from shelflife.files.removal import Result
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.files.reading import TaskResult
    from shelflife.files.removal import Outcome

MOST_FAILURES: Final = 1000
"""Failures that a report names; all are counted, and all are in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that could not be done, or looked at."""

    path: str
    """Relative to the base path."""

    errno: int
    """Its cause; 0 when no system call gave one."""

    error: str
    """The cause in words."""


@dataclass(slots=True, kw_only=True)
class AreaReport:
    """What a run did in one area. Sizes in bytes."""

    area: str
    scanned: int = 0
    """Regular files considered, those in unchanged directories included."""
    special: int = 0
    """FIFOs, sockets and devices, which stay; not part of `scanned`."""
    removed: int = 0
    """Regular files removed."""
    bytes: int = 0
    """Their apparent size."""
    freed: int = 0
    """Blocks on disk that this gave back: of files whose last name it was."""
    inodes: int = 0
    """Inodes that this gave back: of those files, and of directories."""
    trashed: int = 0
    """Regular files moved into the trash."""
    trashed_bytes: int = 0
    """Their apparent size; not freed until they are purged."""
    purged: int = 0
    """Files removed from the trash, where their time was over; not part of `scanned`."""
    purged_bytes: int = 0
    """Their apparent size."""
    displaced: int = 0
    """Entries that could not be put back because their name was taken meanwhile; they wait in the trash."""
    failed: int = 0
    """Files, links and empty directories that should have gone and could not be removed."""
    links: int = 0
    """Symbolic links removed or moved into the trash."""
    directories: int = 0
    """Empty directories removed."""
    restored: int = 0
    """Files and links that came back from the trash."""
    taken: int = 0
    """Files and links that stay in the trash, since something of their name is there."""
    failures: list[Failure] = field(default_factory=list)
    """The first of what failed, and what could not be looked at."""
    errnos: Counter[int] = field(default_factory=Counter)
    """All of that by its cause; 0 where no system call gave one."""
    errors: list[str] = field(default_factory=list)
    """What kept the area, or part of it, from being looked at."""

    @property
    def kept(self) -> int:
        """Regular files that stayed."""
        return max(0, self.scanned - self.removed - self.trashed - self.failed - self.displaced)

    def add(self, outcome: Outcome) -> None:
        """Count the outcome of one entry that was to go."""
        entry = outcome.entry
        match outcome.result:
            case Result.DISPLACED:
                self.displaced += 1
            case Result.TRASHED if entry.is_file:
                self.trashed += 1
                self.trashed_bytes += entry.size
            case Result.RESTORED:
                self.restored += entry.kind is not EntryKind.DIRECTORY
            case Result.KEPT if outcome.reason is Reason.NAME_TAKEN:
                self.taken += entry.kind is not EntryKind.DIRECTORY
            case Result.REMOVED if outcome.reason is Reason.PURGED:
                self.purged += entry.is_file
                self.purged_bytes += entry.size if entry.is_file else 0
            case Result.REMOVED if entry.is_file:
                self.removed += 1
                self.bytes += entry.size
            case Result.REMOVED | Result.TRASHED:
                self.links += 1
        if outcome.result is Result.REMOVED and entry.links == 1:
            self.freed += entry.allocated
            self.inodes += 1

    def count(self, outcomes: Sequence[Outcome], answer: TaskResult | None) -> int:
        """Count outcomes, by the primitives' `answer` where there is one; return how many entries went."""
        if answer is not None and isinstance(outcomes, Outcomes):
            self._add_answer(answer, outcomes.going)
            self.displaced += outcomes.fates.count(Fate.STRAY)
            return answer.files + answer.links
        for outcome in outcomes:
            self.add(outcome)
        return sum(outcome.is_gone for outcome in outcomes)

    def _add_answer(self, answer: TaskResult, going: Going) -> None:
        match going:
            case Going.REMOVED:
                self.removed += answer.files
                self.bytes += answer.bytes
                self.links += answer.links
            case Going.TRASHED:
                self.trashed += answer.files
                self.trashed_bytes += answer.bytes
                self.links += answer.links
            case Going.PURGED:
                self.purged += answer.files
                self.purged_bytes += answer.bytes
            case Going.RESTORED:
                self.restored += answer.files
        if going in (Going.REMOVED, Going.PURGED):
            self.freed += answer.freed
            self.inodes += answer.inodes

    def fail(self, failure: Failure) -> None:
        """Count something that should have gone and could not."""
        self.failed += 1
        self.note(failure)

    def note(self, failure: Failure) -> None:
        """Count a failure by its cause, and name it."""
        self.errnos[failure.errno] += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did."""

    run: int
    """Its number in the journal."""

    plan: str
    """Id of the plan that it carried out."""

    state: str
    """How it ended: done, stopped or failed."""

    areas: Sequence[AreaReport]
    """Area by area, those kept indefinitely left out."""

    def total(self, name: str) -> int:
        """Return the sum of a count over the areas."""
        return sum(getattr(area, name) for area in self.areas)

    @property
    def removed(self) -> int:
        """Regular files removed."""
        return self.total("removed")

    @property
    def failed(self) -> int:
        """What should have gone and could not be removed."""
        return self.total("failed")

    @property
    def errors(self) -> list[str]:
        """What kept an area, or part of it, from being looked at."""
        return [error for area in self.areas for error in area.errors]

    def as_json(self) -> dict[str, Any]:
        """Return the report as it is printed, sent and kept in the journal."""
        return {
            "run": self.run,
            "plan": self.plan,
            "state": self.state,
            **{name: self.total(name) for name in _COUNTS},
            "bytes_freed": self.total("freed"),
            "areas": {
                area.area: {name: getattr(area, name) for name in _COUNTS}
                | {
                    "bytes_freed": area.freed,
                    "errors": area.errors,
                    "errnos": {str(code): count for code, count in area.errnos.items()},
                }
                for area in self.areas
            },
            "failures": [
                {"path": failure.path, "errno": failure.errno, "error": failure.error}
                for area in self.areas
                for failure in area.failures
            ][:MOST_FAILURES],
        }


_COUNTS: Final = (
    "scanned",
    "special",
    "removed",
    "trashed",
    "kept",
    "failed",
    "displaced",
    "bytes",
    "trashed_bytes",
    "purged",
    "purged_bytes",
    "links",
    "directories",
    "restored",
    "taken",
)
