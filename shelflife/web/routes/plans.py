"""Plans: what would go now, or at a later time, and those that wait for a person."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from shelflife.run.pages import PlanCursor
from shelflife.settings.quantities import moment_of
from shelflife.shapes.plan import (
    Plan,
    PlannedFile,
    WaitingPlans,
    plan_as_json,
    planned_file_as_json,
    waiting_plan_as_json,
)
from shelflife.web.problems import documented
from shelflife.web.routes.parts import (
    MOST_FILES,
    Areas,
    Asking,
    Cursor,
    Limit,
    cursor_of,
    json_lines,
    known,
    link_to_next,
    parts_of_cursor,
    planned,
    wants_lines,
)
from shelflife.web.tags import tag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastapi import APIRouter

    from shelflife.engine import Engine
    from shelflife.policy.plan import Plan as PlanValue
    from shelflife.scan.planner import PlannedFile as File
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

At = Annotated[
    str | None,
    Query(max_length=100, description="As of a later time: 2026-12-24T18:00Z, or +2d from now"),
]

PlanId = Annotated[str, Path(min_length=1, max_length=100)]

Top = Annotated[int, Query(ge=0, le=1000, description="Also so many directories that most would go from")]

_BUSY = documented(_500="the configuration is wrong", _503="too many plans are being made, or …")

_MISSING = _BUSY | documented(_404="no such plan waits for approval")


@dataclass
class FilesAsked:
    """Which of a plan's files are wanted."""

    limit: Limit = MOST_FILES
    cursor: Cursor = None
    top: Annotated[int, Query(ge=0, le=MOST_FILES, description="Instead: the largest, so many")] = 0


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of plans."""
    _add_plan(api, service)
    _add_waiting(api, service)


def _add_plan(api: APIRouter, service: Service) -> None:
    @api.get("/plan", response_model=Plan, responses=_BUSY)
    async def get_plan(
        response: Response, asking: Asking, area: Areas = None, at: At = None, top: Top = 0
    ) -> object:
        """Return what a cleanup would do now, or at a later time, in numbers.

        Its `ETag`, sent as `If-Match` with a POST to `cleanup`, has just that cleaned up, or nothing.
        """
        areas = asking.require_areas(area)
        shown = await planned(service, lambda: _plan(service, areas, at, top))
        response.headers["ETag"] = tag_of(parts_of(shown))
        return shown

    @api.get("/plan/files", response_model=list[PlannedFile], responses=_BUSY)
    async def get_planned_files(
        request: Request,
        asking: Asking,
        page: Annotated[FilesAsked, Depends()],
        area: Areas = None,
        at: At = None,
    ) -> object:
        """Return the files that would go, by area, directory and name; `Link` says where the next page is.

        Complete as JSON lines (`application/jsonl`), or only the largest (`top`).
        """
        areas = asking.require_areas(area)
        return await _files(request, service, lambda engine: _made(engine, areas, at), page)


def _add_waiting(api: APIRouter, service: Service) -> None:
    @api.get("/plans", response_model=WaitingPlans)
    async def list_waiting_plans() -> object:
        """Return the plans that wait until a person approves them, the latest first."""
        return await asyncio.to_thread(_waiting, service)

    @api.get("/plans/{plan}", response_model=Plan, responses=_MISSING)
    async def get_waiting_plan(plan: PlanId, response: Response, asking: Asking, top: Top = 0) -> object:
        """Return what a plan that waits for approval would remove by now.

        Its `ETag`, sent as `If-Match` with the approval, has just that removed, or nothing.
        """
        shown = await planned(
            service, lambda: plan_as_json(offered(service.current_engine(), asking, plan), (), top=top)
        )
        response.headers["ETag"] = tag_of(parts_of(shown))
        return shown

    @api.get("/plans/{plan}/files", response_model=list[PlannedFile], responses=_MISSING)
    async def list_files_of_waiting_plan(
        plan: PlanId, request: Request, asking: Asking, page: Annotated[FilesAsked, Depends()]
    ) -> object:
        """Return the files that a plan which waits for approval would remove; also as JSON lines."""
        return await _files(request, service, lambda engine: offered(engine, asking, plan), page)


def parts_of(plan: Plan) -> dict[str, object]:
    """Return the parts of a plan of which a tag is made: from each area, what would go, and why."""
    seen = ("cause", "files", "bytes", "directories", "links")
    return {name: [area[key] for key in seen] for name, area in plan["areas"].items()}  # type: ignore[literal-required]


def offered(engine: Engine, asking: Caller, plan: str) -> PlanValue:
    """Return what a plan that waits would remove by now. Raises HTTPException (403, 404), StorageError."""
    with known():
        found = engine.offered(plan)
    asking.require_areas([area.area for area in found.areas])
    return found


def _waiting(service: Service) -> WaitingPlans:
    return {"plans": [waiting_plan_as_json(plan) for plan in service.engine.waiting_plans()]}


def _made(engine: Engine, areas: list[str] | None, at: str | None) -> PlanValue:
    moment = None if at is None else moment_of(at, engine.now(), name="at")
    return engine.plan(areas or None, at=moment)


def _plan(service: Service, areas: list[str] | None, at: str | None, top: int) -> Plan:
    engine = service.current_engine()
    plan = _made(engine, areas, at)
    return plan_as_json(plan, engine.needs_approval(plan, offer_it=False), top=top)


async def _files(
    request: Request, service: Service, make: Callable[[Engine], PlanValue], page: FilesAsked
) -> Response:
    def files() -> Iterable[File]:
        engine = service.current_engine()
        found = engine.files(make(engine))
        return nlargest(page.top, found, key=lambda file: file.size) if page.top else found

    def one_page() -> tuple[list[File], PlanCursor | None]:
        engine = service.current_engine()
        after = None if page.cursor is None else PlanCursor(*parts_of_cursor(page.cursor, 4))
        return engine.page_of_files(make(engine), limit=page.limit, after=after)

    if wants_lines(request):
        lines = json_lines(map(planned_file_as_json, await planned(service, files)))
        return StreamingResponse(lines, media_type="application/jsonl")
    if page.top:
        return JSONResponse([planned_file_as_json(file) for file in await planned(service, files)])
    found, last = await planned(service, one_page)
    headers = {} if last is None else {"Link": link_to_next(request, cursor=cursor_of(last))}
    return JSONResponse([planned_file_as_json(file) for file in found], headers=headers)
