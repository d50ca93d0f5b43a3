"""Once: a request with an `Idempotency-Key` is carried out once, however often it is sent.

The draft that defined the header has expired (draft-ietf-httpapi-idempotency-key-header); what is meant here: a
key belongs to its caller and is kept for a day. The same request again gets the same answer; another request with
the same key is refused (422); while the first one is going on, 409 says so. An answer that says that nothing was
done – another cleanup is running, the request is not valid – is not kept: the same request may be tried again.
Nor is one that is a secret: in its place stands that it was given.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import HTTPException, Request, Response

from shelflife import clock
from shelflife.actor import acting
from shelflife.records.replies import Reply
from shelflife.web.problems import problem

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from shelflife.actor import Actor
    from shelflife.records.records import Records
    from shelflife.records.replies import Claim

__all__ = ["Once"]

_HEADER: Final = "Idempotency-Key"
_LONGEST: Final = 255
_SECRET: Final = ("/tokens", "/session")
"""Ends of paths whose answers are secrets."""
_KEPT_HEADERS: Final = ("location", "content-type", "preference-applied")


class Once:
    """Sees to it that a request with a key is carried out once, over all processes and restarts."""

    def __init__(self, records: Callable[[], Records]) -> None:
        """Take what opens the records; nothing is opened before a request has a key."""
        self._records = records
        self._owner = _this_process()

    async def carry_out(
        self, request: Request, actor: Actor, handle: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Response:
        """Return the answer to a request, from `handle` or, where it was given before, from the records.

        Raises HTTPException (409, 422), and whatever `handle` raises.
        """
        given = request.headers.get(_HEADER)
        if given is None or request.method in ("GET", "HEAD"):
            with acting(actor):
                return await handle(request)
        if not 0 < len(given) <= _LONGEST or not given.isprintable():
            raise HTTPException(422, f"{_HEADER}: not a key; allowed: 1 to {_LONGEST} printable characters")
        key = f"{actor.name} {given}"
        claim = await asyncio.to_thread(self._claim, key, await _digest(request))
        if not claim.is_same:
            raise HTTPException(422, f"{_HEADER}: this key was used for another request; take a new one")
        if claim.reply is not None:
            return _response(claim.reply)
        if not claim.is_mine:
            raise HTTPException(409, "the first request with this key is still going on; ask again later")
        try:
            with acting(replace(actor, key=key)):
                response = await handle(request)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(self._give_up, key))
            raise
        if response.status_code < 300:
            kept = _told_once() if request.url.path.endswith(_SECRET) else response
            await asyncio.to_thread(self._keep, key, kept)
        else:
            await asyncio.to_thread(self._give_up, key)
        return response

    def _claim(self, key: str, digest: bytes) -> Claim:
        with self._records().open_journal() as journal:
            return journal.replies.claim(key, digest, owner=self._owner, at=clock.now(), is_alive=_is_alive)

    def _keep(self, key: str, response: Response) -> None:
        headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
        reply = Reply(status=response.status_code, headers=json.dumps(headers), body=bytes(response.body))
        with self._records().open_journal() as journal:
            journal.replies.keep(key, reply)

    def _give_up(self, key: str) -> None:
        with self._records().open_journal() as journal:
            journal.replies.give_up(key)


def _told_once() -> Response:
    """Return what stands for an answer that is a secret: the journal keeps none."""
    return problem(409, "", "this was done; what it answered is a secret, which is shown once and not kept")


async def _digest(request: Request) -> bytes:
    parts = (request.method.encode(), str(request.url.path).encode(), request.url.query.encode())
    return hashlib.sha256(b"\0".join((*parts, await request.body()))).digest()


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, headers=json.loads(reply.headers))


def _this_process() -> str:
    """Return what tells this process from every other, also from one that gets its number later."""
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def _is_alive(owner: str) -> bool:
    """Return whether a process lives; one on another host, which cannot be seen, counts as living."""
    host, number, started = owner.rsplit(" ", 2)
    return host != socket.gethostname() or _started(int(number)) == started


def _started(number: int) -> str:
    """Return when a process started, in ticks since the machine did (proc(5), field 22); empty for none."""
    try:
        text = Path(f"/proc/{number}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
