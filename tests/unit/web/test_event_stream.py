"""The feed of events: one watch for all listeners, and each event once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from shelflife.records.history import Trigger
from shelflife.records.records import open_records
from shelflife.testing import Storage
from shelflife.web.event_stream import EventFeed


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_listeners_that_come_at_once_share_one_watch_and_have_each_event_once(storage: Storage) -> None:
    records = open_records(storage.settings)
    with records.open_journal() as journal:
        journal.runs.refuse(trigger=Trigger.CLI, host="host", pid=1, at=0, reason="the first event")
        feed = EventFeed(lambda: records)
        coming = [asyncio.create_task(_ids(feed, after=1, until=9)) for _ in range(5)]
        async with asyncio.timeout(30):
            for _ in range(8):
                await asyncio.sleep(0.06)  # each event is told by itself
                journal.runs.refuse(trigger=Trigger.CLI, host="host", pid=1, at=0, reason="another")
            found = await asyncio.gather(*coming)
    assert found == [list(range(2, 10))] * 5
    assert [thread.name for thread in threading.enumerate()].count("shelflife-events") <= 1


async def _ids(feed: EventFeed, *, after: int, until: int) -> list[int]:
    found: list[int] = []
    listening = feed.listen(after)
    async for event in listening:
        found.append(event.id)
        if event.id >= until:
            break
    await listening.aclose()
    return found
