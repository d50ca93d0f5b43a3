"""Problem documents (RFC 9457): the one shape in which a request learns that it failed, and why.

`type` tells problems apart and is stable; what an error of the engine means stands in `shelflife.errors`. The
routes answer with problem documents themselves, so that an application that includes them need not handle
their errors, and keeps its own ways for its own.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as StarletteHTTPException

from shelflife import clock
from shelflife.errors import NoRoom, SettingsError, ShelflifeError
from shelflife.formats import counted, printable
from shelflife.shapes.error import details_of
from shelflife.web.models import ProblemDetails
from shelflife.web.requests import REQUEST_ID, current_ids, request_id_of

__all__ = ["MEDIA_TYPE", "Changed", "ProblemRoute", "answered", "documented", "problem", "problem_of"]

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

_TYPE: Final = "urn:shelflife:problem:"

_TITLES: Final = {
    "error": "The storage failed",
    "settings": "The configuration is wrong",
    "usage": "There is no such thing",
    "partly-restored": "Some of it could not be restored",
    "storage": "The storage cannot be used",
    "records": "The records cannot be read",
    "cleanup-busy": "Another cleanup is running",
    "cleanup-disabled": "Cleanups are switched off",
    "needs-approval": "A person must approve it first",
    "no-room": "There is no room for it",
    "already-there": "The name is taken",
    "slot-taken": "Another process runs it",
    "validation": "The request is not valid",
    "unauthorized": "The token is missing or wrong",
    "forbidden": "The token does not open that",
    "too-many-attempts": "Too many tokens that open nothing",
    "precondition-failed": "It has changed meanwhile",
    "busy": "Too much at once",
    "unsupported-media-type": "Only application/json is taken",
    "length-required": "The length of the body is missing",
    "too-large": "The body is too large",
    "not-found": "Not found",
    "method-not-allowed": "Method not allowed",
}
"""End of `type` → title."""

_SLUGS: Final = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    411: "length-required",
    412: "precondition-failed",
    413: "too-large",
    415: "unsupported-media-type",
    422: "usage",
    429: "too-many-attempts",
    503: "busy",
    507: "no-room",
}
"""What an HTTP status means where nothing more is known."""


class Changed(HTTPException):
    """What a request is about is not as its sender has seen it (412); nothing was done."""

    def __init__(self, changed: Sequence[str], current: Any, tag: str | None) -> None:
        """Take the names of the parts that differ, what is shown now, and the tag of that; None if it is gone."""
        parts = f": {', '.join(changed)}" if changed else ""
        detail = f"it has changed since you looked{parts}; look again, nothing was done"
        super().__init__(412, detail, headers={"ETag": tag} if tag else None)
        self.changed, self.current = list(changed), current


class ProblemRoute(APIRoute):
    """A route whose failures are problem documents."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with its failures turned into answers."""
        handle = super().get_route_handler()

        guarded = self.wrapped(handle)

        async def answer(request: Request) -> Response:
            if not hasattr(request.state, "request_id"):  # in an application that is not ours
                request.state.request_id = request_id_of(request.headers)
            return await answered(request, lambda: guarded(request))

        return answer

    def wrapped(
        self, handle: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers: the handler, and what is done before and after it. It may raise HTTPException."""
        return handle


async def answered(request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
    """Return an answer, or the problem document in its place. Raises what is somebody else's to answer."""
    try:
        return await answer()
    except (RequestValidationError, StarletteHTTPException, ShelflifeError, OSError) as error:
        response = problem_of(error)
        if response is None:
            raise
        response.headers[REQUEST_ID] = request.state.request_id
        return response


def problem_of(error: Exception) -> Response | None:
    """Return the problem document that an error amounts to; None for one that is somebody else's to answer.

    An application may have its own kinds of `HTTPException`, with handlers of its own.
    """
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, ShelflifeError):
        return _of_engine(error)
    if isinstance(error, OSError):
        logger.error("a request failed: %s", error)
        reason = os.strerror(error.errno) if error.errno else str(error)
        return problem(503, "storage", f"the operating system says: {reason}")
    if isinstance(error, Changed):
        more = {"changed": error.changed, "current": error.current}
        return problem(412, _SLUGS[412], error.detail, headers=error.headers, **more)
    if type(error) in (HTTPException, StarletteHTTPException) and isinstance(error, StarletteHTTPException):
        slug = _SLUGS.get(error.status_code, "")
        return problem(error.status_code, slug, str(error.detail), headers=error.headers)
    return None


def problem(
    status: int, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Return a problem document. `slug` is the end of its type; `more` are further members."""
    content = content_of(status, slug, detail) | more
    return JSONResponse(content, status, headers=headers, media_type=MEDIA_TYPE)


def content_of(status: int, slug: str, detail: str) -> dict[str, Any]:
    """Return what every problem document says, and what the request is called in the log: `request`, `trace`."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"
    return {
        "type": f"{_TYPE}{slug}" if slug else "about:blank",
        "title": _TITLES.get(slug, phrase),
        "status": status,
        "detail": printable(detail),
        **{name: value for name, value in asdict(current_ids()).items() if value},
    }


def documented(**meanings: str) -> dict[int | str, dict[str, Any]]:
    """Return the failures of a route for its documentation: `documented(_409="another one is running")`."""
    schema = ProblemDetails.model_json_schema()
    return {
        int(status[1:]): {
            "description": meaning,
            "content": {
                MEDIA_TYPE: {
                    "schema": schema,
                    "example": content_of(int(status[1:]), _SLUGS.get(int(status[1:]), ""), meaning),
                }
            },
        }
        for status, meaning in meanings.items()
    }


def _of_validation(error: RequestValidationError) -> Response:
    # Neither the values nor pydantic's `ctx`: what was sent is not sent back.
    faults = [
        {"where": ".".join(map(str, fault["loc"])), "message": str(fault["msg"])} for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['where']}: {fault['message']}" for fault in faults)
    return problem(422, "validation", detail, errors=faults)


def _of_engine(error: ShelflifeError) -> Response:
    meaning = error.meaning
    if meaning.http_status >= 500 and not isinstance(error, NoRoom):
        logger.error("a request failed: %s", error)
    detail = str(error)
    if isinstance(error, SettingsError):  # in full they hold values, which are not for everybody who may ask
        detail = (
            f"{counted(len(error.problems), 'problem', 'problems')} in the configuration; nothing was done"
        )
    headers = _retry_after(error) if isinstance(error, NoRoom) else None
    return problem(
        meaning.http_status, meaning.slug, detail, headers=headers, **details_of(error, values=False)
    )


def _retry_after(error: NoRoom) -> dict[str, str] | None:
    """Return when it is worth asking again, if that is known."""
    if error.again is None:
        return None
    seconds = math.ceil((error.again - clock.as_datetime(clock.now())).total_seconds())
    return {"Retry-After": str(max(1, seconds))}
