"""What the schedule goes by: the settings in force, and since when its present slots are the ones that count."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shelflife.policy.schedule import Schedule

if TYPE_CHECKING:
    from shelflife.run.workplace import Workplace
    from shelflife.settings import Settings
    from shelflife.settings.in_force import SettingsInForce

logger = logging.getLogger(__name__)


class Current:
    """The storage by the settings in force, and their schedule."""

    def __init__(self, work: Workplace, in_force: SettingsInForce, *, now: int) -> None:
        """Begin with the settings that are in force at `now` (ns), for the storage that `work` is."""
        self._work = work
        self._in_force = in_force
        self._timing: tuple[object, ...] | None = None
        self._asked = now
        self.since: int | None = None
        """Slots up to this moment (ns) are of no concern to the schedule in force; None: all are.

        A changed schedule begins where the old one was last known to be in force, so nothing is made up for times
        at which it was not yet wanted."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._in_force.settings

    @property
    def work(self) -> Workplace:
        """The storage by these settings."""
        settings = self.settings
        if settings != self._work.settings:
            self._work = self._work.with_settings(settings)
        return self._work

    @property
    def schedule(self) -> Schedule:
        """When cleanups are due."""
        return Schedule.of(self.settings.cleanup)

    def read(self, now: int) -> None:
        """Read the configuration again. Raises what that raises, and then leaves all as it is."""
        if self._timing is None:
            self._timing = _timing(self.settings)
        self._observe(self._in_force.read(), now)

    def look(self, now: int) -> None:
        """Read the configuration again. What is wrong with it is logged once, and never raised."""
        if self._timing is None:
            self._timing = _timing(self.settings)
        settings = self._in_force.look(max_age=0)
        if not self._in_force.fault:
            self._observe(settings, now)

    def _observe(self, settings: Settings, now: int) -> None:
        """See whether the schedule is another one than the last time."""
        timing, cleanup = _timing(settings), settings.cleanup
        if timing != self._timing:
            self._timing, self.since = timing, self._asked
            state = (
                f"the schedule is {cleanup.schedule} ({cleanup.timezone})" if cleanup.enabled else "disabled"
            )
            logger.info("the configuration has changed: %s", state)
        if self.since is not None and now < self.since:
            self.since = None  # the clock was set back
        self._asked = now


def _timing(settings: Settings) -> tuple[object, ...]:
    cleanup = settings.cleanup
    return (cleanup.enabled, cleanup.schedule, cleanup.timezone)
