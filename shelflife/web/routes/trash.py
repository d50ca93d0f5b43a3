"""The trash: what waits there, getting it back, and letting it go for good."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import StreamingResponse

from shelflife.errors import UsageError
from shelflife.settings.quantities import parse_duration
from shelflife.shapes.run import Report, report_as_json
from shelflife.shapes.trash import Restored, TrashedFile, restored_as_json, trashed_file_as_json
from shelflife.web import models
from shelflife.web.routes.cleanup import RUNS
from shelflife.web.routes.parts import MOST_FILES, Areas, Asking, Limit, answer_of, inside, json_lines

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from fastapi import APIRouter

    from shelflife.events import Event
    from shelflife.remove.report import RunReport
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
        if "application/jsonl" in request.headers.get("accept", ""):
            return StreamingResponse(json_lines(files), media_type="application/jsonl")
        return await asyncio.to_thread(lambda: list(islice(files, limit)))

    _add_acts(api, service)


def _add_acts(api: APIRouter, service: Service) -> None:
    @api.post("/trash/restore", response_model=Restored, responses=RUNS)
    async def start_restore(request: Request, asking: Asking, wanted: models.RestoreRequest) -> object:
        """Bring back from the trash a path, or all that a run put there. Nothing is ever replaced."""
        asking.require_areas(None)

        def act(listen: Callable[[Event], None], _stop: threading.Event) -> list[str]:
            engine = service.engine_for(listen)
            target = wanted.target
            if not target.isdecimal():
                target = inside(engine, target)
            return engine.restore(target, to=wanted.to, hold=wanted.hold)

        return await answer_of(
            request, service, service.work.begin(act), restored_as_json, at="/trash/restore"
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
