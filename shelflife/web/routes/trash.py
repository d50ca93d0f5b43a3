"""The trash: what waits there, getting it back, and letting it go for good."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from shelflife.errors import UsageError
from shelflife.run.selection import Selection
from shelflife.run.trash_pages import TrashCursor, TrashFilter
from shelflife.run.trashed import Part
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
    LARGEST,
    MOST_FILES,
    Areas,
    Asking,
    Cursor,
    Limit,
    PathBytes,
    PathText,
    Since,
    answer_of,
    asked_path,
    cursor_of,
    inside,
    json_lines,
    link_to_next,
    parts_of_cursor,
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


@dataclass
class TrashAsked:
    """Which of what waits in the trash is wanted."""

    area: Areas = None
    run: Annotated[int | None, Query(ge=1, le=LARGEST, description="Only what this run put there")] = None
    path: PathText = None
    path_b64: PathBytes = None
    since: Since = None
    until: Annotated[str | None, Query(max_length=100, description="Only what went before then")] = None
    cursor: Cursor = None
    limit: Limit = MOST_FILES


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of the trash."""

    @api.get("/trash", response_model=list[TrashedFile])
    async def list_trash(
        request: Request, asking: Asking, wanted: Annotated[TrashAsked, Depends()]
    ) -> Response:
        """Return what waits in the trash, by area, the oldest first; `Link` says where the next page is.

        Complete as JSON lines (`application/jsonl`).
        """
        engine = service.engine
        chosen = await asyncio.to_thread(_filter_of, engine, asking, wanted)
        if wants_lines(request):
            lines = json_lines(map(trashed_file_as_json, engine.wanted_of_trash(chosen)))
            return StreamingResponse(lines, media_type="application/jsonl")
        after = None if wanted.cursor is None else _cursor_of(wanted.cursor)
        found, last = await engine.apage_of_trash(chosen, limit=wanted.limit, after=after)
        headers = {} if last is None else {"Link": link_to_next(request, cursor=_as_cursor(last))}
        return JSONResponse([trashed_file_as_json(file) for file in found], headers=headers)

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


def _filter_of(engine: Engine, asking: Caller, wanted: TrashAsked) -> TrashFilter:
    """Return what of the trash is wanted. Raises UsageError, HTTPException (403)."""
    areas = asking.require_areas(wanted.area)
    path = None
    if wanted.path is not None or wanted.path_b64 is not None:
        path = inside(engine, asked_path(wanted.path, wanted.path_b64))
        require_path(engine, asking, path)
    return TrashFilter(
        runs=() if wanted.run is None else (wanted.run,),
        path=path,
        **_narrowed(engine, areas, wanted),
    )


def _narrowed(
    engine: Engine, areas: list[str] | None, wanted: TrashAsked | models.RestoreRequest
) -> dict[str, Any]:
    """Return what narrows down parts of the trash, by area and time. Raises UsageError."""
    now = engine.now()
    return {
        "areas": None if areas is None else tuple(engine.settings.area_name(name) for name in areas),
        "since": None if wanted.since is None else past_moment_of(wanted.since, now, name="since"),
        "until": None if wanted.until is None else past_moment_of(wanted.until, now, name="until"),
    }


def _as_cursor(cursor: TrashCursor) -> str:
    part = cursor.part
    return cursor_of(
        (cursor.area, cursor.directory, str(part.at), str(int(part.displaced)), str(part.run), cursor.path)
    )


def _cursor_of(text: str) -> TrashCursor:
    """Return the cursor that a text stands for. Raises UsageError."""
    area, directory, at, displaced, run, path = parts_of_cursor(text, 6)
    if not (at.isdecimal() and run.isdecimal() and displaced in ("0", "1")):
        raise UsageError("cursor: not one that a page before has given")
    return TrashCursor(area, directory, Part(int(at), displaced == "1", int(run)), path)


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
    return Selection(
        runs=tuple(int(target) for target in targets if target.isdecimal()),
        paths=tuple(inside(engine, target) for target in targets if not target.isdecimal()),
        **_narrowed(engine, areas, wanted),
        new_path=goals["new_path"],
        into=goals["into"],
    )
