"""Keeping a storage's schedule while an application runs, as an async context."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shelflife.schedule.scheduler import Scheduler

if TYPE_CHECKING:
    from shelflife.engine import Engine
    from shelflife.settings import Settings

__all__ = ["running"]


@asynccontextmanager
async def running(engine: Engine, *, load: Callable[[], Settings] | None = None) -> AsyncIterator[Scheduler]:
    """Make the areas' directories and keep the schedule meanwhile; `Engine.running` is the same.

    On the way out a run ends at its next batch, within 5 s. Blocks no event loop. `load` as for `Scheduler`.
    Raises StorageError and OSError when the storage cannot be used.
    """
    scheduler = Scheduler(engine, load=load)
    await asyncio.to_thread(engine.create)
    await asyncio.to_thread(scheduler.start)
    try:
        yield scheduler
    finally:
        await asyncio.to_thread(scheduler.stop)
