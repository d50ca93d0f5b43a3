"""What becomes of single paths: why, and holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from fastapi.responses import JSONResponse

from shelflife import clock
from shelflife.errors import UsageError
from shelflife.settings.quantities import moment_of
from shelflife.shapes.hold import Hold, hold_as_json
from shelflife.shapes.why import Answer, answer_as_json
from shelflife.web import models
from shelflife.web.problems import documented
from shelflife.web.routes.parts import LARGEST, Asking, asked_path, inside, not_found, require_path

if TYPE_CHECKING:
    from typing import Any

    from fastapi import APIRouter

    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

PathText = Annotated[str | None, Query(description="Relative to the base path, or absolute")]
PathBytes = Annotated[
    str | None, Query(description="Instead of `path`: its bytes in Base64, for names that are not UTF-8")
]

RestoringRun = Annotated[
    int | None,
    Query(ge=1, le=LARGEST, description="Instead of a path: the run that brought back what is held"),
]


def add(api: APIRouter, service: Service) -> None:
    """Add the routes about paths."""

    @api.get("/why", response_model=Answer)
    async def explain_path(asking: Asking, path: PathText = None, path_b64: PathBytes = None) -> object:
        """Return what will happen to a path, when and by which rule, or what happened to it."""
        return await asyncio.to_thread(_why, service, asking, asked_path(path, path_b64))

    @api.get("/holds", response_model=list[Hold])
    async def list_holds(
        asking: Asking,
        ended: Annotated[bool, Query(description="Also those that have ended")] = False,
    ) -> object:
        """Return what is held, the latest first."""
        found = await asyncio.to_thread(lambda: service.engine.holds(ended=ended))
        now = clock.now()
        return [
            hold_as_json(hold, now=now) for hold in found if not asking.areas or hold.area in asking.areas
        ]

    @api.post(
        "/holds",
        response_model=Hold,
        status_code=201,
        responses=documented(_403="the token does not open that", _409="a cleanup hangs in a batch"),
    )
    async def add_hold(asking: Asking, wanted: models.HoldRequest) -> object:
        """Hold a file, or a directory with all below it; answered when no cleanup can still remove it."""
        return JSONResponse(await asyncio.to_thread(_hold, service, asking, wanted), 201)

    @api.delete("/holds", response_model=list[Hold], responses=documented(_404="nobody holds it"))
    async def end_hold(
        asking: Asking, path: PathText = None, path_b64: PathBytes = None, run: RestoringRun = None
    ) -> object:
        """End the hold on a path, or on what a run brought back from the trash."""
        if run is not None and path is None and path_b64 is None:
            return await asyncio.to_thread(_unhold_run, service, asking, run)
        return await asyncio.to_thread(_unhold, service, asking, asked_path(path, path_b64))


def _why(service: Service, asking: Caller, path: str) -> Answer:
    engine = service.engine
    place = inside(engine, path)
    require_path(engine, asking, place)
    return answer_as_json(engine.why(place))


def _hold(service: Service, asking: Caller, wanted: models.HoldRequest) -> Any:
    engine = service.engine
    place = inside(engine, asked_path(wanted.path, wanted.path_b64))
    require_path(engine, asking, place)
    until = None if wanted.until is None else moment_of(wanted.until, clock.now(), name="until")
    return hold_as_json(engine.hold(place, until=until, reason=wanted.reason), now=clock.now())


def _unhold_run(service: Service, asking: Caller, run: int) -> list[Hold]:
    engine = service.engine
    held = [hold for hold in engine.holds() if hold.run == run]
    if held and asking.areas:
        asking.require_areas([hold.area for hold in held])
    try:
        ended = engine.unhold(str(run))
    except UsageError as error:
        raise not_found(error) from error
    now = clock.now()
    return [hold_as_json(replace(hold, ended=now), now=now) for hold in ended]


def _unhold(service: Service, asking: Caller, path: str) -> list[Hold]:
    engine = service.engine
    place = inside(engine, path)
    require_path(engine, asking, place)
    try:
        ended = engine.unhold(place)
    except UsageError as error:
        raise not_found(error) from error
    now = clock.now()
    return [hold_as_json(replace(hold, ended=now), now=now) for hold in ended]
