"""Who acts: each run, hold and approval is recorded with the one who asked for it.

An edge – a request, a command, the schedule – says on whose behalf it calls, and everything below that writes a
record asks here. It is a context variable, so it follows `asyncio.to_thread` and tasks, and two requests in one
process never meet.

>>> with acting(Actor(name="ada", via=Via.HTTP, request="7f3a")):
...     current_actor().name
'ada'
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Actor", "Via", "acting", "current_actor", "spend_key"]


class Via(StrEnum):
    """The way by which somebody acts."""

    HTTP = "http"
    CLI = "cli"
    SCHEDULE = "schedule"
    PROGRAM = "program"
    """A program that uses the library; it may say who it acts for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asked for something, and how."""

    name: str = ""
    """A token's name, a user's name, or what an application says; empty where nobody was named."""

    via: Via = Via.PROGRAM

    request: str = ""
    """Id of the HTTP request; empty elsewhere."""

    key: str | None = None
    """What the caller calls this very act (`Idempotency-Key`, made unique by the caller's name): a run with a
    key that is taken does not begin."""


_NOBODY = Actor()
_current: ContextVar[Actor] = ContextVar("shelflife_actor", default=_NOBODY)


def current_actor() -> Actor:
    """Return who acts in this context; a program that names nobody, by default."""
    return _current.get()


def spend_key() -> None:
    """Have what follows in this context be done without the actor's key: it names one run, which has begun."""
    if (actor := _current.get()).key is not None:
        _current.set(replace(actor, key=None))


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Have everything within be recorded as done by `actor`."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)
