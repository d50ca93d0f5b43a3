"""What ended runs and failed files add up to, as the rest of the program sees it: counts that only ever grow."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

BOUNDS: Final = (1, 5, 15, 60, 300, 900, 3600, 14400)
"""Seconds by which the durations of runs are told apart. Only ever append: what was counted is not recounted."""


class RunTally(NamedTuple):
    """Runs of one kind that took about as long."""

    trigger: str
    """`Trigger`."""
    state: str
    """How they ended: `RunState`."""
    within: int
    """Seconds, the smallest of `BOUNDS` within which they ended; 0 where they took longer than all."""
    runs: int
    nanoseconds: int
    """How long they took together."""


class FailureTally(NamedTuple):
    """What runs could not do in one area because of one error."""

    area: str
    errno: int
    """0 where no system call gave one."""
    failures: int


class TallyBook(Protocol):
    """What all ended runs add up to, those that are forgotten included. Runs are counted when they end."""

    def runs(self) -> list[RunTally]:
        """Return the runs that ended, refused ones included, by kind and duration."""

    def failures(self) -> list[FailureTally]:
        """Return what they could not do, by area and error."""
