"""Work that takes time: a run that a request began, which goes on when whoever asked is gone.

It runs in a worker thread; only the end of the service ends it, at its next batch. A request waits a while for
its own, and is then told where to look. The run is in the journal from its beginning, so that everybody can
follow and stop it there, whichever process it is in.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from shelflife.actor import spend_key
from shelflife.events import RunBegun
from shelflife.records.journal import KeyTaken

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.events import Event

__all__ = ["PATIENCE", "RequestedRun", "Work"]

logger = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds that a request waits for its run, unless it says otherwise."""

_END_WITHIN: Final = 5.0
"""Seconds that the end of the service waits for runs."""

_Done = TypeVar("_Done")


class RequestedRun(Generic[_Done]):
    """One piece of work, and the run that it is."""

    def __init__(self, task: asyncio.Task[_Done], begun: asyncio.Event) -> None:
        self._task = task
        self._begun = begun
        self.run: int | None = None
        """The run's number, once it has one."""

    @property
    def result(self) -> _Done | None:
        """What was done; None while it goes on. Raises what went wrong."""
        return self._task.result() if self._task.done() else None

    async def wait(self, patience: float) -> None:
        """Wait until it is done, `patience` seconds at the most – but until the run has a number."""
        begun = asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait({self._task, begun}, return_when=asyncio.FIRST_COMPLETED)
            if not self._task.done() and patience > 0:
                await asyncio.wait({self._task}, timeout=patience)
        except asyncio.CancelledError:
            # The server ends, and so will the run. Whoever asked still learns where to look.
            if (asking := asyncio.current_task()) is not None:
                asking.uncancel()
        finally:
            begun.cancel()
        if not self._task.done():
            self._task.add_done_callback(_log_failure)


class Work:
    """The runs that go on in this process because of requests."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._tasks: set[asyncio.Task[object]] = set()

    def begin(self, act: Callable[[Callable[[Event], None], threading.Event], _Done]) -> RequestedRun[_Done]:
        """Begin a piece of work; `act` gets a listener for its engine, and what asks it to stop. It may block."""
        loop, begun, stop = asyncio.get_running_loop(), asyncio.Event(), self._stop

        def listen(event: Event) -> None:
            if isinstance(event, RunBegun):
                spend_key()  # making room may take several runs
                loop.call_soon_threadsafe(know, event.run)

        def know(run: int) -> None:
            job.run = run
            begun.set()

        async def carry_out() -> _Done:
            try:
                return await asyncio.to_thread(act, listen, stop)
            except KeyTaken as taken:
                know(taken.run)
                raise
            except asyncio.CancelledError:  # an event loop that ends without our lifespan ends it, too
                stop.set()
                raise

        task = asyncio.create_task(carry_out())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        job = RequestedRun(task, begun)
        return job

    def stop(self) -> None:
        """Tell all of them to end at their next batch; those that begin later are not concerned."""
        stop, self._stop = self._stop, threading.Event()
        stop.set()

    async def wait(self) -> None:
        """Wait for all of them, some seconds at the most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_WITHIN)


def _log_failure(task: asyncio.Task[_Done]) -> None:
    """Say what became of work whose request was answered before its end."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a run that a request asked for failed: %s", error)
