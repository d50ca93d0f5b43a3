"""The slots of a schedule: the moments at which a cron string says that a cleanup is due.

Cron's own meaning, as Debian has it: 0 and 7 are Sunday; a day must match *either* day field when both are
restricted. Clock changes: a job at a set time runs once – at 02:30 when that comes twice, and right after the
gap when it does not come at all; a job for every hour or minute (`*`) runs by the time that passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final

from cronsim import CronSim

from shelflife.clock import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.settings import CleanupSettings

_MARGIN: Final = 4 * 3600
"""Seconds, more than clocks are ever changed by: slots are looked for from so far on the other side.

By local time alone, 02:30 is still to come when it is 02:10 for the second time.
"""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron string in a time zone. Slots and moments are in ns since the epoch."""

    expression: str
    """Five cron fields, checked (`shelflife.settings`)."""

    zone: tzinfo = UTC
    """Whose clock the fields mean."""

    @classmethod
    def of(cls, cleanup: CleanupSettings) -> Schedule:
        """Return the schedule that the settings name."""
        return cls(cleanup.schedule, cleanup.zone)

    def next_after(self, moment: int) -> int | None:
        """Return the first slot after a moment; None when none comes within 50 years."""
        slots = self._from(moment // SECOND - _MARGIN)
        return next((slot for slot in slots if slot > moment), None)

    def last_before(self, moment: int) -> int | None:
        """Return the last slot before a moment; None when there was none in 50 years."""
        slots = self._from(-(-moment // SECOND) + _MARGIN, reverse=True)
        return next((slot for slot in slots if slot < moment), None)

    def last_by(self, moment: int) -> int | None:
        """Return the last slot that has come by a moment, the one that is right now included."""
        return self.last_before(moment + 1)

    def _from(self, seconds: int, *, reverse: bool = False) -> Iterator[int]:
        start = datetime.fromtimestamp(seconds, self.zone)
        for time in CronSim(self.expression, start, reverse=reverse):
            yield int(time.timestamp()) * SECOND
