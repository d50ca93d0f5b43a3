"""Runs: what was done, what is being done, and how to stop it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from shelflife import clock
from shelflife.files.removal import Result
from shelflife.records.history import RunState
from shelflife.settings.quantities import past_moment_of
from shelflife.shapes.event import progress_as_json
from shelflife.shapes.run import Run, RunFiles, Runs, file_as_json, run_as_json
from shelflife.web.problems import documented
from shelflife.web.routes.parts import (
    LARGEST,
    MOST_FILES,
    Areas,
    Asking,
    Limit,
    RunNumber,
    Since,
    json_lines,
    known,
    link_to_next,
    wants_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from fastapi import APIRouter

    from shelflife.records.history import FileRecord, RunRecord
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

_MISSING = documented(_404="there is no such run")

_MOST_LOOKED_AT: Final = 50_000
"""Files, or runs, of which a page is chosen: where few are wanted, it may be a short one."""

# When pages by `offset` gave way to `cursor` (RFC 9745: seconds since the epoch).
_DEPRECATED: Final = "@1795824000"

_AT_ONCE: Final = 100
"""Runs that are read at once."""

OUTCOMES: Final = tuple(result.name.lower() for result in Result)


@dataclass
class WantedRuns:
    """Which runs are wanted."""

    area: Annotated[str | None, Query(max_length=1000, description="Only what concerns this area")] = None
    state: Annotated[RunState | None, Query(description="Only runs in this state")] = None
    since: Since = None
    top: Annotated[int, Query(ge=0, le=200, description="Instead: the largest by what went, so many")] = 0


@dataclass
class WantedFiles:
    """Which of a run's files are wanted."""

    area: Areas = None
    outcome: Annotated[
        str | None, Query(json_schema_extra={"enum": [*OUTCOMES]}, description="Only files with this outcome")
    ] = None
    since: Since = None
    top: Annotated[int, Query(ge=0, le=MOST_FILES, description="Instead: the largest, so many")] = 0


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of runs."""

    @api.get("/runs", response_model=Runs)
    async def list_runs(
        request: Request,
        response: Response,
        wanted: Annotated[WantedRuns, Depends()],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=LARGEST, description="Runs before this one")] = None,
    ) -> object:
        """Return runs, the latest first; a page may be short, and `next_before` say that there are more."""
        found, more = await asyncio.to_thread(_runs, service, wanted, limit, before)
        if more is not None:
            response.headers["Link"] = link_to_next(request, before=more)
        return {"runs": [run_as_json(run) for run in found], "next_before": more}

    @api.get("/runs/{run}", response_model=Run, responses=_MISSING)
    async def get_run(run: RunNumber) -> object:
        """Return one run; while it goes on, also how far it is, whichever process it is in."""
        return await asyncio.to_thread(_run, service, run)

    @api.delete(
        "/runs/{run}",
        response_model=Run,
        status_code=202,
        responses=_MISSING | documented(_409="it has ended already"),
    )
    async def stop_run(run: RunNumber, asking: Asking) -> object:
        """Ask a run to stop at its next batch, wherever it runs; what it did is kept, the next one goes on."""
        return JSONResponse(await asyncio.to_thread(_stop, service, run, asking.name), 202)

    _add_files(api, service)


def _add_files(api: APIRouter, service: Service) -> None:
    @api.get("/runs/{run}/files", response_model=RunFiles, responses=_MISSING)
    async def list_run_files(
        request: Request,
        response: Response,
        run: RunNumber,
        asking: Asking,
        wanted: Annotated[WantedFiles, Depends()],
        cursor: Annotated[int, Query(ge=0, le=LARGEST, description="`next_cursor` of the page before")] = 0,
        offset: Annotated[int, Query(ge=0, le=10**9, deprecated=True)] = 0,
        limit: Limit = MOST_FILES,
    ) -> object:
        """Return what became of a run's files, and the empty directories it removed; also as JSON lines.

        A page may be short, and `next_cursor` say that there are more.
        """
        files = await asyncio.to_thread(_files, service, asking, run, wanted, cursor)
        if wants_lines(request):
            chosen = (file_as_json(file) for file, fits in files if fits)
            return StreamingResponse(json_lines(chosen), media_type="application/jsonl")
        if wanted.top:
            found = (file for file, fits in files if fits)
            largest = await asyncio.to_thread(nlargest, wanted.top, found, key=lambda file: file.size)
            return _shown(largest, None, None)
        if offset:
            response.headers["Deprecation"] = _DEPRECATED
            files = islice(files, offset, None)
        page, more = await asyncio.to_thread(_page, files, limit)
        if more is not None:
            response.headers["Link"] = link_to_next(request, cursor=more)
        return _shown(page, more, None if more is None or cursor else offset + len(page))


def _runs(
    service: Service, wanted: WantedRuns, limit: int, before: int | None
) -> tuple[list[RunRecord], int | None]:
    """Return a page of runs, and the number before which there are more. Raises UsageError."""
    engine, since = service.engine, _since(wanted.since)
    area = None if wanted.area is None else engine.settings.area_name(wanted.area)
    found: list[RunRecord] = []
    more = None
    for count, run in enumerate(_all_runs(service, before)):
        if since is not None and run.started < since:
            more = None
            break
        if not wanted.top and (len(found) == limit or count == _MOST_LOOKED_AT):
            break
        more = run.id
        concerns = area is None or area in run.cutoffs or area in run.report.get("areas", {})
        if concerns and wanted.state in (None, run.state):
            found.append(run)
    else:
        more = None
    return (_largest(found, wanted.top), None) if wanted.top else (found, more)


def _all_runs(service: Service, before: int | None) -> Iterator[RunRecord]:
    while page := service.engine.history(limit=_AT_ONCE, before=before):
        yield from page
        before = page[-1].id


def _largest(runs: list[RunRecord], count: int) -> list[RunRecord]:
    return nlargest(
        count, runs, key=lambda run: run.report.get("bytes", 0) + run.report.get("trashed_bytes", 0)
    )


def _find(service: Service, number: int) -> RunRecord:
    with known():
        return service.engine.run(number)


def _run(service: Service, number: int) -> dict[str, Any]:
    record = _find(service, number)
    shown = dict(run_as_json(record))
    if RunState(record.state).is_going_on:
        with service.records().read_journal() as journal:
            progress = journal.events.progress(number) if journal else None
        shown["progress"] = None if progress is None else progress_as_json(progress)
    return shown


def _stop(service: Service, number: int, by: str) -> dict[str, Any]:
    record = _find(service, number)
    with service.records().open_journal() as journal:
        if not journal.events.ask_to_stop(number, by or "somebody", at=clock.now()):
            raise HTTPException(409, f"run {number} has ended already: {record.state}")
    return _run(service, number)


def _files(
    service: Service, asking: Caller, number: int, wanted: WantedFiles, cursor: int
) -> Iterator[tuple[FileRecord, bool]]:
    """Yield the files of a run after a cursor, each with whether it is wanted. Raises UsageError."""
    engine, since = service.engine, _since(wanted.since)
    _find(service, number)
    chosen = asking.require_areas(wanted.area)
    areas = None if chosen is None else {engine.settings.area_name(name) for name in chosen}
    return (
        (
            file,
            (areas is None or file.area in areas)
            and wanted.outcome in (None, file.result.name.lower())
            and (since is None or file.at >= since),
        )
        for file in engine.run_files(number, directories=True, after=cursor or -1)
    )


def _page(files: Iterator[tuple[FileRecord, bool]], limit: int) -> tuple[list[FileRecord], int | None]:
    """Return a page, and the cursor after which there are more; None at the end."""
    page: list[FileRecord] = []
    seen = None
    for count, (file, fits) in enumerate(files):
        if len(page) == limit or count == _MOST_LOOKED_AT:
            return page, seen
        if fits:
            page.append(file)
        seen = file.cursor
    return page, None


def _shown(files: Iterable[FileRecord], cursor: int | None, offset: int | None) -> RunFiles:
    return {
        "files": [file_as_json(file) for file in files],
        "next_cursor": cursor,
        "next_offset": offset,
    }


def _since(text: str | None) -> int | None:
    return None if text is None else past_moment_of(text, clock.now(), name="since")
