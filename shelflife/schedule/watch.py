"""Looking after the disks while an application runs, and seeing to it that people are told what needs them.

The first look is at its start, the others come every `pressure.check_every`. Each process of the application
looks by itself, which is one system call for each disk. When one is too full, whoever gets the lock makes room;
the others wait for the lock and find that there is room again.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shelflife.alerts import Dispatcher
from shelflife.run.making_room import relieve
from shelflife.run.sampling import sample
from shelflife.run.settings_seen import tell_changed_settings
from shelflife.settings.in_force import FAULTS

if TYPE_CHECKING:
    from shelflife.schedule.current import Current
    from shelflife.settings import Settings

logger = logging.getLogger(__name__)

IDLE: Final = 60.0
"""Seconds between two looks at whether watermarks are set by now."""

SAMPLE_EVERY: Final = 3600.0
"""Seconds between two samples for the forecast, where no cleanup takes them."""


class DiskWatch:
    """Looks at the disks, and makes room on them, in a thread of its own."""

    def __init__(self, current: Current, *, stop: threading.Event, delay: float) -> None:
        """Take the configuration in force; the first look comes `delay` seconds after `begin`."""
        self._current = current
        self._stop = stop
        self._delay = delay
        self._seen: Settings | None = None
        self._fault = ""
        self._dispatcher = Dispatcher()
        self._thread = threading.Thread(target=self._run, name="shelflife-watch", daemon=True)

    def begin(self) -> None:
        """Start looking."""
        self._thread.start()

    def end(self, until: float) -> bool:
        """Wait, until a moment of the monotonic clock, for a look to end; return whether it has."""
        self._thread.join(max(0.0, until - time.monotonic()))
        self._dispatcher.sender.end(timeout=0.0)  # what it has in hand is in the journal
        return not self._thread.is_alive()

    def look(self) -> float:
        """Make room where it is needed; return the seconds until the next look. Never raises a fault."""
        work, settings = self._current.work, self._current.settings
        relieved, wait = None, IDLE
        if settings is not self._seen:
            with suppress(*FAULTS):  # whatever is wrong is said below, or by who reads the events
                tell_changed_settings(work)
                self._seen = settings
        if not settings.cleanup.enabled:
            return wait
        try:
            if settings.pressure is not None:
                wait = float(settings.pressure.check_every)
                relieved = relieve(work, stop=self._stop, wait=wait)  # then it is told who holds the lock
            sample(work, at_most_every=SAMPLE_EVERY)
        except FAULTS as error:
            if str(error) != self._fault:
                self._fault = str(error)
                logger.error("cannot see to it that the disk does not fill: %s", error)  # noqa: TRY400 - says it all
        else:
            self._fault = ""
        self._dispatcher.look(work, relieved)
        return wait

    def _run(self) -> None:
        wait = self._delay
        while not self._stop.wait(wait):
            wait = self.look()
