"""Writing over HTTP: room first, then the body in one go or in several, a name last; and leases.

A body in several goes follows the draft of resumable uploads (draft-ietf-httpbis-resumable-upload): what
`Upload-Offset` says is on disk.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Header, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from shelflife.receive.resumable import ReservationBusyError
from shelflife.shapes.received import Received, Reservation, received_as_json, reservation_as_json
from shelflife.storage.paths import locate
from shelflife.web import models
from shelflife.web.problems import documented
from shelflife.web.routes.parts import LARGEST, Asking, PathBytes, PathText, asked_path, inside, known

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shelflife.engine import Engine
    from shelflife.receive.incoming import Incoming
    from shelflife.receive.resumable import ReservationRecord
    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

_AT_ONCE: Final = 1024 * 1024
"""Bytes that are gathered before they are written: each write costs a change of threads."""

_OFFSET: Final = "Upload-Offset"

_BYTES: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""What the document says of a body that is the file itself."""

Name = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]

_NO_ROOM: Final = documented(_507="there is no room; `Retry-After` says when it is worth asking again")
_TAKEN: Final = documented(_409="the name is taken, or somebody else writes it just now")
_MISSING: Final = documented(_404="there is no such reservation, or its time was up")


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of what is being received."""
    _add_looking(api, service)
    _add_going_on(api, service)
    _add_ending(api, service)

    @api.put(
        "/files",
        response_model=Received,
        status_code=201,
        responses=_NO_ROOM | _TAKEN,
        openapi_extra=_BYTES,
    )
    async def put_file(
        request: Request,
        asking: Asking,
        path: PathText = None,
        path_b64: PathBytes = None,
        overwrite: Annotated[bool, Query(description="Replace a file of that name")] = False,
    ) -> object:
        """Receive a file in one go: its body. Room for its `Content-Length` comes before anything is read."""
        engine = service.engine
        area, below = await asyncio.to_thread(_place_of, engine, asking, asked_path(path, path_b64))
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else None
        incoming = await asyncio.to_thread(engine.receive, area, below, size=size)
        try:
            await _take(request, incoming)
            received = incoming.size
            done = await asyncio.to_thread(incoming.publish, overwrite=overwrite)
        finally:
            await asyncio.shield(asyncio.to_thread(incoming.close))
        return JSONResponse(received_as_json(str(done.relative_to(engine.settings.base_path)), received), 201)


def _add_looking(api: APIRouter, service: Service) -> None:
    @api.get("/reservations", response_model=list[Reservation])
    async def list_reservations(asking: Asking) -> object:
        """Return what is being received, by whichever process."""
        found = await service.engine.areservations()
        return [reservation_as_json(one) for one in found if not asking.areas or one.area in asking.areas]

    @api.get("/reservations/{reservation}", response_model=Reservation, responses=_MISSING)
    async def get_reservation(reservation: Name, asking: Asking, response: Response) -> object:
        """Return one; `Upload-Offset` is what is on disk, where the next part begins."""
        found = await asyncio.to_thread(_find, service.engine, asking, reservation)
        response.headers[_OFFSET] = str(found.offset or 0)
        return reservation_as_json(found)


def _add_going_on(api: APIRouter, service: Service) -> None:
    @api.post("/reservations", response_model=Reservation, status_code=201, responses=_NO_ROOM)
    async def reserve(request: Request, asking: Asking, wanted: models.ReservationRequest) -> object:
        """Promise room to a file that will come in one go or several (`PATCH`), until it is published."""
        engine = service.engine
        place = await asyncio.to_thread(_place_of, engine, asking, asked_path(wanted.path, wanted.path_b64))
        made = await engine.areserve(*place, size=wanted.size, keep=wanted.keep)
        headers = {"Location": f"{request.url.path}/{made.name}", _OFFSET: "0"}
        return JSONResponse(reservation_as_json(made), 201, headers=headers)

    @api.patch(
        "/reservations/{reservation}",
        status_code=204,
        response_class=Response,
        responses=_MISSING
        | _NO_ROOM
        | documented(_409="the file does not end at that offset; see the header"),
        openapi_extra=_BYTES,
    )
    async def go_on(
        request: Request,
        reservation: Name,
        asking: Asking,
        upload_offset: Annotated[int, Header(ge=0, le=LARGEST, description="Where this part begins")],
    ) -> Response:
        """Receive the next part: the body. What has come stays, also if the connection ends too early."""
        incoming = await asyncio.to_thread(_resume, service.engine, asking, reservation)
        try:
            offset = incoming.tell()
            if offset != upload_offset:
                raise HTTPException(409, f"the file ends at {offset}", headers={_OFFSET: str(offset)})
            await _take(request, incoming)
            offset = incoming.tell()
        finally:
            await asyncio.shield(asyncio.to_thread(incoming.close))
        return Response(status_code=204, headers={_OFFSET: str(offset)})


def _add_ending(api: APIRouter, service: Service) -> None:
    @api.post(
        "/reservations/{reservation}/publish",
        response_model=Received,
        status_code=201,
        responses=_MISSING | _TAKEN,
    )
    async def publish(reservation: Name, asking: Asking, wanted: models.PublishRequest) -> object:
        """Give the file its name: from then on it is there, whole. It replaces nothing unless told to."""
        return await asyncio.to_thread(_publish, service.engine, asking, reservation, wanted)

    @api.delete("/reservations/{reservation}", response_model=Reservation, responses=_MISSING | _TAKEN)
    async def give_up(reservation: Name, asking: Asking) -> object:
        """Give up the file, all that has come of it, and the room that was promised to it."""
        engine = service.engine
        found = await asyncio.to_thread(_find, engine, asking, reservation)
        return await asyncio.to_thread(lambda: reservation_as_json(_occupied(engine.give_up, found.name)))


def _place_of(engine: Engine, asking: Caller, path: str) -> tuple[str, str]:
    """Return the area of a path that a file is to have, and the path below it. Raises UsageError."""
    place = locate(inside(engine, path), engine.settings.base_path, engine.areas)
    asking.require_areas([place.area.name])
    return place.area.name, place.path


def _find(engine: Engine, asking: Caller, name: str) -> ReservationRecord:
    with known():
        found = engine.reservation_of(name)
    asking.require_areas([found.area])
    return found


def _resume(engine: Engine, asking: Caller, name: str) -> Incoming:
    found = _find(engine, asking, name)
    incoming: Incoming = _occupied(engine.resume, found.name)
    return incoming


def _occupied(act: Any, name: str) -> Any:
    """Do something with a reservation that one at a time may do. Raises HTTPException (409)."""
    try:
        return act(name)
    except ReservationBusyError as error:
        raise HTTPException(409, str(error), headers={"Retry-After": "1"}) from error


def _publish(engine: Engine, asking: Caller, name: str, wanted: models.PublishRequest) -> Response:
    with _resume(engine, asking, name) as incoming:
        received = incoming.size
        done = incoming.publish(overwrite=wanted.overwrite)
    return JSONResponse(received_as_json(str(done.relative_to(engine.settings.base_path)), received), 201)


async def _take(request: Request, incoming: Incoming) -> None:
    """Write the body of a request; what came before the connection ended is written as well."""
    gathered = bytearray()
    try:
        async for chunk in request.stream():
            gathered += chunk
            if len(gathered) >= _AT_ONCE:
                await asyncio.to_thread(incoming.write, gathered)
                gathered = bytearray()
    except ClientDisconnect:
        raise HTTPException(400, "the connection ended before the body did") from None
    finally:
        if gathered:
            await asyncio.shield(asyncio.to_thread(incoming.write, gathered))
