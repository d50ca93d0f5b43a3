"""Live events: what the journal tells, handed on to everybody who listens.

One thread looks at the journal while anybody listens – a pragma that takes microseconds, twenty times a second –
and the latest events are kept at hand. Each listener has a place of its own in the sequence and takes what comes
after it, from there or, if it is further behind, from the journal itself. So nothing is queued for anybody: a
listener that is slow costs no memory and holds up nobody, and after a break it goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from shelflife.errors import ShelflifeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from shelflife.records.event_log import EventRecord
    from shelflife.records.records import Records

__all__ = ["EventFeed"]

logger = logging.getLogger(__name__)

_LOOK_EVERY: Final = 0.05
"""Seconds."""
_TRY_AGAIN: Final = 1.0
"""Seconds after which a journal that could not be read is tried again."""
_AT_HAND: Final = 2000
"""Events that are kept in memory."""
_PAGE: Final = 500
"""Events that are read from the journal at once."""


class EventFeed:
    """The events of one storage, for the listeners of one process. For the event loop, but where told."""

    def __init__(self, records: Callable[[], Records]) -> None:
        """Take what opens the records; nothing is opened before somebody listens."""
        self._records = records
        self._recent: deque[EventRecord] = deque(maxlen=_AT_HAND)
        self._last = 0
        self._news = asyncio.Event()
        self._listeners = 0
        self._stop = threading.Event()
        self._begun: asyncio.Future[None]
        """Done when the watch has begun."""

    async def listen(self, after: int | None) -> AsyncGenerator[EventRecord]:
        """Yield the events after number `after`, for ever; from now on, if it is None.

        Each comes once and in order. What is no longer kept is missing: `bounds` tells. Raises RecordsError.
        """
        if not self._listeners:  # whoever comes while it begins waits for the same beginning
            self._stop = threading.Event()
            self._begun = asyncio.ensure_future(self._begin(self._stop))
        self._listeners += 1
        try:
            await asyncio.shield(self._begun)
            seen = self._last if after is None else after
            while True:
                news = self._news
                while found := await self._after(seen):
                    for event in found:
                        seen = event.id
                        yield event
                await news.wait()
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._stop.set()

    async def bounds(self) -> tuple[int, int]:
        """Return the numbers of the earliest event that is kept, and of the latest. Raises RecordsError."""
        return await asyncio.to_thread(self._bounds)

    async def page(self, after: int, limit: int) -> list[EventRecord]:
        """Return up to `limit` events after number `after`, from the journal. Raises RecordsError."""
        return await asyncio.to_thread(self._read, after, limit)

    async def _after(self, number: int) -> list[EventRecord]:
        if self._recent and self._recent[0].id <= number + 1:
            return [event for event in self._recent if event.id > number]
        return await asyncio.to_thread(self._read, number) if number < self._last else []

    async def _begin(self, stop: threading.Event) -> None:
        _, self._last = await self.bounds()
        self._recent.clear()
        watch = threading.Thread(
            target=self._watch,
            args=(asyncio.get_running_loop(), self._last, stop),
            name="shelflife-events",
            daemon=True,  # a process must be able to end while a disk does not answer
        )
        watch.start()

    def _watch(self, loop: asyncio.AbstractEventLoop, last: int, stop: threading.Event) -> None:
        """Look at the journal until nobody listens. In a thread of its own."""
        while not stop.is_set():
            try:
                last = self._follow(loop, last, stop)
            except (ShelflifeError, OSError) as error:  # a volume that is away for a while comes back
                logger.warning("the events cannot be read: %s", error)
                stop.wait(_TRY_AGAIN)
            except RuntimeError:  # the event loop was closed
                return

    def _follow(self, loop: asyncio.AbstractEventLoop, last: int, stop: threading.Event) -> int:
        version = -1
        with self._records().read_journal() as journal:
            if journal is None:  # nothing ever happened: what happens first is to come as soon as all else
                stop.wait(_LOOK_EVERY)
                return last
            while not stop.wait(_LOOK_EVERY):
                now = journal.events.version()
                if now != version:
                    version = now
                    while found := journal.events.since(last, limit=_PAGE):
                        loop.call_soon_threadsafe(self._take, found)
                        last = found[-1].id
        return last

    def _take(self, found: list[EventRecord]) -> None:
        new = [event for event in found if event.id > self._last]  # a watch before this one may still tell
        if new:
            self._recent.extend(new)
            self._last = new[-1].id
            news, self._news = self._news, asyncio.Event()
            news.set()

    def _read(self, number: int, limit: int = _PAGE) -> list[EventRecord]:
        with self._records().read_journal() as journal:
            return journal.events.since(number, limit=limit) if journal else []

    def _bounds(self) -> tuple[int, int]:
        with self._records().read_journal() as journal:
            return (journal.events.first(), journal.events.last()) if journal else (1, 0)
