"""Room to be made on one file system: what is asked of the runs that make it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from shelflife.policy.gain import OUR_RECORDS, Remembered, expected_of
from shelflife.policy.load import NOTHING, Load
from shelflife.policy.watermark import Watermarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.pressure import ReliefPlan
    from shelflife.policy.watermark import Usage
    from shelflife.records.journal import Journal
    from shelflife.remove.report import RunReport
    from shelflife.run.pressure_monitor import Patience
    from shelflife.storage.disks import Disk


class ReliefOutcome(StrEnum):
    """How it stands with a file system that was too full."""

    CALM = "calm"
    """It is not above the high watermark: nothing was done."""
    RELIEVED = "relieved"
    """It was, and is below the low one, or what was released will bring it there."""
    NOT_ENOUGH = "not enough"
    """All that may go is gone, and that was not enough."""
    HOPELESS = "hopeless"
    """All that could go would not be enough, so only trash and expired files went."""
    NO_GAIN = "no gain"
    """What was released gave no room: it is open, in a snapshot, or is written as fast as it is removed."""
    BUSY = "busy"
    """Another cleanup was running all the time that was given for waiting."""
    STOPPED = "stopped"
    """It was asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRelief:
    """What was done about one file system."""

    disk: Disk
    """As it was found."""

    after: Usage
    """How full it was in the end."""

    outcome: ReliefOutcome

    runs: tuple[RunReport, ...] = ()
    """What went."""

    fills: tuple[str, ...] = ()
    """What fills it, in words, where room could not be made."""


@dataclass(slots=True, kw_only=True)
class ReliefTask:
    """Room to be made on one file system, in one run or in several."""

    disk: Disk
    marks: Watermarks
    patience: Patience
    until: float | None = None
    """When to wait no longer for the lock, by the monotonic clock."""
    insist: bool = False
    tries: int = 0
    missing: Load = NOTHING
    """What earlier runs had counted on in vain."""
    relief: ReliefPlan | None = None
    outcome: ReliefOutcome = ReliefOutcome.CALM
    is_concluded: bool = False
    """Whether the run at hand has found out how it stands."""
    reports: list[RunReport] = field(default_factory=list)
    fills: list[str] = field(default_factory=list)
    may_try_again: bool = False
    """Whether another run could make up for what this one had counted on in vain."""
    passed: Watermarks = field(init=False)
    """The watermarks that it is about."""

    def __post_init__(self) -> None:
        self.passed = self.marks.passed(self.disk.usage)

    def conclude(self, outcome: ReliefOutcome, fills: Sequence[str] = ()) -> None:
        """Take how it stands, and why."""
        self.outcome = outcome
        self.fills = list(fills)
        self.is_concluded = True

    def is_worth_another(self, now: Usage) -> bool:
        """Return whether to run once more: something was kept, or our own records took what was missing."""
        if self.outcome is ReliefOutcome.NOT_ENOUGH:
            return self.may_try_again
        excess = self.passed.above_low(now)
        return self.outcome is ReliefOutcome.RELIEVED and excess != NOTHING and OUR_RECORDS.covers(excess)

    def recall(self, journal: Journal, usage: Usage, now: int) -> Remembered:
        """Return what earlier looks left, as it stands now; nothing where a person says to go on."""
        before = journal.pressure.recall(self.disk.name, self.disk.file_system)
        if self.insist and self.tries == 1:
            return Remembered(file_system=self.disk.file_system)
        return replace(before, expected=expected_of(before.expected, usage, now))
