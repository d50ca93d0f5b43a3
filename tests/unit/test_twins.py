"""Every method of the engine that blocks has an async twin, and each does what it stands for."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shelflife.engine import Engine
from shelflife.testing import Storage
from shelflife.twins import in_thread, streamed

pytestmark = pytest.mark.anyio

_BLOCK_NOT = {"now", "with_settings", "running", "scheduler"}
"""They look at nothing."""


def _methods() -> list[str]:
    found = [name for name, value in inspect.getmembers(Engine, inspect.isfunction)]
    return [name for name in found if not name.startswith("_")]


def test_every_method_that_blocks_has_a_twin_and_every_twin_a_method() -> None:
    methods = _methods()
    twins = {name for name in methods if hasattr(getattr(Engine, name), "__wrapped__")}
    assert twins == {f"a{name}" for name in methods if name not in twins | _BLOCK_NOT}
    for name in twins:
        assert getattr(Engine, name).__wrapped__ is getattr(Engine, name[1:])
        assert name[1:] in (getattr(Engine, name).__doc__ or "")


async def test_a_twin_works_in_another_thread_and_returns_what_its_method_does() -> None:
    class Example:
        def where(self, more: int, *, of: int = 1) -> tuple[str, int]:
            return threading.current_thread().name, more + of

        awhere = in_thread(where)

    name, total = await Example().awhere(2, of=3)
    assert (name != threading.current_thread().name, total) == (True, 5)


async def test_a_twin_that_is_cancelled_has_its_run_stopped() -> None:
    begun, ended = threading.Event(), threading.Event()

    class Example:
        def work(self, *, stop: threading.Event | None = None) -> None:
            begun.set()
            assert stop is not None
            assert stop.wait(30)
            ended.set()

        awork = in_thread(work)

    task = asyncio.create_task(Example().awork())
    assert await asyncio.to_thread(begun.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 30)


async def test_what_is_yielded_is_fetched_in_another_thread_and_closed() -> None:
    threads: set[str] = set()
    closed = threading.Event()

    class Example:
        def count(self, to: int) -> Iterator[int]:
            try:
                for number in range(to):
                    threads.add(threading.current_thread().name)
                    yield number
            finally:
                closed.set()

        acount = streamed(count)

    assert [number async for number in Example().acount(600)] == list(range(600))
    assert threading.current_thread().name not in threads
    assert closed.is_set()


async def test_the_engine_is_used_from_an_event_loop(storage: Storage) -> None:
    old = storage.file("temp/old")
    engine = storage.engine
    plan = await engine.aplan(at=datetime.now(UTC))
    assert [file.path async for file in engine.afiles(plan)] == ["temp/old"]
    await engine.ahold(old, until=datetime(2100, 1, 1, tzinfo=UTC))
    assert (await engine.acleanup()).removed == 0
    await engine.aunhold(old)
    assert (await engine.acleanup()).removed == 1
    assert [file.path async for file in engine.arun_files(2)] == ["temp/old"]
