"""The scheduler: cleanups by the schedule of the settings, inside an application.

One is made for each process that may clean up; together they run each slot once. It works in threads of its
own, so it stands beside an event loop without blocking it. Nothing is read, opened or started before `start`,
which may be called in a forked worker of a process that made the scheduler::

    scheduler = engine.scheduler(load=lambda: load_settings("config.yaml"))
    scheduler.start()
    ...
    scheduler.stop()
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Final

from shelflife.errors import CleanupDisabled
from shelflife.formats import moment
from shelflife.policy.schedule import Schedule
from shelflife.records.history import Trigger
from shelflife.run.refusal import refuse
from shelflife.run.retention import Retention
from shelflife.run.run import RunRequest, run
from shelflife.schedule.current import Current
from shelflife.schedule.job import PAUSE, Job, log_preview
from shelflife.schedule.watch import DiskWatch
from shelflife.settings.in_force import FAULTS, SettingsInForce

if TYPE_CHECKING:
    from shelflife.remove.report import RunReport
    from shelflife.run.workplace import Workplace
    from shelflife.schedule.clockwork import Clockwork
    from shelflife.settings import Settings

__all__ = ["DELAY", "PAUSE", "STOP_WITHIN", "Scheduler"]

logger = logging.getLogger(__name__)

STOP_WITHIN: Final = 5.0
"""Seconds that `Scheduler.stop` waits for a run to end."""

DELAY: Final = 5.0
"""Seconds after the start until a missed slot is made up for."""


class Scheduler:
    """Runs the cleanups of one storage by its schedule."""

    def __init__(
        self,
        work: Workplace,
        in_force: SettingsInForce,
        *,
        delay: float = DELAY,
        pause: float = PAUSE,
    ) -> None:
        """Take what to run; nothing happens yet.

        Args:
            work: whose cleanups are run, with its listeners and its clock.
            in_force: the settings, which are read again every minute and before each run.
            delay: seconds after the start until a missed slot is made up for.
            pause: seconds between two looks at whether another cleanup has ended.
        """
        self._in_force = in_force
        self._clock = work.clock
        self._delay = delay
        self._pause = pause
        self._current = Current(work, in_force, now=work.clock())
        self._begun: tuple[int, Clockwork] | None = None
        self._watch: DiskWatch | None = None
        self._stop = threading.Event()

    # -- what it is

    @property
    def work(self) -> Workplace:
        """The storage by the settings in force."""
        return self._current.work

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._current.settings

    @property
    def running(self) -> bool:
        """Whether it was started, in this process, and not stopped."""
        return self.clockwork is not None

    @property
    def clockwork(self) -> Clockwork | None:
        """The APScheduler that keeps the time while this one runs."""
        pid, clockwork = self._begun or (0, None)
        return clockwork if pid == os.getpid() else None  # after a fork there are no threads

    @property
    def next_slot(self) -> int | None:
        """When the next cleanup is due (ns); None when none is, because it does not run or is disabled."""
        if not self.running or not self.settings.cleanup.enabled:
            return None
        return Schedule.of(self.settings.cleanup).next_after(self._clock())

    # -- what it does

    def start(self) -> bool:
        """Begin to keep the schedule; return whether it does.

        It does not when it is disabled, and logs that; when it already runs, it warns and goes on.
        """
        if self.running:
            logger.warning("the scheduler is already running")
            return True
        cleanup = self.settings.cleanup
        if not cleanup.enabled:
            logger.info("cleanups are disabled (cleanup.enabled is false): nothing is scheduled")
            return False
        from shelflife.schedule.clockwork import Clockwork

        now = self._clock()
        self._stop = threading.Event()
        self._current = Current(self._current.work, self._in_force, now=now)
        job = Job(self._current, started=now, stop=self._stop, clock=self._clock, pause=self._pause)
        clockwork = Clockwork(job, self._look, lambda: self._current.schedule, self._clock)
        clockwork.begin(delay=self._delay)
        self._watch = DiskWatch(self._current, stop=self._stop, delay=self._delay)
        self._watch.begin()
        self._begun = (os.getpid(), clockwork)
        atexit.register(self.stop)
        following = Schedule.of(cleanup).next_after(now)
        when = "never" if following is None else moment(following)
        logger.info("cleanups are scheduled: %s (%s), next %s", cleanup.schedule, cleanup.timezone, when)
        return True

    def stop(self, *, timeout: float = STOP_WITHIN) -> bool:
        """End the schedule, and a run at its next batch; return whether all ended within `timeout` seconds.

        Cleanups that `run_now` began in other threads are told to end, and not waited for. Harmless when
        nothing runs.
        """
        clockwork, self._begun = self.clockwork, None
        stop, self._stop = self._stop, threading.Event()
        stop.set()
        atexit.unregister(self.stop)
        if clockwork is None:
            return True
        until = time.monotonic() + timeout
        ended = clockwork.end(timeout=timeout)
        watch, self._watch = self._watch, None
        if watch is not None:
            ended = watch.end(until) and ended
        if ended:
            logger.info("the scheduler has stopped")
        else:
            logger.warning("a cleanup did not end within %g s; it ends with this process", timeout)
        return ended

    def run_now(self, *, trigger: Trigger = Trigger.PROGRAM) -> RunReport | None:
        """Read the configuration again and run a cleanup; None where it allows dry runs only.

        What a dry run would remove is logged. Raises CleanupDisabled, CleanupBusy, StorageError,
        RecordsError, and what is wrong with the configuration; the run is then recorded as refused.
        """
        try:
            self._current.read(self._clock())
        except FAULTS as error:
            refuse(self.work, f"the configuration cannot be read: {error}", trigger=trigger)
            raise
        work, cleanup = self.work, self.settings.cleanup
        if not cleanup.enabled:
            raise CleanupDisabled
        if cleanup.dry_run:
            log_preview(work)
            return None
        return run(work, RunRequest(trigger=trigger, stop=self._stop), Retention(areas=tuple(work.areas)))

    def _look(self) -> None:
        self._current.look(self._clock())
