"""What the routes have in common: parameters, who asks, and how a run is answered."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast
from urllib.parse import urlencode

from fastapi import Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from shelflife.errors import UsageError
from shelflife.records.journal import KeyTaken
from shelflife.storage.paths import locate
from shelflife.web.caller import Caller
from shelflife.web.work import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shelflife.engine import Engine
    from shelflife.web.service import Service
    from shelflife.web.work import RequestedRun

MOST_FILES: Final = 1000
"""Files in one response."""

LARGEST: Final = 2**62
"""Numbers beyond are no numbers of ours, and too large for a database."""

_LONGEST_WAIT: Final = 60.0
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})")

RunNumber = Annotated[int, Path(ge=1, le=LARGEST)]
Areas = Annotated[list[str] | None, Query(max_length=1000, description="Once for each area; all, if none")]
Limit = Annotated[int, Query(ge=1, le=MOST_FILES)]
Cursor = Annotated[
    str | None,
    Query(
        min_length=1, max_length=20_000, description="From the `Link` of the page before: what comes after it"
    ),
]

Since = Annotated[
    str | None,
    Query(max_length=100, description="Only from then on: 2026-12-24, or 7d for seven days ago"),
]
PathText = Annotated[str | None, Query(description="Relative to the base path, or absolute")]
PathBytes = Annotated[
    str | None, Query(description="Instead of `path`: its bytes in Base64, for names that are not UTF-8")
]

Done = TypeVar("Done")


def _caller(request: Request) -> Caller:
    return cast("Caller", request.state.caller)


Asking = Annotated[Caller, Depends(_caller)]
"""Who sends the request, as the guard has found out."""


def asked_path(path: str | None, path_b64: str | None) -> str:
    """Return a path that was given as text, or as bytes in Base64. Raises UsageError."""
    if (path is None) == (path_b64 is None):
        raise UsageError("give either path or path_b64")
    if path is not None:
        return path
    try:
        return os.fsdecode(base64.b64decode(cast("str", path_b64), validate=True))
    except (binascii.Error, ValueError) as error:
        raise UsageError("path_b64: not Base64") from error


def inside(engine: Engine, path: str) -> str:
    """Return the path in the storage that is asked about: what lies elsewhere is not told to the network."""
    base = str(engine.settings.base_path)
    inner = path[len(base) :].lstrip("/") if path == base or path.startswith(f"{base}/") else path
    if inner.startswith("/") or ".." in inner.split("/") or "\0" in inner or not path:
        raise UsageError("path: not a path in the storage; allowed: one relative to its base path")
    return f"{base}/{inner}"


def require_path(engine: Engine, caller: Caller, path: str) -> None:
    """Return if the caller may act on a path. Raises UsageError, HTTPException (403)."""
    if caller.areas:
        caller.require_areas([locate(path, engine.settings.base_path, engine.areas).area.name])


def patience_of(request: Request) -> tuple[float, dict[str, str]]:
    """Return how long the caller wants to wait for a run (RFC 7240), in seconds, and what to answer to that."""
    found = _WAIT.search(request.headers.get("prefer", ""))
    if found is None:
        return PATIENCE, {}
    patience = min(float(found[1]), _LONGEST_WAIT)
    return patience, {"Preference-Applied": f"wait={patience:.0f}"}


def runs_at(request: Request, at: str) -> str:
    """Return where the runs are, as seen by whoever sent a request to the route `at`, below the prefix."""
    return f"{request.url.path.removesuffix(at)}/runs"


async def answer_of(
    request: Request, service: Service, job: RequestedRun[Done], finished: Callable[[Done], Any], *, at: str
) -> Response:
    """Return the answer to what began a run: what it did, if it is done in time, else where to look (202).

    `at` is the route, below the prefix. Raises what went wrong meanwhile. Of a run that the same request began
    before its process died, it is said where to look, too.
    """
    runs = runs_at(request, at)
    patience, headers = patience_of(request)
    await job.wait(patience)
    try:
        done = job.result
    except KeyTaken as taken:
        record = await asyncio.to_thread(service.engine.run, taken.run)
        return _accepted(taken.run, record.state, headers | {"Location": f"{runs}/{taken.run}"})
    if job.run is not None:
        headers["Location"] = f"{runs}/{job.run}"
    if done is not None:
        return JSONResponse(finished(done), headers=headers)
    headers.setdefault("Location", runs)  # it waits for the lock, and has no number
    state = "planning" if job.run is None else "running"
    return _accepted(job.run, state, headers)


def _accepted(run: int | None, state: str, headers: dict[str, str]) -> Response:
    return JSONResponse({"run": run, "state": state, "location": headers["Location"]}, 202, headers=headers)


def cursor_of(parts: Sequence[str]) -> str:
    """Return a cursor that stands for some texts, paths among them."""
    joined = "\0".join(parts).encode("utf-8", "surrogateescape")
    return base64.urlsafe_b64encode(joined).decode("ascii").rstrip("=")


def parts_of_cursor(cursor: str, count: int) -> list[str]:
    """Return the texts that a cursor stands for. Raises UsageError."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        joined = base64.b64decode(padded, altchars=b"-_", validate=True)
    except ValueError as error:
        raise UsageError("cursor: not one that a page before has given") from error
    parts = joined.decode("utf-8", "surrogateescape").split("\0")
    if len(parts) != count:
        raise UsageError("cursor: not one that a page before has given")
    return parts


def link_to_next(request: Request, **cursor: object) -> str:
    """Return the `Link` to the page that `cursor` begins (RFC 8288), relative: so it holds behind any proxy."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in cursor]
    query = urlencode([*kept, *((name, str(value)) for name, value in cursor.items())])
    return f'<?{query}>; rel="next"'


def wants_lines(request: Request) -> bool:
    """Return whether a list is wanted complete, as JSON lines."""
    return "application/jsonl" in request.headers.get("accept", "")


async def planned(service: Service, make: Callable[[], Done]) -> Done:
    """Have a plan made, unless too many are being made: reading must not wait behind them."""
    if service.planning.locked():
        raise HTTPException(503, "too many plans are being made at once", headers={"Retry-After": "1"})
    async with service.planning:
        return await asyncio.to_thread(make)


def json_lines(values: Iterable[object]) -> Iterator[bytes]:
    """Yield values as JSON lines. It blocks, and is for a streaming answer, which asks from a worker thread."""
    for value in values:
        yield json.dumps(value, ensure_ascii=False).encode() + b"\n"


@contextmanager
def known() -> Iterator[None]:
    """Surround a question about one thing, as a context: that there is no such thing is a 404."""
    try:
        yield
    except UsageError as error:
        raise not_found(error) from error


def not_found(error: UsageError) -> HTTPException:
    """Return what says that there is no such thing."""
    return HTTPException(404, str(error))
