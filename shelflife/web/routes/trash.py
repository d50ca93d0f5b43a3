"""The trash: what waits there, getting it back, and letting it go for good."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import StreamingResponse

from shelflife.errors import UsageError
from shelflife.run.selection import Selection
from shelflife.settings.quantities import parse_duration, past_moment_of
from shelflife.shapes.run import Report, report_as_json
from shelflife.shapes.trash import (
    Restored,
    TrashedFile,
    WouldRestore,
    restored_as_json,
    trashed_file_as_json,
    would_restore_as_json,
)
from shelflife.web import models
from shelflife.web.routes.cleanup import RUNS
from shelflife.web.routes.parts import (
    MOST_FILES,
    Areas,
    Asking,
    Limit,
    answer_of,
    inside,
    json_lines,
    require_path,
    wants_lines,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from fastapi import APIRouter

    from shelflife.engine import Engine
    from shelflife.events import Event
    from shelflife.remove.report import RunReport
    from shelflife.shapes.trash import Restored as Result
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of the trash."""

    @api.get("/trash", response_model=list[TrashedFile])
    async def list_trash(
        request: Request, asking: Asking, area: Areas = None, limit: Limit = MOST_FILES
    ) -> object:
        """Return what waits in the trash, the oldest first: up to `limit` files, or all of them as JSON lines."""
        areas = asking.require_areas(area)
        files = (trashed_file_as_json(file) for file in service.engine.trash(areas or None))
        if wants_lines(request):
            return StreamingResponse(json_lines(files), media_type="application/jsonl")
        return await asyncio.to_thread(lambda: list(islice(files, limit)))

    _add_acts(api, service)


def _add_acts(api: APIRouter, service: Service) -> None:
    @api.post("/trash/restore", response_model=Restored | WouldRestore, responses=RUNS)
    async def start_restore(request: Request, asking: Asking, wanted: models.RestoreRequest) -> object:
        """Bring back from the trash paths, what runs put there, or what went in a time. Nothing is ever replaced.

        All of it is held by one hold. With `dry_run`, only say what would come back.
        """
        selection = await asyncio.to_thread(_selection, service.engine, asking, wanted)
        if wanted.dry_run:
            files = service.engine.would_bring_back(selection)
            return await asyncio.to_thread(would_restore_as_json, files)

        def act(listen: Callable[[Event], None], stop: threading.Event) -> Result:
            engine = service.engine_for(listen)
            done = engine.restored(engine.bring_back(selection, hold=wanted.hold, stop=stop), most=MOST_FILES)
            done.require_all()
            return restored_as_json(done, now=engine.now())

        return await answer_of(
            request, service, service.work.begin(act), lambda done: done, at="/trash/restore"
        )

    @api.post("/trash/purge", response_model=Report, responses=RUNS)
    async def start_purge(request: Request, asking: Asking, wanted: models.PurgeRequest) -> object:
        """Remove for good what waits in the trash. What is held, or was displaced, stays."""
        areas = asking.require_areas(wanted.areas)
        try:
            age = None if wanted.older_than is None else parse_duration(wanted.older_than)
        except ValueError as error:
            raise UsageError(f"older_than: {error}") from error

        def act(listen: Callable[[Event], None], _stop: threading.Event) -> RunReport:
            engine = service.engine_for(listen)
            before = None if age is None else engine.now() - age * 10**9
            return engine.empty_trash(areas or None, before=before)

        job = service.work.begin(act)
        return await answer_of(
            request, service, job, lambda done: report_as_json(done.as_json()), at="/trash/purge"
        )


def _selection(engine: Engine, asking: Caller, wanted: models.RestoreRequest) -> Selection:
    """Return what a request wants back. Raises UsageError, HTTPException (403)."""
    targets = wanted.targets or ([] if wanted.target is None else [wanted.target])
    areas = asking.require_areas(wanted.areas)
    goals = {
        name: None if path is None else inside(engine, path)
        for name, path in (("new_path", wanted.to), ("into", wanted.into))
    }
    for path in filter(None, goals.values()):
        require_path(engine, asking, path)
    now = engine.now()
    since, until = (
        None if text is None else past_moment_of(text, now, name=name)
        for name, text in (("since", wanted.since), ("until", wanted.until))
    )
    return Selection(
        runs=tuple(int(target) for target in targets if target.isdecimal()),
        paths=tuple(inside(engine, target) for target in targets if not target.isdecimal()),
        areas=None if areas is None else tuple(engine.settings.area_name(name) for name in areas),
        since=since,
        until=until,
        **goals,
    )
