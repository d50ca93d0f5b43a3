"""The gauge: says between two batches when there is room again, or no use in going on.

Two counts are kept: what the file system shows, and what we have released.
"""

from __future__ import annotations

import threading
import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from shelflife.policy.load import NOTHING, Load
from shelflife.policy.pressure import still_needed
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shelflife.policy.pressure import Usage
    from shelflife.remove.report import AreaReport
    from shelflife.scan.context import Watch

_LOOK: Final = 0.02
"""Seconds between two looks at whether it shows."""

_SLACK: Final = 1024 * 1024
"""Bytes that must have been released before their absence means something: the journal writes meanwhile."""

_SLACK_INODES: Final = 8
"""Likewise."""


class Finding(Enum):
    """Why a run need not go on."""

    ENOUGH = auto()
    """There is room again."""
    NO_GAIN = auto()
    """What was released gives no room."""


class PressureMonitor:
    """A watch that ends a run between two batches, when there is room again or no use in going on.

    `finding` says which of the two; None as long as neither was found.
    """

    def __init__(
        self,
        usage: Callable[[], Usage],
        reports: Sequence[AreaReport],
        *,
        inner: Watch,
        low: int,
        patience: float,
        stop: threading.Event | None,
    ) -> None:
        """Measure now. `usage` returns what is too full, and only that; `reports` are counted up by the run.

        `inner` is asked first.
        """
        self.finding: Finding | None = None
        self._inner = inner
        self._usage = usage
        self._reports = reports
        self._low = low
        self._patience = patience
        self._wait = (stop or threading.Event()).wait
        self._start = usage()
        self._shown = self._start
        self._shown_at = NOTHING

    def look(self) -> None:
        """See `shelflife.scan.context.Watch`."""
        self._inner.look()
        self.finding = self.find()
        if self.finding is not None:
            raise Stopped

    def released(self) -> Load:
        """Return what this run has given back, by its own count."""
        return Load(
            files=sum(report.inodes + report.directories for report in self._reports),
            allocated=sum(report.freed for report in self._reports),
        )

    def find(self) -> Finding | None:
        """Return why the run need not go on; None when it must."""
        now, released = self._usage(), self.released()
        if still_needed(self._start, now, released, self._low) == NOTHING:
            return Finding.ENOUGH
        if self._must_show(released) and not self._shows(now):
            return Finding.NO_GAIN
        return None

    def _must_show(self, released: Load) -> bool:
        since = released.less(self._shown_at)
        by_bytes = self._start.space.used and since.allocated >= _SLACK
        by_inodes = self._start.inodes.used and since.files >= _SLACK_INODES
        return bool(by_bytes or by_inodes)

    def _shows(self, now: Usage) -> bool:
        """Return whether less is used than before; wait a little for that."""
        until = time.monotonic() + self._patience
        while not (now.space.used < self._shown.space.used or now.inodes.used < self._shown.inodes.used):
            if time.monotonic() >= until or self._wait(_LOOK):
                return False
            now = self._usage()
        self._shown, self._shown_at = now, self.released()
        return True
