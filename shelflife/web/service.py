"""What the routes share: settings, schedule, the refresh in the background, running cleanups.

Nothing is read or opened before the first of them is needed, so that an application can be imported, and
forked, without consequences.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

from shelflife import clock
from shelflife.clock import SECOND
from shelflife.engine import Engine
from shelflife.records.records import open_records
from shelflife.shapes.metrics import SchedulerMetrics, metrics_as_json
from shelflife.shapes.stats import StorageStats, stats_as_json
from shelflife.web.event_stream import EventFeed
from shelflife.web.refresher import Refresher
from shelflife.web.service_token import ServiceToken
from shelflife.web.work import Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from shelflife.events import Listener
    from shelflife.records.records import Records
    from shelflife.settings import Settings
    from shelflife.settings.in_force import SettingsInForce

__all__ = ["AnyScheduler", "Service"]

STATS_AGE: Final = 60
"""Seconds after which statistics that are asked for are brought up to date, in the background."""

PLANS: Final = 4
"""Plans that are made at once; each may read much of the disk."""


class AnyScheduler(Protocol):
    """What starts cleanups by itself. All methods block, and may be called from any thread."""

    def start(self) -> object:
        """Begin; called once, in the process that serves."""

    def stop(self) -> object:
        """End, and a run at its next batch; harmless when it was never started."""

    def get_metrics(self) -> Mapping[str, object]:
        """Return what `GET …/metrics` answers."""


class Service:
    """One storage, as one application serves it."""

    def __init__(
        self,
        settings: SettingsInForce,
        *,
        schedule: Callable[[], AnyScheduler] | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        """Take what tells the settings and the schedule; nothing is called yet.

        Args:
            settings: those in force, read again now and then for what is only shown, and before each cleanup.
            schedule: gives the schedule; None: one of our own.
            listeners: told what the cleanups do that this application starts.
        """
        self.settings = settings
        self._give_schedule = schedule
        self.listeners = tuple(listeners)
        """Told what the runs do that requests begin."""
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._schedule: AnyScheduler | None = None
        self.refresher = Refresher(lambda: self.engine)
        self.work = Work()
        self.planning = asyncio.Semaphore(PLANS)
        """One place for each plan that may be made at the same time."""
        self.feed = EventFeed(self.records)
        self.token = ServiceToken(lambda: self.engine.state)

    @property
    def engine(self) -> Engine:
        """The engine of the settings as they were last read without a fault, at most a minute ago. Blocks."""
        return self._engine_of(self.settings.look())

    def current_engine(self) -> Engine:
        """Return an engine of the settings as they are now. Raises SettingsError."""
        return self._engine_of(self.settings.read())

    def _engine_of(self, settings: Settings) -> Engine:
        with self._lock:
            if self._engine is None or self._engine.settings is not settings:
                self._engine = Engine(settings, listeners=self.listeners)
            return self._engine

    def engine_for(self, *listeners: Listener) -> Engine:
        """Return an engine of the settings as they are now, which tells these listeners, too.

        For one run that a request begins. Raises SettingsError.
        """
        return Engine(self.settings.read(), listeners=(*self.listeners, *listeners))

    def records(self) -> Records:
        """Return what is remembered of the storage. Blocks. Raises StorageError."""
        return open_records(self.engine.settings)

    @property
    def schedule(self) -> AnyScheduler:
        """The schedule. Blocks, once."""
        engine = self.engine
        with self._lock:
            if self._schedule is None:
                self._schedule = self._give_schedule() if self._give_schedule else _Own(engine, self.settings)
            return self._schedule

    @asynccontextmanager
    async def running(self, *, token: bool) -> AsyncIterator[None]:
        """Make the directories and, if `token`, the token; keep index and schedule going meanwhile.

        Raises SettingsError, StorageError and OSError when the storage cannot be served. On the way out a run
        ends at its next batch, within seconds.
        """
        try:
            await asyncio.to_thread(self._start, token=token)
            yield
        finally:
            await asyncio.to_thread(self._stop)
            await self.work.wait()

    def stats(self) -> StorageStats:
        """Return the storage as its index knows it; have it looked at when that was long ago."""
        engine = self.engine
        statistics = engine.stats()
        if statistics.as_of is None or clock.now() - statistics.as_of > STATS_AGE * SECOND:
            self.refresher.start()
        return stats_as_json(statistics, engine.settings)

    def metrics(self) -> Mapping[str, object]:
        """Return the schedule, and what all executed runs together did."""
        return self.schedule.get_metrics()

    def _start(self, *, token: bool) -> None:
        engine = self.current_engine()
        engine.create()
        if token:
            self.token.expected()
        self.refresher.start()
        if engine.settings.cleanup.enabled:
            self.schedule.start()

    def _stop(self) -> None:
        self.refresher.stop()
        self.work.stop()
        if self._schedule is not None:
            self._schedule.stop()
        with self._lock:  # whoever starts again begins with the settings of then
            self._schedule = None


class _Own:
    """A schedule of our own, for applications that have none."""

    def __init__(self, engine: Engine, settings: SettingsInForce) -> None:
        self._engine = engine
        self._scheduler = engine.scheduler(load=settings)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.stop()

    def get_metrics(self) -> SchedulerMetrics:
        engine = self._engine.with_settings(self._scheduler.settings)
        return metrics_as_json(
            engine.settings.cleanup,
            engine.totals(),
            running=self._scheduler.running,
            cleaning=engine.holder() is not None,
        )
