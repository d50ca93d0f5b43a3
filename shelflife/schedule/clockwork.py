"""APScheduler, made to keep time by our slots.

Four things are not as it comes:

- its cron trigger misreads cron strings; ours asks `Schedule`;
- it sleeps until the next job, however far that is, by a clock that does not notice when the time of day is
  changed or the machine was suspended; ours wakes every minute and looks again;
- a job that was planned by a clock that was wrong stays where it is; ours moves to the slot that comes first;
- its thread pool keeps the interpreter from ending; a job of ours runs in a thread that does not.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger

from shelflife.clock import as_datetime
from shelflife.clock import now as system_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.policy.schedule import Schedule

_quiet = logging.getLogger(f"{__name__}.jobs")
_quiet.setLevel(
    logging.WARNING
)  # APScheduler tells twice a slot, in each process, what our own lines say better

JOB: Final = "storage_cleanup"
"""The name of the one job."""

LONGEST_SLEEP: Final = 60.0
"""Seconds."""

_EARLIER: Final = timedelta(seconds=1)
"""By how much a slot must come before the time that its job is planned for, to matter."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SlotTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires at the slots of the schedule that is in force at that time."""

    def __init__(self, schedule: Callable[[], Schedule], clock: Callable[[], int]) -> None:
        """Take what returns the schedule in force, and the clock (ns) that its slots go by."""
        self._schedule = schedule
        self._clock = clock

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:  # noqa: ARG002 - APScheduler's
        """Return when the next slot comes; what was missed is the job's affair."""
        moment = self._clock()
        slot = self._schedule().next_after(moment)
        if slot is None:
            return None
        # APScheduler goes by the system's clock. Read after ours, so that the job never comes too early.
        return _EPOCH + timedelta(microseconds=-(-(system_time() + slot - moment) // 1000))

    def __str__(self) -> str:
        return f"slots[{self._schedule().expression}]"


class Clockwork(BackgroundScheduler):  # type: ignore[misc] # likewise
    """Calls a job at each slot, and something else every minute, in threads of its own."""

    def __init__(
        self,
        job: Callable[[], None],
        look: Callable[[], None],
        schedule: Callable[[], Schedule],
        clock: Callable[[], int],
    ) -> None:
        """Prepare; nothing runs yet. `look` is called every minute and must not raise."""
        self._threads = _ThreadPerJob()
        super().__init__(timezone=UTC, executors={"default": self._threads}, logger=_quiet)
        self._look = look
        self._trigger = SlotTrigger(schedule, clock)
        self._job = job

    def begin(self, *, delay: float) -> None:
        """Start. The job is called after `delay` seconds too, to look for what was missed."""
        now = as_datetime(system_time())
        first = now + timedelta(seconds=delay)
        slot = self._trigger.get_next_fire_time(None, now)
        self.add_job(
            self._job,
            self._trigger,
            id=JOB,
            name="storage cleanup",
            next_run_time=min(first, slot or first),
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )
        self.start()

    def end(self, *, timeout: float) -> bool:
        """Stop; return whether job and clock came to their ends within `timeout` seconds."""
        until = time.monotonic() + timeout
        BlockingScheduler.shutdown(self, wait=False)  # BackgroundScheduler's waits for its thread for ever
        self._thread.join(max(0.0, until - time.monotonic()))
        return self._threads.join(until) and not self._thread.is_alive()

    def _process_jobs(self) -> float:
        self._look()
        self._pull_forward()
        wait: float | None = super()._process_jobs()
        return LONGEST_SLEEP if wait is None else min(wait, LONGEST_SLEEP)

    def _pull_forward(self) -> None:
        """Move the job to the next slot when that comes before the time it is planned for."""
        job = self.get_job(JOB)
        slot = self._trigger.get_next_fire_time(None, as_datetime(system_time()))
        if job is not None and slot is not None and slot < job.next_run_time - _EARLIER:
            job.modify(next_run_time=slot)


class _ThreadPerJob(BaseExecutor):  # type: ignore[misc] # likewise
    """Runs each job in a daemon thread."""

    def __init__(self) -> None:
        super().__init__()
        self._running: set[threading.Thread] = set()

    def join(self, until: float) -> bool:
        """Wait for the jobs until a moment of the monotonic clock; return whether all ended."""
        threads = list(self._running)
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        thread = threading.Thread(
            target=self._run, args=(job, run_times), name="shelflife-cleanup", daemon=True
        )
        self._running.add(thread)
        thread.start()

    def _run(self, job: Any, run_times: list[datetime]) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, _quiet.name)
            self._run_job_success(job.id, events)
        finally:
            self._running.discard(threading.current_thread())
