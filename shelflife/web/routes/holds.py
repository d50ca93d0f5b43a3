"""Holds: what a person pinned."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from shelflife import clock
from shelflife.errors import UsageError
from shelflife.records.holds import HoldChanged
from shelflife.settings.quantities import moment_of
from shelflife.shapes.hold import Hold, hold_as_json
from shelflife.web import models
from shelflife.web.problems import documented
from shelflife.web.routes.parts import (
    LARGEST,
    Areas,
    Asking,
    Limit,
    PathBytes,
    PathText,
    asked_path,
    inside,
    known,
    link_to_next,
    require_path,
)
from shelflife.web.tags import require_match, require_none, tag_of

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shelflife.engine import Engine
    from shelflife.policy.holds import Hold as HoldValue
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

_PAGE: Final = 1000

Number = Annotated[int, Path(ge=1, le=LARGEST)]

RestoringRun = Annotated[
    int | None,
    Query(ge=1, le=LARGEST, description="Instead of a path: the run that brought back what is held"),
]

Before = Annotated[int | None, Query(ge=1, le=LARGEST, description="Holds before the one of this number")]

_CHANGED: Final = documented(_412="the hold is not as you have seen it (`If-Match`); nothing was done")

_MISSING: Final = documented(_404="there is no such hold")


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of holds."""
    _add_looking(api, service)
    _add_acting(api, service)


def _add_looking(api: APIRouter, service: Service) -> None:
    @api.get("/holds", response_model=list[Hold])
    async def list_holds(
        request: Request,
        response: Response,
        asking: Asking,
        area: Areas = None,
        ended: Annotated[bool, Query(description="Also those that have ended")] = False,
        before: Before = None,
        limit: Limit = _PAGE,
    ) -> object:
        """Return what is held, the latest first; `Link` says where the next page is."""
        areas = asking.require_areas(area) or ()
        found = await asyncio.to_thread(
            lambda: service.engine.holds(ended=ended, areas=areas, limit=limit + 1, before=before)
        )
        if len(found) > limit:
            response.headers["Link"] = link_to_next(request, before=found[limit - 1].id)
        now = clock.now()
        return [hold_as_json(hold, now=now) for hold in found[:limit]]

    @api.get("/holds/{hold}", response_model=Hold, responses=_MISSING)
    async def get_hold(hold: Number, asking: Asking, response: Response) -> object:
        """Return one hold. Its `ETag` is what `If-Match` takes when it is replaced or ended."""
        found = await asyncio.to_thread(_find, service.engine, asking, hold)
        shown = hold_as_json(found, now=clock.now())
        response.headers["ETag"] = tag_of(_parts_of(shown))
        return shown


def _add_acting(api: APIRouter, service: Service) -> None:
    @api.post(
        "/holds",
        response_model=Hold,
        status_code=201,
        responses=_CHANGED
        | documented(_403="the token does not allow that", _409="a cleanup hangs in a batch"),
    )
    async def add_hold(request: Request, asking: Asking, wanted: models.HoldRequest) -> object:
        """Hold a file, or a directory with all below it; answered when no cleanup can still remove it.

        A hold on the same path is replaced: so it is extended. With `If-None-Match: *` there must be none yet.
        """
        return await asyncio.to_thread(_hold, request, service, asking, wanted)

    @api.delete("/holds", response_model=list[Hold], responses=_CHANGED | documented(_404="nobody holds it"))
    async def end_hold(
        request: Request,
        asking: Asking,
        path: PathText = None,
        path_b64: PathBytes = None,
        run: RestoringRun = None,
    ) -> object:
        """End the hold on a path, or on what a run brought back from the trash."""
        if run is not None and path is None and path_b64 is None:
            return await asyncio.to_thread(_unhold_run, service, asking, run)
        return await asyncio.to_thread(_unhold, request, service, asking, asked_path(path, path_b64))

    @api.delete(
        "/holds/{hold}",
        response_model=Hold,
        responses=_CHANGED | _MISSING | documented(_409="it has ended already"),
    )
    async def end_one_hold(request: Request, hold: Number, asking: Asking) -> object:
        """End one hold."""
        return await asyncio.to_thread(_end, request, service, asking, hold)


def _parts_of(hold: Hold | None) -> dict[str, object]:
    """Return the parts of a hold of which a tag is made; none of one that is gone."""
    seen = ("id", "path", "active", "until", "ended", "reason")
    return {} if hold is None else {name: hold[name] for name in seen}  # type: ignore[literal-required]


def _find(engine: Engine, asking: Caller, number: int) -> HoldValue:
    with known():
        found = engine.hold_of(number)
    asking.require_areas([found.area])
    return found


def _hold(request: Request, service: Service, asking: Caller, wanted: models.HoldRequest) -> Response:
    engine = service.engine
    place = inside(engine, asked_path(wanted.path, wanted.path_b64))
    require_path(engine, asking, place)
    until = None if wanted.until is None else moment_of(wanted.until, clock.now(), name="until")
    instead_of = _seen(request, engine, place)
    try:
        held = engine.hold(place, until=until, reason=wanted.reason, instead_of=instead_of)
    except HoldChanged:
        _seen(request, engine, place)
        raise
    return JSONResponse(hold_as_json(held, now=clock.now()), 201)


def _seen(request: Request, engine: Engine, place: str) -> int | None:
    """Return the number of the hold on a path if the caller names it as they have seen it. Raises Changed."""
    if not {"if-match", "if-none-match"} & set(request.headers):
        return None
    held = engine.hold_on(place)
    shown = None if held is None else hold_as_json(held, now=clock.now())
    require_none(request, _parts_of(shown), shown)
    matches = require_match(request, _parts_of(shown), shown)
    return held.id if matches and held is not None else None


def _unhold(request: Request, service: Service, asking: Caller, path: str) -> list[Hold]:
    engine = service.engine
    place = inside(engine, path)
    require_path(engine, asking, place)
    only = _seen(request, engine, place)
    with known():
        ended = engine.unhold(place, only=only)
    return [_ended(hold) for hold in ended]


def _unhold_run(service: Service, asking: Caller, run: int) -> list[Hold]:
    engine = service.engine
    held = [hold for hold in engine.holds() if hold.run == run]
    if held and asking.areas:
        asking.require_areas([hold.area for hold in held])
    with known():
        return [_ended(hold) for hold in engine.unhold(str(run))]


def _end(request: Request, service: Service, asking: Caller, number: int) -> Any:
    engine = service.engine
    found = _find(engine, asking, number)
    shown = hold_as_json(found, now=clock.now())
    require_match(request, _parts_of(shown), shown)
    try:
        (ended,) = engine.unhold(engine.settings.base_path / found.path, only=number)
    except UsageError:
        found = engine.hold_of(number)
        require_match(request, _parts_of(shown := hold_as_json(found, now=clock.now())), shown)
        raise HTTPException(409, f"hold {number} has ended already") from None
    return _ended(ended)


def _ended(hold: HoldValue) -> Hold:
    now = clock.now()
    return hold_as_json(replace(hold, ended=hold.ended or now), now=now)
