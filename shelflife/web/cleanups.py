"""Cleanups that requests ask for.

They run in worker threads and go on when whoever asked is gone; only the end of the service ends them, at
their next batch. A request waits a while for its own, and is then told where to look.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shelflife import clock
from shelflife.engine import Engine
from shelflife.records.history import Trigger
from shelflife.shapes import cleanup as shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shelflife.events import Listener
    from shelflife.settings import Settings

__all__ = ["MOST_FILES", "PATIENCE", "Cleanup", "Cleanups", "Order", "preview"]

logger = logging.getLogger(__name__)

MOST_FILES: Final = 1000
"""Files that a response names."""

PATIENCE: Final = 10.0
"""Seconds that a request waits for its cleanup."""

_END_WITHIN: Final = 5.0
"""Seconds that the end of the service waits for cleanups."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a request wants to be cleaned up."""

    areas: Sequence[str] | None = None
    """All areas, if None."""

    approve: str | None = None
    """Id of the plan that is approved by this, and run instead."""


class Cleanup:
    """One cleanup that a request asked for."""

    def __init__(
        self,
        load: Callable[[], Settings],
        order: Order,
        *,
        listeners: Sequence[Listener],
        stop: threading.Event,
    ) -> None:
        self._load = load
        self._order = order
        self._listeners = listeners
        self._stop = stop
        self._removed: shapes.RemovedFiles | None = None

    @property
    def run(self) -> int | None:
        """The run's number, as soon as it has one: when its plan is made."""
        return self._removed.run if self._removed else None

    def carry_out(self) -> shapes.CleanupResult:
        """Clean up and return what was done, or would be where only dry runs are allowed.

        The settings are those of this moment. Blocks. Raises SettingsError, CleanupBusy, NeedsApproval and
        whatever else the engine raises.
        """
        settings = self._load()
        if settings.cleanup.dry_run:
            return preview(Engine(settings), self._order.areas)
        self._removed = removed = shapes.RemovedFiles(settings, most=MOST_FILES, now=clock.now())
        engine = Engine(settings, listeners=(*self._listeners, removed))
        if self._order.approve is not None:
            report = engine.approve(self._order.approve, trigger=Trigger.API, stop=self._stop)
        else:
            report = engine.cleanup(self._order.areas, trigger=Trigger.API, stop=self._stop)
        return shapes.result_of(
            shapes.of_run(report, removed),
            run=report.run,
            plan=report.plan,
            state=report.state,
            most=MOST_FILES,
        )


class Cleanups:
    """The cleanups that go on in this process because of requests."""

    def __init__(self, load: Callable[[], Settings], *, listeners: Sequence[Listener] = ()) -> None:
        """Take what reads the settings, and who is told; nothing happens yet."""
        self._load = load
        self._listeners = listeners
        self._stop = threading.Event()
        self._tasks: set[asyncio.Task[shapes.CleanupResult]] = set()

    async def run(self, order: Order, *, patience: float) -> tuple[Cleanup, shapes.CleanupResult | None]:
        """Begin a cleanup; return it with what it did, or with None when it is not done after `patience` s.

        Raises as `Cleanup.carry_out`, if that happens meanwhile.
        """
        cleanup = Cleanup(self._load, order, listeners=self._listeners, stop=self._stop)
        task = asyncio.create_task(_carried_out(cleanup, self._stop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if await _is_done(task, within=patience):
            return cleanup, task.result()
        task.add_done_callback(_log_failure)
        return cleanup, None

    def stop(self) -> None:
        """Tell all of them to end at their next batch; those that begin later are not concerned."""
        stop, self._stop = self._stop, threading.Event()
        stop.set()

    async def wait(self) -> None:
        """Wait for all of them, some seconds at the most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_WITHIN)


def preview(engine: Engine, areas: Sequence[str] | None) -> shapes.CleanupResult:
    """Return what a cleanup would do now. Blocks; raises UsageError, StorageError."""
    plan = engine.plan(areas)
    expiring = replace(plan, areas=tuple(area for area in plan.areas if area.cutoffs))
    done = shapes.of_plan(expiring, engine.settings, files=engine.files, most=MOST_FILES)
    return shapes.result_of(done, run=None, plan=plan.id, state="planned", most=MOST_FILES)


async def _is_done(task: asyncio.Task[shapes.CleanupResult], *, within: float) -> bool:
    """Return whether a task is done within some seconds, and also before, when the server waits no longer."""
    try:
        await asyncio.wait({task}, timeout=within)
    except asyncio.CancelledError:
        # The server ends, and so will the cleanup. Whoever asked still learns where to look.
        if (asking := asyncio.current_task()) is not None:
            asking.uncancel()
    return task.done()


async def _carried_out(cleanup: Cleanup, stop: threading.Event) -> shapes.CleanupResult:
    """Carry out a cleanup in a worker thread. An event loop that ends without our lifespan ends it too."""
    try:
        return await asyncio.to_thread(cleanup.carry_out)
    except asyncio.CancelledError:
        stop.set()
        raise


def _log_failure(task: asyncio.Task[shapes.CleanupResult]) -> None:
    """Say what became of a cleanup whose request was answered before its end."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a cleanup that a request asked for failed: %s", error)
