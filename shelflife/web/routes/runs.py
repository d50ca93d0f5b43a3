"""Runs: what was done, what is being done, and how to stop it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import HTTPException, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from shelflife.errors import UsageError
from shelflife.records.history import RunState
from shelflife.shapes.event import progress_as_json
from shelflife.shapes.run import Run, RunFiles, Runs, file_as_json, run_as_json
from shelflife.web.problems import documented
from shelflife.web.routes.parts import LARGEST, MOST_FILES, Asking, Limit, RunNumber, json_lines, not_found

if TYPE_CHECKING:
    from typing import Any

    from fastapi import APIRouter

    from shelflife.records.history import RunRecord
    from shelflife.web.service import Service

_MISSING = documented(_404="there is no such run")


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of runs."""

    @api.get("/runs", response_model=Runs)
    async def list_runs(
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=LARGEST, description="Runs before this one")] = None,
    ) -> object:
        """Return runs, the latest first."""
        found = await asyncio.to_thread(lambda: service.engine.history(limit=limit + 1, before=before))
        shown = [run_as_json(run) for run in found[:limit]]
        return {"runs": shown, "next_before": shown[-1]["run"] if len(found) > limit else None}

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
        run: RunNumber,
        cursor: Annotated[int, Query(ge=0, le=LARGEST, description="`next_cursor` of the page before")] = 0,
        offset: Annotated[int, Query(ge=0, le=10**9, deprecated=True)] = 0,
        limit: Limit = MOST_FILES,
    ) -> object:
        """Return what became of a run's files, and the empty directories it removed; also as JSON lines."""
        if "application/jsonl" in request.headers.get("accept", ""):
            await asyncio.to_thread(_find, service, run)
            files = (file_as_json(file) for file in service.engine.run_files(run, directories=True))
            return StreamingResponse(json_lines(files), media_type="application/jsonl")
        return await asyncio.to_thread(_files, service, run, cursor or offset, limit)


def _find(service: Service, number: int) -> RunRecord:
    try:
        return service.engine.run(number)
    except UsageError as error:
        raise not_found(error) from error


def _run(service: Service, number: int) -> dict[str, Any]:
    record = _find(service, number)
    shown = dict(run_as_json(record))
    if RunState(record.state).is_going_on:
        with service.records().open_journal() as journal:
            progress = journal.events.progress(number)
        shown["progress"] = None if progress is None else progress_as_json(progress)
    return shown


def _stop(service: Service, number: int, by: str) -> dict[str, Any]:
    record = _find(service, number)
    with service.records().open_journal() as journal:
        if not journal.events.ask_to_stop(number, by or "somebody"):
            raise HTTPException(409, f"run {number} has ended already: {record.state}")
    return _run(service, number)


def _files(service: Service, number: int, start: int, limit: int) -> dict[str, Any]:
    _find(service, number)
    found = service.engine.run_files(number, directories=True)
    page = [file_as_json(file) for position, file in enumerate(found) if start <= position < start + limit]
    more = start + limit if len(page) == limit else None
    return {"files": page, "next_offset": more, "next_cursor": more}
