"""What the routes have in common: parameters, who asks, and how a run is answered."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast

from fastapi import Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from shelflife.errors import UsageError
from shelflife.records.journal import KeyTaken
from shelflife.shapes.run import run_as_json
from shelflife.storage.paths import locate
from shelflife.web.caller import Caller
from shelflife.web.work import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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


async def answer_of(
    request: Request, service: Service, job: RequestedRun[Done], finished: Callable[[Done], Any], *, at: str
) -> Response:
    """Return the answer to what began a run: what it did, if it is done in time, else where to look (202).

    `at` is the route, below the prefix. Raises what went wrong meanwhile. A run that the same request began
    before is answered for instead.
    """
    runs = f"{request.url.path.removesuffix(at)}/runs"
    patience, headers = patience_of(request)
    await job.wait(patience)
    try:
        done = job.result
    except KeyTaken as taken:
        record = await asyncio.to_thread(service.engine.run, taken.run)
        return JSONResponse(run_as_json(record), headers=headers | {"Location": f"{runs}/{taken.run}"})
    if job.run is not None:
        headers["Location"] = f"{runs}/{job.run}"
    if done is not None:
        return JSONResponse(finished(done), headers=headers)
    headers.setdefault("Location", runs)  # it waits for the lock, and has no number
    state = "planning" if job.run is None else "running"
    content = {"run": job.run, "state": state, "location": headers["Location"]}
    return JSONResponse(content, 202, headers=headers)


def json_lines(values: Iterable[object]) -> Iterator[bytes]:
    """Yield values as JSON lines. It blocks, and is for a streaming answer, which asks from a worker thread."""
    for value in values:
        yield json.dumps(value, ensure_ascii=False).encode() + b"\n"


def not_found(error: UsageError) -> HTTPException:
    """Return what says that there is no such thing."""
    return HTTPException(404, str(error))
