"""Watching a run that makes room: between two batches it says whether to go on.

What follows from what was released and what the file system shows is decided by `shelflife.policy.gain`; here it is
measured, and waited for.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shelflife.policy.gain import Balance, Step, next_step
from shelflife.policy.load import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shelflife.policy.gain import OnItsWay
    from shelflife.policy.watermark import Watermarks
    from shelflife.remove.report import AreaReport
    from shelflife.run.reclaim import Reclaimable

_LOOK: Final = 0.02
"""Seconds between two looks at whether it shows."""


class Enough(Exception):  # noqa: N818 - a signal, not a fault
    """There is room again."""


class NoGain(Exception):  # noqa: N818 - likewise
    """What was released gives no room."""


class PressureMonitor:
    """Ends a run between two batches, when there is room again or no use in going on."""

    def __init__(
        self,
        held: Reclaimable,
        reports: Sequence[AreaReport],
        *,
        marks: Watermarks,
        expected: OnItsWay | None,
        patience: float,
        stop: threading.Event | None,
    ) -> None:
        """Measure now. `marks` are those that were passed, `reports` are counted up by the run.

        `expected` is what was released before and is on its way; `patience` are the seconds that the file system
        has to show what is released.
        """
        self._held = held
        self._reports = reports
        self._marks = marks
        self._expected = expected
        self._patience = patience
        self._wait = (stop or threading.Event()).wait
        self._balance = Balance.begin(held.usage(), expected)

    def after(self, between: Callable[[], None]) -> Callable[[], None]:
        """Return what looks, each time that `between` is called."""

        def look() -> None:
            between()
            self.look()

        return look

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

    def look(self) -> None:
        """Raise Enough or NoGain, when it is time."""
        match self._step():
            case Step.ENOUGH:
                raise Enough
            case Step.NO_GAIN:
                raise NoGain
            case Step.SHOWN:
                self._balance = self._balance.shown()
            case _:
                pass

    def _step(self) -> Step:
        """Return what to do next, after waiting a little where that could help."""
        if (step := self._see(has_waited=False)) is not Step.WAIT:
            return step
        # Some file systems free in their own time, and all that is put off when they are told to write (btrfs).
        with suppress(OSError):
            self._held.sync()
        until = time.monotonic() + self._patience
        while (step := self._see(has_waited=time.monotonic() >= until)) is Step.WAIT:
            if self._wait(_LOOK):
                return self._see(has_waited=True)
        return step

    def _see(self, *, has_waited: bool) -> Step:
        usage = self._held.usage()
        self._balance = self._balance.seen(usage, self.released())
        return next_step(self._marks, self._balance, usage, has_waited=has_waited)
