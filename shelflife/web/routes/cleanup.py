"""Cleaning up, making room, and the plans that say what would go."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Body, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from shelflife.records.history import RunState, Trigger
from shelflife.scopes import Scope
from shelflife.settings.quantities import moment_of
from shelflife.shapes.cleanup import CleanupAccepted, CleanupResult
from shelflife.shapes.disk import Reliefs, reliefs_as_json
from shelflife.shapes.plan import Plan, PlannedFile, plan_as_json, planned_file_as_json
from shelflife.web import models
from shelflife.web.cleanups import clean_up, preview
from shelflife.web.problems import documented
from shelflife.web.routes.parts import MOST_FILES, Areas, Asking, Limit, answer_of, json_lines

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from fastapi import APIRouter

    from shelflife.events import Event
    from shelflife.run.making_room import DiskRelief
    from shelflife.shapes.cleanup import CleanupResult as Result
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

_PLANS: Final = 4
"""Plans that are made at once; each may read much of the disk."""

# When the parameters of GET …/cleanup stopped having an effect (RFC 9745: seconds since the epoch).
_DEPRECATED: Final = "@1764547200"

At = Annotated[
    str | None,
    Query(max_length=100, description="As of a later time: 2026-12-24T18:00Z, or +2d from now"),
]

RUNS: Final = {
    202: {"model": CleanupAccepted, "description": "It is still running; `Location` says where to look"},
    **documented(_409="another cleanup is running, or a person must approve this one"),
}


def add(api: APIRouter, service: Service) -> None:
    """Add the routes that plan and clean up."""
    plans = asyncio.Semaphore(_PLANS)
    _add_plans(api, service, plans)
    _add_cleanup(api, service, plans)


def _add_plans(api: APIRouter, service: Service, plans: asyncio.Semaphore) -> None:
    busy = documented(_500="the configuration is wrong", _503="too many plans are being made, or …")

    @api.get("/plan", response_model=Plan, responses=busy)
    async def get_plan(asking: Asking, area: Areas = None, at: At = None) -> object:
        """Return what a cleanup would do now, or at a later time, in numbers.

        A plan that needs approval is remembered, so that a POST to `cleanup` can approve it by its id.
        """
        areas = asking.require_areas(area)
        return await _planned(plans, lambda: _plan(service, areas, at))

    @api.get("/plan/files", response_model=list[PlannedFile], responses=busy)
    async def get_planned_files(
        request: Request, asking: Asking, area: Areas = None, at: At = None, limit: Limit = MOST_FILES
    ) -> object:
        """Return the files that would go: up to `limit`, or all of them as JSON lines (`application/jsonl`)."""
        areas = asking.require_areas(area)
        if "application/jsonl" in request.headers.get("accept", ""):
            return StreamingResponse(json_lines(_files(service, areas, at)), media_type="application/jsonl")
        return await _planned(plans, lambda: list(islice(_files(service, areas, at), limit)))


async def _planned(plans: asyncio.Semaphore, make: Callable[[], Any]) -> Any:
    """Make a plan, unless too many are being made: reading must not wait behind them."""
    if plans.locked():
        raise HTTPException(503, "too many plans are being made at once", headers={"Retry-After": "1"})
    async with plans:
        return await asyncio.to_thread(make)


def _plan(service: Service, areas: list[str] | None, at: str | None) -> Plan:
    engine = service.current_engine()
    plan = engine.plan(areas or None, at=None if at is None else moment_of(at, engine.now(), name="at"))
    return plan_as_json(plan, engine.needs_approval(plan, offer_it=False))


def _files(service: Service, areas: list[str] | None, at: str | None) -> Iterator[PlannedFile]:
    engine = service.current_engine()
    plan = engine.plan(areas or None, at=None if at is None else moment_of(at, engine.now(), name="at"))
    return (planned_file_as_json(file) for file in engine.files(plan))


def _add_cleanup(api: APIRouter, service: Service, plans: asyncio.Semaphore) -> None:
    @api.get(
        "/cleanup",
        response_model=CleanupResult,
        responses=documented(_500="the configuration is wrong"),
        deprecated=True,
    )
    async def preview_cleanup(request: Request, response: Response) -> object:
        """Return what a cleanup would do now. It removes nothing, whatever is asked: that takes a POST."""
        response.headers["Deprecation"] = _DEPRECATED
        response.headers["Link"] = f'<{request.url.path}>; rel="successor-version"; title="POST"'
        return await _planned(plans, lambda: preview(service.current_engine(), None))

    @api.post("/cleanup", response_model=CleanupResult, responses=RUNS)
    async def start_cleanup(
        request: Request, asking: Asking, asked: Annotated[models.CleanupRequest | None, Body()] = None
    ) -> object:
        """Clean up, or say what would go, and return what was done.

        What takes longer than 10 seconds, or than `Prefer: wait=`, goes on: 202 then says where to look.
        """
        wanted = asked or models.CleanupRequest()
        areas = asking.require_areas(wanted.areas)
        if wanted.dry_run:
            return await _planned(plans, lambda: preview(service.current_engine(), areas))
        if wanted.approve is not None:
            asking.require(Scope.APPROVE)
            await asyncio.to_thread(_require_another, service, asking, wanted.approve)

        def act(listen: Callable[[Event], None], stop: threading.Event) -> Result:
            return clean_up(service, areas, wanted.approve, listen=listen, stop=stop)

        return await answer_of(request, service, service.work.begin(act), lambda done: done, at="/cleanup")

    _add_relief(api, service)


def _add_relief(api: APIRouter, service: Service) -> None:
    @api.post("/relief", response_model=Reliefs, responses=RUNS)
    async def start_relief(request: Request) -> object:
        """Make room on each disk that is above its high watermark, and return how each one stands."""

        def act(listen: Callable[[Event], None], stop: threading.Event) -> list[DiskRelief]:
            engine = service.engine_for(listen)
            return engine.relieve(trigger=Trigger.API, stop=stop)

        return await answer_of(request, service, service.work.begin(act), reliefs_as_json, at="/relief")


def _require_another(service: Service, asking: Caller, plan: str) -> None:
    """Raise HTTPException (403) where two persons are wanted and the same one asked for the run."""
    if not service.engine.settings.http.two_persons:
        return
    refused = [run for run in service.engine.history(limit=200) if run.plan == plan]
    if any(run.state == RunState.REFUSED and run.actor == asking.name for run in refused):
        raise HTTPException(403, f"{asking.name} asked for this run; somebody else must approve it")
