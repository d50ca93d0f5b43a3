"""Cleaning up and making room."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Body, HTTPException, Request, Response

from shelflife.errors import UsageError
from shelflife.records.history import RunState, Trigger
from shelflife.scopes import Scope
from shelflife.settings.quantities import parse_duration
from shelflife.shapes.cleanup import CleanupAccepted, CleanupResult
from shelflife.shapes.disk import Reliefs, reliefs_as_json
from shelflife.shapes.plan import plan_as_json
from shelflife.web import models
from shelflife.web.cleanups import Wanted, clean_up, preview
from shelflife.web.problems import documented
from shelflife.web.routes.parts import Asking, answer_of, planned, runs_at
from shelflife.web.routes.plans import offered, parts_of
from shelflife.web.tags import require_match

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from fastapi import APIRouter

    from shelflife.engine import Engine
    from shelflife.events import Event
    from shelflife.policy.plan import Plan
    from shelflife.run.making_room import DiskRelief
    from shelflife.shapes.cleanup import CleanupResult as Result
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

# When the parameters of GET …/cleanup stopped having an effect (RFC 9745: seconds since the epoch).
_DEPRECATED: Final = "@1764547200"

RUNS: Final = {
    202: {"model": CleanupAccepted, "description": "It is still running; `Location` says where to look"},
    **documented(_409="another cleanup is running, or a person must approve this one"),
}

_CLEANUPS: Final = {
    **RUNS,
    204: {"description": "A run was completed recently enough (`unless_ran_within`); `Location` says which"},
    **documented(_412="what would go is not what you have seen (`If-Match`); nothing was done"),
}


def add(api: APIRouter, service: Service) -> None:
    """Add the routes that clean up."""
    _add_preview(api, service)
    _add_cleanup(api, service)
    _add_relief(api, service)


def _add_preview(api: APIRouter, service: Service) -> None:
    @api.get(
        "/cleanup",
        response_model=CleanupResult,
        responses=documented(_500="the configuration is wrong"),
        deprecated=True,
    )
    async def preview_cleanup(request: Request, response: Response, asking: Asking) -> object:
        """Return what a cleanup would do now. It removes nothing, whatever is asked: that takes a POST."""
        response.headers["Deprecation"] = _DEPRECATED
        response.headers["Link"] = f'<{request.url.path}>; rel="successor-version"; title="POST"'
        wanted = Wanted(areas=asking.require_areas(None))
        return await planned(service, lambda: preview(service.current_engine(), wanted))


def _add_cleanup(api: APIRouter, service: Service) -> None:
    @api.post("/cleanup", response_model=CleanupResult, responses=_CLEANUPS)
    async def start_cleanup(
        request: Request, asking: Asking, asked: Annotated[models.CleanupRequest | None, Body()] = None
    ) -> object:
        """Clean up, or say what would go, and return what was done.

        What takes longer than 10 seconds, or than `Prefer: wait=`, goes on: 202 then says where to look. With
        `If-Match`, the tag of a plan, just what that plan shows is cleaned up, or nothing.
        """
        body = asked or models.CleanupRequest()
        if body.unless_ran_within is not None:
            run = await asyncio.to_thread(_recent, service, asking, body)
            if run is not None:
                return Response(
                    status_code=204, headers={"Location": f"{runs_at(request, '/cleanup')}/{run}"}
                )
        if body.approve is not None and not body.dry_run:
            asking.require(Scope.APPROVE)
            await asyncio.to_thread(_require_another, service, asking, body.approve)
        wanted = await asyncio.to_thread(_wanted, service, asking, body)
        if request.headers.get("if-match") is not None:
            wanted = await planned(service, lambda: _as_seen(request, service, asking, wanted))
        if body.dry_run:
            return await planned(service, lambda: preview(service.current_engine(), wanted))

        def act(listen: Callable[[Event], None], stop: threading.Event) -> Result:
            return clean_up(service, wanted, listen=listen, stop=stop)

        return await answer_of(request, service, service.work.begin(act), lambda done: done, at="/cleanup")


def _add_relief(api: APIRouter, service: Service) -> None:
    @api.post("/relief", response_model=Reliefs, responses=RUNS)
    async def start_relief(
        request: Request, asking: Asking, asked: Annotated[models.ReliefRequest | None, Body()] = None
    ) -> object:
        """Make room on each disk that is above its high watermark, and return how each one stands."""
        asking.require_everywhere()
        insist = asked is not None and asked.insist

        def act(listen: Callable[[Event], None], stop: threading.Event) -> list[DiskRelief]:
            engine = service.engine_for(listen)
            return engine.relieve(trigger=Trigger.API, stop=stop, insist=insist)

        return await answer_of(request, service, service.work.begin(act), reliefs_as_json, at="/relief")


def _wanted(service: Service, asking: Caller, body: models.CleanupRequest) -> Wanted:
    """Return what a body asks for. Raises UsageError, HTTPException (403)."""
    if body.approve is None:
        return Wanted(areas=asking.require_areas(body.areas))
    plan = next((plan for plan in service.engine.waiting_plans() if plan.id == body.approve), None)
    if plan is not None:  # else it is refused when it is to run, with the reason
        asking.require_areas(list(plan.cutoffs))
        named = {service.engine.settings.area_name(name) for name in body.areas or plan.cutoffs}
        if others := [name for name in plan.cutoffs if name not in named]:
            raise UsageError(
                f"plan {plan.id} is also about {', '.join(others)}; it is approved as a whole: name all, or none"
            )
    return Wanted(approve=body.approve)


def _as_seen(request: Request, service: Service, asking: Caller, wanted: Wanted) -> Wanted:
    """Return what is wanted as the plan that the caller has seen. Raises Changed if that is another."""
    engine = service.current_engine()
    plan = _plan_of(engine, asking, wanted)
    shown = plan_as_json(plan, engine.needs_approval(plan, offer_it=False) if wanted.approve is None else ())
    require_match(request, parts_of(shown), shown)
    return wanted if wanted.approve is not None else Wanted(areas=wanted.areas, seen=plan)


def _plan_of(engine: Engine, asking: Caller, wanted: Wanted) -> Plan:
    return engine.plan(wanted.areas) if wanted.approve is None else offered(engine, asking, wanted.approve)


def _recent(service: Service, asking: Caller, body: models.CleanupRequest) -> int | None:
    """Return a run that was completed recently enough for a caller. Raises UsageError."""
    try:
        seconds = parse_duration(body.unless_ran_within or 0)
    except ValueError as error:
        raise UsageError(f"unless_ran_within: {error}") from error
    run = service.engine.completed_within(seconds, asking.require_areas(body.areas))
    return None if run is None else run.id


def _require_another(service: Service, asking: Caller, plan: str) -> None:
    """Raise HTTPException (403) where two persons are wanted and the same one asked for the run."""
    if not service.engine.settings.http.two_persons:
        return
    refused = [run for run in service.engine.history(limit=200) if run.plan == plan]
    if any(run.state == RunState.REFUSED and run.actor == asking.name for run in refused):
        raise HTTPException(403, f"{asking.name} asked for this run; somebody else must approve it")
