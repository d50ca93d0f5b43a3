"""What is done when a slot of the schedule has come.

Every process of the application has this job, and all wake for the same slot. Whoever gets the lock first takes
the slot, in the journal, and runs; the others find it taken. A slot is due when it has come and no later one up
to now was taken, so what was missed while nothing ran is made up – once, since only the last slot counts.

While another cleanup runs, the slot waits, until it is somebody's or the next one has come. The clock may jump:
slots taken in what is now the future are left out of account, so that they stop nothing; when their time comes
they count as taken, so that nothing runs twice.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from shelflife.errors import CleanupBusy, ShelflifeError, SlotTaken
from shelflife.explain.presentation import format_bytes, moment
from shelflife.records.journal import Trigger
from shelflife.schedule.current import FAULTS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from shelflife.engine import Engine
    from shelflife.execute.lock import Holder
    from shelflife.schedule.current import Current

logger = logging.getLogger(__name__)

PAUSE: Final = 1.0
"""Seconds between two looks at whether the lock is free."""

PAUSE_AFTER_ERROR: Final = 60.0
"""Seconds between two tries while the storage cannot be used."""

_SECOND: Final = 10**9


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
    ) -> None:
        """Take what is shared; `started` (ns) is when the schedule began to be kept."""
        self._current = current
        self._started = started
        self._stop = stop
        self._clock = clock
        self._pause = pause

    def __call__(self) -> None:
        """Attend to what is due; return when nothing is, or when asked to stop."""
        self._current.look(self._clock())
        while not self._stop.is_set():
            try:
                slot = self.due()
            except FAULTS as error:
                logger.error("cannot tell whether a cleanup is due: %s", error)  # noqa: TRY400 - says it all
                return
            if slot is None:
                return
            _Attempt(self, slot).carry_through()

    def due(self) -> int | None:
        """Return the slot (ns) that has come and was not run, if there is one. Raises ShelflifeError."""
        current, now = self._current, self._clock()
        if not current.settings.cleanup.enabled:
            return None
        slot = current.schedule.last_by(now)
        if slot is None or (current.since is not None and slot <= current.since):
            return None
        last = self._last_taken(current.engine, now)
        return slot if last is None or slot > last else None

    def _last_taken(self, engine: Engine, now: int) -> int | None:
        """Return the last slot that was taken. On a storage without one, the schedule begins with our start."""
        last = engine.last_slot(until=now)
        if last is None and (first := self._current.schedule.last_by(min(self._started, now))) is not None:
            engine.begin_slots(first)
            last = engine.last_slot(until=now)
        return last


class _Attempt:
    """One slot, from its coming until it is somebody's."""

    def __init__(self, job: Job, slot: int) -> None:
        self._job = job
        self._slot = slot
        self._until = job._current.schedule.next_after(slot)
        self._stuck: Holder | None = None
        self._fault = ""
