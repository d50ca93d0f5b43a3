"""Async twins of methods that block: the same call in a worker thread, so that it holds up no event loop.

>>> class Shop:
...     def order(self, item: str) -> int: ...
...
...     aorder = in_thread(order)
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

_Self = TypeVar("_Self")
_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")

_MANY: Final = 256
"""What an iterator yields is fetched so many at a time."""


def in_thread(
    method: Callable[Concatenate[_Self, _Given], _Found],
) -> Callable[Concatenate[_Self, _Given], Coroutine[Any, Any, _Found]]:
    """Return the async twin of a method. Cancelled, one that takes `stop` ends at its next batch."""
    can_stop = "stop" in (getattr(method, "__kwdefaults__", None) or {})

    async def twin(self: _Self, /, *args: _Given.args, **kwargs: _Given.kwargs) -> _Found:
        import asyncio  # by then it is loaded: a command line need not wait for it

        if not can_stop or kwargs.get("stop") is not None:
            return await asyncio.to_thread(method, self, *args, **kwargs)
        with _stopped_when_cancelled() as stop:
            kwargs["stop"] = stop
            return await asyncio.to_thread(method, self, *args, **kwargs)

    end = "; cancelled, it ends at its next batch" if can_stop else ""
    _name(twin, method, f"Do `{method.__name__}` in a worker thread{end}.")
    return twin


def streamed(
    method: Callable[Concatenate[_Self, _Given], Iterator[_Found]],
) -> Callable[Concatenate[_Self, _Given], AsyncIterator[_Found]]:
    """Return the async twin of a method that yields."""

    async def twin(self: _Self, /, *args: _Given.args, **kwargs: _Given.kwargs) -> AsyncIterator[_Found]:
        import asyncio

        found = await asyncio.to_thread(method, self, *args, **kwargs)
        try:
            while some := await asyncio.to_thread(lambda: list(islice(found, _MANY))):
                for one in some:
                    yield one
        finally:
            close = getattr(found, "close", None)
            if close is not None:
                await asyncio.to_thread(close)

    _name(twin, method, f"Yield what `{method.__name__}` does, fetched in a worker thread.")
    return twin


def _name(twin: Any, method: Any, text: str) -> None:
    twin.__name__ = f"a{method.__name__}"
    twin.__qualname__ = f"{method.__qualname__.rpartition('.')[0]}.{twin.__name__}"
    twin.__doc__ = text
    twin.__module__ = method.__module__
    twin.__wrapped__ = method


@contextmanager
def _stopped_when_cancelled() -> Iterator[threading.Event]:
    """Give the event that stops a run, set when the task that waits for the run is cancelled."""
    stop = threading.Event()
    try:
        yield stop
    finally:  # a run that came to its end does not look any more
        stop.set()
