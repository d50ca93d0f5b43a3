"""Keeping a storage while an application runs, for those who compose lifespans by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shelflife.web.service import Schedule, Service

if TYPE_CHECKING:
    from shelflife.events import Listener
    from shelflife.settings import Settings

__all__ = ["running"]


@asynccontextmanager
async def running(
    settings: Settings | Callable[[], Settings],
    *,
    schedule: Callable[[], Schedule] | None = None,
    listeners: Sequence[Listener] = (),
) -> AsyncIterator[None]:
    """Do what the router's own lifespan does, as a context.

    ::

        @asynccontextmanager
        async def lifespan(app):
            async with shelflife.web.running(settings):
                yield

    For an application that *mounts* another one with the router in it: a mounted application's lifespan never
    runs. Where the router is included, this would do everything twice. The arguments are those of `router`.
    """
    load = settings if callable(settings) else lambda: settings
    async with Service(load, schedule=schedule, listeners=listeners).running(token=False):
        yield
