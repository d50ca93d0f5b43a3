"""Leases over HTTP: what somebody works on stays until its time is up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Path
from fastapi.responses import JSONResponse

from shelflife.shapes.lease import Lease, lease_as_json
from shelflife.web import models
from shelflife.web.problems import documented
from shelflife.web.routes.parts import Asking, inside, known, require_path

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shelflife.engine import Engine
    from shelflife.run.leases import LeaseRecord
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

Name = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]

_MISSING: Final = documented(_404="there is no such lease, or its time was up")


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of leases."""

    @api.get("/leases", response_model=list[Lease])
    async def list_leases(asking: Asking) -> object:
        """Return what is leased, by whichever process."""
        return [lease_as_json(one) for one in await service.engine.aleases() if _may_see(asking, one)]

    @api.post("/leases", response_model=Lease, status_code=201)
    async def add_lease(asking: Asking, wanted: models.LeaseRequest) -> object:
        """Keep files, or directories with all below them, for so many seconds; `PUT` renews, `DELETE` ends it."""
        made = await asyncio.to_thread(_lease, service.engine, asking, wanted)
        return JSONResponse(lease_as_json(made), 201)

    @api.put("/leases/{lease}", response_model=Lease, responses=_MISSING)
    async def renew_lease(lease: Name, asking: Asking, wanted: models.RenewRequest) -> object:
        """Let a lease end so many seconds from now."""
        found = await asyncio.to_thread(_find, service.engine, asking, lease)
        return lease_as_json(await service.engine.arenew_lease(found.name, wanted.seconds))

    @api.delete("/leases/{lease}", response_model=Lease, responses=_MISSING)
    async def end_lease(lease: Name, asking: Asking) -> object:
        """End a lease."""
        found = await asyncio.to_thread(_find, service.engine, asking, lease)
        return lease_as_json(await service.engine.arelease_lease(found.name))


def _may_see(asking: Caller, lease: LeaseRecord) -> bool:
    return not asking.areas or all(hold.area in asking.areas for hold in lease.holds)


def _lease(engine: Engine, asking: Caller, wanted: models.LeaseRequest) -> LeaseRecord:
    places = [inside(engine, path) for path in wanted.paths]
    for place in places:
        require_path(engine, asking, place)
    return engine.lease_for(wanted.seconds, *places, reason=wanted.reason)


def _find(engine: Engine, asking: Caller, name: str) -> LeaseRecord:
    with known():
        found = engine.lease_of(name)
    asking.require_areas([hold.area for hold in found.holds])
    return found
