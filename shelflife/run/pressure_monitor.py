"""Watching a run that makes room: between two batches it says whether to go on.

What follows from what was released and what the file system shows is decided by `shelflife.policy.gain`; here it
is measured, and waited for.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.policy.gain import Balance, ReliefStep, next_step
from shelflife.policy.load import Load
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from shelflife.policy.gain import OnItsWay
    from shelflife.policy.watermark import Watermarks
    from shelflife.remove.report import AreaReport
    from shelflife.run.reclaim import Reclaimable
    from shelflife.scan.context import Watch

_LOOK: Final = 0.02
"""Seconds between two looks at whether it shows."""


class Patience(NamedTuple):
    """How long one waits for a file system to show what was released."""

    seconds: float
    stop: threading.Event
    """Set, one waits no longer."""


class PressureMonitor:
    """A watch that ends a run between two batches, when there is room again or no use in going on.

    `finding` says which of the two: ENOUGH or NO_GAIN; None as long as neither was found.
    """

    def __init__(
        self,
        held: Reclaimable,
        reports: Sequence[AreaReport],
        *,
        inner: Watch,
        marks: Watermarks,
        expected: OnItsWay | None,
        patience: Patience,
    ) -> None:
        """Measure now. `marks` are those that were passed, `reports` are counted up by the run.

        `inner` is asked first. `expected` is what was released before and is on its way.
        """
        self.finding: ReliefStep | None = None
        self._held = held
        self._reports = reports
        self._inner = inner
        self._marks = marks
        self._expected = expected
        self._patience = patience
        self._balance = Balance.begin(held.usage(), expected)

    def look(self) -> None:
        """See `shelflife.scan.context.Watch`."""
        self._inner.look()
        step = self._step()
        if step is ReliefStep.SHOWN:
            self._balance = self._balance.shown()
        elif step is not ReliefStep.GO_ON:
            self.finding = step
            raise Stopped

    def released(self) -> Load:
        """Return what this run has given back, by its own count, of what its watermarks are about."""
        return self._marks.only(
            Load(
                files=sum(report.inodes + report.directories for report in self._reports),
                allocated=sum(report.freed for report in self._reports),
            )
        )

    def on_its_way(self, now: int) -> OnItsWay | None:
        """Return what does not show yet at `now` (ns)."""
        return self._balance.end(now, self._expected)

    def _step(self) -> ReliefStep:
        """Return what to do next, after waiting a little where that could help."""
        if (step := self._see(has_waited=False)) is not ReliefStep.WAIT:
            return step
        # Some file systems free in their own time, and all that is put off when they are told to write (btrfs).
        with suppress(OSError):
            self._held.sync()
        until = time.monotonic() + self._patience.seconds
        while (step := self._see(has_waited=time.monotonic() >= until)) is ReliefStep.WAIT:
            if self._patience.stop.wait(_LOOK):
                return self._see(has_waited=True)
        return step

    def _see(self, *, has_waited: bool) -> ReliefStep:
        usage = self._held.usage()
        self._balance = self._balance.seen(usage, self.released())
        return next_step(self._marks, self._balance, usage, has_waited=has_waited)
