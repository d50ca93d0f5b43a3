"""What each request is and becomes: its ids, known to every line that is logged because of it, and its end.

The ids are context variables, so they follow `asyncio.to_thread` and tasks, as the actor does
(`shelflife.actor`): also into a run that goes on when the request was answered.
"""

from __future__ import annotations

import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["REQUEST_ID", "Answered", "Ids", "RequestWatch", "Watcher", "current_ids", "request_id_of"]

REQUEST_ID: Final = "X-Request-ID"

_LONGEST_ID: Final = 100

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""https://www.w3.org/TR/trace-context/#traceparent-header"""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True)
class Ids:
    """What a request is called."""

    request: str = ""
    """As the caller says, or a number of ours."""
    trace: str = ""
    """Id of the trace that it is part of; empty if it is part of none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A request that has ended."""

    method: str
    """`OTHER` for what is no method of HTTP."""
    route: str
    """The template of its route, which names no file; `unmatched` if there is none."""
    status: int
    """499 where the caller was gone before the answer began."""
    began: float
    """Seconds until the answer began."""
    took: float
    """Seconds until it ended."""
    ids: Ids
    caller: str
    """Who asked, if somebody was named."""


class Watcher(Protocol):
    """Told of requests; must return at once."""

    def begin(self) -> None:
        """Take note of a request that begins."""

    def end(self, request: Answered) -> None:
        """Take note of a request that ended."""


_current: ContextVar[Ids] = ContextVar("shelflife_request", default=Ids())  # noqa: B039 - a frozen value


def current_ids() -> Ids:
    """Return the ids of the request because of which this is done; empty ones if there is none."""
    return _current.get()


def request_id_of(headers: Headers) -> str:
    """Return what a request is called in the log and in the records: as the caller says, or a number of ours."""
    given = headers.get(REQUEST_ID, "")
    sound = given.isascii() and given.isprintable() and 0 < len(given) <= _LONGEST_ID
    return given if sound else secrets.token_hex(8)


def _trace_of(headers: Headers) -> str:
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return found.group(1) if found else ""


class RequestWatch:
    """Middleware that gives each request its ids, and tells how it ended."""

    def __init__(self, app: ASGIApp, watchers: Sequence[Watcher]) -> None:
        self._app = app
        self._watchers = tuple(watchers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        ids = Ids(request_id_of(headers), _trace_of(headers))
        scope.setdefault("state", {})["request_id"] = ids.request
        answer = _Answer(send)
        token = _current.set(ids)
        for watcher in self._watchers:
            watcher.begin()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            answer.failed()
            raise
        finally:
            answered = answer.of(scope, ids)
            for watcher in self._watchers:
                watcher.end(answered)
            _current.reset(token)


class _Answer:
    """Notes when an answer begins, and with which status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start = time.perf_counter()
        self._began: float | None = None
        self._status = 499

    def failed(self) -> None:
        """Note an error that somebody further out answers."""
        if self._began is None:
            self._status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._began = time.perf_counter()
            self._status = message["status"]
        await self._send(message)

    def of(self, scope: Scope, ids: Ids) -> Answered:
        ended = time.perf_counter()
        method = scope["method"]
        return Answered(
            method=method if method in _METHODS else "OTHER",
            route=getattr(scope.get("route"), "path", "unmatched"),
            status=self._status,
            began=(self._began or ended) - self._start,
            took=ended - self._start,
            ids=ids,
            caller=getattr(scope["state"].get("caller"), "name", ""),
        )
