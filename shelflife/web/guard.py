"""The guard: which requests may change something.

A web page from anywhere can make a browser send a request to `127.0.0.1`; what it cannot do is to know the
token, or to send `application/json` without the browser asking first, which nobody here answers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from fastapi import HTTPException, Request

from shelflife.web.problems import ProblemRoute

if TYPE_CHECKING:
    from shelflife.web.token import Token

__all__ = ["LARGEST_BODY", "Guard", "guarded_by"]

LARGEST_BODY: Final = 64 * 1024
"""Bytes that a request may send."""

_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, by their definition and by ours."""


class Guard:
    """Lets a request pass, or refuses it before anything of it is read."""

    def __init__(self, token: Token | None) -> None:
        """Ask for `token`; None when the application has its own ways to know who asks."""
        self._token = token

    async def check(self, request: Request) -> None:
        """Return if the request may change something. Raises HTTPException (4xx), StorageError."""
        if request.method in _HARMLESS:
            return
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > LARGEST_BODY:
            raise HTTPException(413, f"a body has at most {LARGEST_BODY} bytes")
        if "transfer-encoding" in request.headers:
            raise HTTPException(411, "say how long the body is: `Content-Length`")
        if self._token is not None:
            scheme, _, presented = request.headers.get("authorization", "").partition(" ")
            matches = await asyncio.to_thread(self._token.matches, presented.strip())
            if scheme.lower() != "bearer" or not matches:
                raise HTTPException(
                    401,
                    "a request that changes anything needs the header `Authorization: Bearer …`",
                    headers={"WWW-Authenticate": 'Bearer realm="storage"'},
                )
        if _media_type(request) != "application/json":
            raise HTTPException(415, "send `Content-Type: application/json`, also without a body")


def guarded_by(guard: Guard) -> type[ProblemRoute]:
    """Return the class of routes that `guard` keeps."""

    class GuardedRoute(ProblemRoute):
        async def admit(self, request: Request) -> None:
            await guard.check(request)

    return GuardedRoute


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
