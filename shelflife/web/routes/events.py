"""Events as they happen, for pages and programs that stay connected (server-sent events)."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from fastapi import Header, Query, Request
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse
from sse_starlette.sse import SendTimeoutError

from shelflife.scopes import Scope
from shelflife.shapes.event import Events, event_as_json
from shelflife.web.routes.parts import LARGEST, MOST_FILES, Asking, Limit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import APIRouter
    from starlette.types import Message, Receive, Send
    from starlette.types import Scope as Connection

    from shelflife.records.event_log import EventRecord
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

logger = logging.getLogger(__name__)

_HEARTBEAT = 15
"""Seconds between two comments that keep proxies from closing a quiet stream."""
_SLOW = 10.0
"""Seconds after which a reader that takes nothing is cut off; it goes on by `Last-Event-ID`."""
_LAST_WORD = 0.1
"""Seconds that a reader has to take the end of the stream."""


class _Stream(EventSourceResponse):
    """A stream whose reader may be cut off, which is no fault of ours."""

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Send the events, and at the end of the service that there are no more."""
        is_open = True

        async def follow(message: Message) -> None:
            nonlocal is_open
            await send(message)
            is_open = message.get("more_body", True)

        try:
            await super().__call__(scope, receive, follow)
        except SendTimeoutError:
            logger.info("a reader of events took nothing for %g s and was cut off", _SLOW)
            return
        if is_open:  # the service ends, or the reader is gone
            with anyio.move_on_after(_LAST_WORD):
                await send({"type": "http.response.body", "body": b"", "more_body": False})


def add(api: APIRouter, service: Service) -> None:
    """Add the stream of events."""

    @api.get(
        "/events",
        response_model=Events,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def stream_events(
        request: Request,
        asking: Asking,
        after: Annotated[int | None, Query(ge=0, le=LARGEST, description="Begin after this event")] = None,
        last_event_id: Annotated[str | None, Header(max_length=20)] = None,
        limit: Limit = MOST_FILES,
    ) -> object:
        """Return what happens, as it happens, whichever process does it.

        Each event has a number as its `id`. With `Last-Event-ID`, or `after`, comes first what was missed, each
        event once and in order; `event: reset` says that some of that is no longer known. With
        `Accept: application/json` it is a page of what happened, up to `limit`.
        """
        if request.headers.get("accept", "").startswith("application/json"):
            return JSONResponse(await _page(service, asking, after or 0, limit))
        seen = int(last_event_id) if last_event_id and last_event_id.isdecimal() else after

        async def stream() -> AsyncIterator[dict[str, str | int]]:
            first, last = await service.feed.bounds()
            start = last if seen is None else seen
            if start + 1 < first or start > last:
                yield {"event": "reset", "data": json.dumps({"first": first, "last": last})}
                start = min(max(start, first - 1), last)
            async for event in service.feed.listen(start):
                data = json.dumps(_shown(event, asking))
                yield {"id": str(event.id), "event": event.kind, "data": data}

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return _Stream(stream(), headers=headers, ping=_HEARTBEAT, send_timeout=_SLOW)


async def _page(service: Service, asking: Caller, after: int, limit: int) -> dict[str, Any]:
    first, _ = await service.feed.bounds()
    found = await service.feed.page(after, limit + 1)
    more = found[limit - 1].id if len(found) > limit else None
    return {"events": [_shown(event, asking) for event in found[:limit]], "first": first, "next_after": more}


def _shown(event: EventRecord, asking: Caller) -> dict[str, Any]:
    """Return an event as its reader may see it."""
    names = asking.may(Scope.READ_PATHS) and _concerns(event, asking)
    return event_as_json(event, with_paths=names)


def _concerns(event: EventRecord, asking: Caller) -> bool:
    """Return whether what an event names is in an area that the caller may name the files of."""
    return not asking.areas or event.data.get("area") in asking.areas
