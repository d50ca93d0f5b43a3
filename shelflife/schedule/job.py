"""What is done when a slot of the schedule has come.

Every process of the application has this job, and all wake for the same slot. Whoever gets the lock first
takes the slot, in the journal, and runs; the others find it taken. A slot is due when it has come and neither
it nor a later one was taken, so what was missed while nothing ran is made up for – once, since only the last
slot counts.

While another cleanup runs, the slot waits, until it is somebody's or the next one has come. The clock may
jump: slots taken in what is now the future are left out of account, so that they stop nothing; when their
time comes they count as taken, so that nothing runs twice.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from shelflife.actor import Actor, Via, acting
from shelflife.clock import MINUTE, as_datetime
from shelflife.errors import CleanupBusy, NeedsApproval, SlotTaken
from shelflife.formats import human_size, moment, visible
from shelflife.records.history import Trigger
from shelflife.run.lock import holder_of
from shelflife.run.preview import planned_files, preview
from shelflife.run.refusal import refuse
from shelflife.run.retention import Retention
from shelflife.run.run import RunRequest, run
from shelflife.settings.in_force import FAULTS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from shelflife.run.lock import Holder
    from shelflife.run.workplace import Workplace
    from shelflife.schedule.current import Current

logger = logging.getLogger(__name__)

PAUSE: Final = 1.0
"""Seconds between two looks at whether the lock is free."""

PAUSE_AFTER_ERROR: Final = 60.0
"""Seconds between two tries while the storage cannot be used."""

_MISSED: Final = MINUTE
"""How late (ns) a slot is said to have been missed."""


class Job:
    """Runs the cleanup of each slot that is due."""

    def __init__(
        self,
        current: Current,
        *,
        started: int,
        stop: threading.Event,
        clock: Callable[[], int],
        pause: float = PAUSE,
        pause_after_error: float = PAUSE_AFTER_ERROR,
    ) -> None:
        """Take what is shared; `started` (ns) is when the schedule began to be kept."""
        self._current = current
        self._started = started
        self._stop = stop
        self._clock = clock
        self._pause = pause
        self._pause_after_error = pause_after_error
        self._stuck = ""

    def __call__(self) -> None:
        """Attend to what is due; return when nothing is, or when asked to stop."""
        self._current.look(self._clock())
        fault = ""
        while not self._stop.is_set():
            try:
                slot = self.due()
            except FAULTS as error:
                if str(error) != fault:
                    fault = str(error)
                    message = "cannot tell whether a cleanup is due, and try again: %s"
                    logger.error(message, error)  # noqa: TRY400 - it says all
                self._stop.wait(self._pause_after_error)
                continue
            if slot is None:
                return
            if self._clock() - slot > _MISSED:
                logger.info("the cleanup of %s was missed; it is made up for now", moment(slot))
            self._attend(slot)

    def due(self) -> int | None:
        """Return the slot (ns) that has come and was not run, if there is one. Raises ShelflifeError."""
        current, now = self._current, self._clock()
        if not current.settings.cleanup.enabled:
            return None
        slot = current.schedule.last_by(now)
        if slot is None or (current.since is not None and slot <= current.since):
            return None
        last = self._last_taken(current.work, now)
        if last is not None and slot <= last:
            logger.debug("the slot of %s is taken", moment(slot))
            return None
        return slot

    def _last_taken(self, work: Workplace, now: int) -> int | None:
        """Return the last slot that was taken. Where none ever was, the schedule begins when we started."""
        with work.records.read_journal() as journal:
            last = journal.slots.last(until=now) if journal else None
        if last is None and (first := self._current.schedule.last_by(min(self._started, now))) is not None:
            with work.records.open_journal() as writable:
                writable.slots.begin(first, at=work.clock())
                last = writable.slots.last(until=now)
        return last

    def _attend(self, slot: int) -> None:
        """Try to run the slot until it is run, or somebody else's, or the next one has come."""
        until = self._current.schedule.next_after(slot)
        reason = ""
        while not self._stop.is_set():
            late = until is not None and self._clock() >= until
            pause = self._pause
            try:
                if late:
                    self._refuse(slot, reason or "it did not come to run before the next one was due")
                elif self._settle(slot):
                    return
                else:
                    reason = "another cleanup was still running when the next one was due"
            except FAULTS as error:
                if str(error) != reason:
                    reason = str(error)
                    logger.error("the scheduled cleanup cannot run now: %s", error)  # noqa: TRY400 - likewise
                pause = self._pause_after_error
            if late:
                return
            self._stop.wait(pause)

    def _settle(self, slot: int) -> bool:
        """Run the slot if the lock is free; return whether nothing is left to do about it."""
        records = self._current.work.records
        with records.read_journal() as journal:
            is_taken = journal is not None and journal.slots.is_claimed(slot)
        if is_taken:
            logger.debug("the slot of %s is taken", moment(slot))
            return True
        if (holder := holder_of(records.state)) is not None:
            self._watch(holder)
            return False
        try:
            self._current.read(self._clock())
        except FAULTS as error:
            self._refuse(slot, f"the configuration cannot be read: {error}")
            return True
        if self.due() != slot:  # by the configuration as it is now
            return True
        try:
            self._run(slot)
        except SlotTaken:
            logger.debug("the slot of %s was taken meanwhile", moment(slot))
        except CleanupBusy:
            return False
        except NeedsApproval:
            pass  # recorded as refused, and told, by the engine
        return True

    def _run(self, slot: int) -> None:
        work = self._current.work
        if not work.settings.cleanup.dry_run:
            order = RunRequest(trigger=Trigger.SCHEDULE, stop=self._stop, slot=slot)
            with acting(Actor(name="schedule", via=Via.SCHEDULE)):
                run(work, order, Retention(areas=tuple(work.areas)))
        elif _claim(work, slot):
            log_preview(work)

    def _refuse(self, slot: int, reason: str) -> None:
        """Record that the run of a slot does not take place, once for all processes."""
        work = self._current.work
        if _claim(work, slot):
            refuse(work, reason, trigger=Trigger.SCHEDULE)

    def _watch(self, holder: Holder) -> None:
        """Report a holder without progress, once."""
        timeout = self._current.settings.cleanup.lock_timeout
        now = as_datetime(self._clock())
        if not holder.is_stuck(now, timeout):
            self._stuck = ""
        elif str(holder) != self._stuck:
            self._stuck = str(holder)
            logger.error(
                "the running cleanup is stuck, no progress for %d s: %s. "
                "It is waited for, not overtaken; end that process if it hangs",
                (now - holder.heartbeat).total_seconds(),
                holder,
            )


def _claim(work: Workplace, slot: int) -> bool:
    with work.records.open_journal() as journal:
        return journal.slots.claim(slot, at=work.clock())


def log_preview(work: Workplace) -> None:
    """Log what a cleanup would remove, and remove nothing. Raises StorageError."""
    plan = preview(work, tuple(work.areas))
    for area in plan.areas:
        logger.info("dry run: %s: %d files, %s, would go", area.area, area.files, human_size(area.bytes))
    if logger.isEnabledFor(logging.DEBUG):
        for file in planned_files(work, plan):
            logger.debug("dry run: would remove %s", visible(file.path))
    logger.info("dry run: %d files, %s, would go", plan.files, human_size(plan.bytes))
