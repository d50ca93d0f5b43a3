"""The guard: what every request passes, before and after the route that answers it.

Before: its size and its kind; who sends it, and whether they may. A web page from anywhere can make a browser
send a request to `127.0.0.1`; what it cannot do is to know a token, to send `application/json` without the
browser asking first, which nobody here answers, or to have a session's cookie believed. After: no names of files
for who may not see them, and what a cache may do.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

from fastapi import HTTPException, Request, Response

from shelflife.actor import Actor, Via, acting
from shelflife.scopes import Scope
from shelflife.web.nameless import leave_out_names, may_see_names
from shelflife.web.problems import ProblemRoute, answered
from shelflife.web.requests import REQUEST_ID
from shelflife.web.scopes import FILES, below, scope_of
from shelflife.web.tags import tags_in

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from shelflife.web.caller import Caller, Callers
    from shelflife.web.once import Once

__all__ = ["LARGEST_BODY", "RequestGuard", "guarded_by"]

LARGEST_BODY: Final = 64 * 1024
"""Bytes that a request may send."""

_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, by their definition and by ours."""

_OF_304: Final = ("ETag", "Cache-Control", "Vary", "Link")
"""What an answer that is known already repeats (RFC 9110, 15.4.5)."""

_MOST_FAILURES: Final = 10
_WITHIN: Final = 60.0
"""Seconds within which so many tokens that open nothing may come from one address."""


class RequestGuard:
    """Lets a request pass, or refuses it before anything of it is read."""

    def __init__(self, callers: Callers, once: Once, prefix: str) -> None:
        """Take what knows who asks, what has a request carried out once, and the routes' prefix."""
        self._callers = callers
        self._failures = _Failures()
        self._once = once
        self._prefix = prefix

    def scope_of(self, request: Request, path: str) -> Scope | None:
        """Return what a request to the route at `path` needs; see `shelflife.web.scopes`."""
        return scope_of(request.method, self.below(path))

    def below(self, path: str) -> str:
        """Return where the route at `path` is below the routes' prefix."""
        return below(self._prefix, path)

    def is_file(self, request: Request, path: str) -> bool:
        """Return whether the body of a request to the route at `path` is a file."""
        return (request.method, self.below(path)) in FILES

    async def admit(self, request: Request, scope: Scope | None, *, is_file: bool) -> Caller:
        """Return who sends a request that needs `scope`. Raises HTTPException (4xx), StorageError.

        A body that is a file may be of any length and kind: no page elsewhere can send PUT or PATCH unasked.
        """
        if request.method not in _HARMLESS and not is_file:
            _check_body(request)
        address = request.client.host if request.client else ""
        self._failures.check(address)
        try:
            caller = await asyncio.to_thread(self._callers.of, request)
        except HTTPException as error:
            if error.status_code == 401:
                self._failures.add(address)
            raise
        if scope is not None:
            caller.require(scope)
        if request.method not in _HARMLESS and not is_file and not _is_json(request):
            raise HTTPException(415, "send `Content-Type: application/json`, also without a body")
        return caller

    async def carry_out(
        self,
        request: Request,
        actor: Actor,
        handle: Callable[[Request], Coroutine[Any, Any, Response]],
        *,
        is_file: bool,
    ) -> Response:
        """Return what `handle` answers, or answered before; raises what it raises, and HTTPException."""
        if is_file:  # it is read as it comes; that it is the same one could be told at its end only
            with acting(actor):
                return await handle(request)
        return await self._once.carry_out(request, actor, handle)


class _Failures:
    """Tokens that opened nothing, by the address they came from: guessing gets slow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_MOST_FAILURES))

    def add(self, address: str) -> None:
        with self._lock:
            self._times[address].append(time.monotonic())

    def check(self, address: str) -> None:
        """Raise HTTPException (429) when there were too many lately."""
        with self._lock:
            times = self._times.get(address)
            if times is None or len(times) < _MOST_FAILURES:
                return
            wait = _WITHIN - (time.monotonic() - times[0])
            if wait <= 0:
                del self._times[address]
                return
        detail = "too many tokens that open nothing came from this address; try again later"
        raise HTTPException(429, detail, headers={"Retry-After": str(int(wait) + 1)})


def guarded_by(guard: RequestGuard) -> type[ProblemRoute]:
    """Return the class of routes that `guard` keeps."""

    class GuardedRoute(ProblemRoute):
        def wrapped(
            self, handle: Callable[[Request], Coroutine[Any, Any, Response]]
        ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            async def answer(request: Request) -> Response:
                scope = guard.scope_of(request, self.path)
                is_file = guard.is_file(request, self.path)
                caller = await guard.admit(request, scope, is_file=is_file)
                request.state.caller = caller
                actor = Actor(name=caller.name, via=Via.HTTP, request=request.state.request_id)
                response = await answered(
                    request, lambda: guard.carry_out(request, actor, handle, is_file=is_file)
                )
                route = guard.below(self.path)
                if not may_see_names(caller, route, scope):
                    leave_out_names(route, response)
                return _finished(request, response, names=scope is not Scope.READ)

            return answer

    return GuardedRoute


def _check_body(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > LARGEST_BODY:
        raise HTTPException(413, f"a body has at most {LARGEST_BODY} bytes")
    if "transfer-encoding" in request.headers:
        raise HTTPException(411, "say how long the body is: `Content-Length`")


def _finished(request: Request, response: Response, *, names: bool) -> Response:
    """Return an answer as it is sent: with its id and what a cache may do, and short if it is known already."""
    response.headers[REQUEST_ID] = request.state.request_id
    is_read = request.method in _HARMLESS
    response.headers.setdefault("Cache-Control", "no-cache" if is_read and not names else "no-store")
    body = getattr(response, "body", b"")  # a stream has none
    if not (is_read and response.status_code == 200 and body):
        return response
    response.headers.setdefault("ETag", f'W/"{hashlib.sha256(bytes(body)).hexdigest()[:32]}"')
    response.headers["Vary"] = "Authorization, Cookie"
    if response.headers["ETag"].removeprefix("W/").strip('"') in tags_in(
        request.headers.get("if-none-match", "")
    ):
        kept = {name: response.headers[name] for name in (*_OF_304, REQUEST_ID) if name in response.headers}
        return Response(status_code=304, headers=kept)
    return response


def _is_json(request: Request) -> bool:
    """Return whether a request says that it is JSON; what no page elsewhere can send without asking need not."""
    if request.method == "DELETE" and request.headers.get("content-length", "0") == "0":
        return True  # a browser asks before it sends one for another origin, and nobody here answers
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
