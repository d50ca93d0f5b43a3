"""Keeping a storage's schedule while an application runs, as an async context."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shelflife.storage.areas import create_directories

if TYPE_CHECKING:
    from shelflife.schedule.scheduler import Scheduler

__all__ = ["running"]


@asynccontextmanager
async def running(scheduler: Scheduler) -> AsyncIterator[Scheduler]:
    """Make the areas' directories and keep the schedule meanwhile.

    On the way out a run ends at its next batch, within 5 s. Blocks no event loop.
    Raises StorageError and OSError if the storage cannot be used.
    """
    await asyncio.to_thread(_create, scheduler)
    await asyncio.to_thread(scheduler.start)
    try:
        yield scheduler
    finally:
        await asyncio.to_thread(scheduler.stop)


def _create(scheduler: Scheduler) -> None:
    work = scheduler.work
    create_directories(work.settings.base_path, list(work.areas.values()))
