"""Who may what: tokens, and sessions for browsers."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Body, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from shelflife import clock
from shelflife.clock import HOUR, SECOND
from shelflife.errors import UsageError
from shelflife.records.access import Token
from shelflife.scopes import Scope
from shelflife.settings.quantities import moment_of
from shelflife.shapes.token import NewToken, Session, Tokens, token_as_json
from shelflife.web import models
from shelflife.web.caller import COOKIE, token_parent
from shelflife.web.problems import documented
from shelflife.web.routes.parts import Asking, not_found

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shelflife.web.caller import Caller
    from shelflife.web.service import Service

_SESSION_LASTS: Final = 12 * HOUR

_REFUSED = documented(_401="the token is missing or wrong", _403="the token does not open that")


def add(api: APIRouter, service: Service) -> None:
    """Add the routes of tokens and sessions."""
    _add_tokens(api, service)
    _add_sessions(api, service)


def _add_tokens(api: APIRouter, service: Service) -> None:

    @api.get("/tokens", response_model=Tokens, responses=_REFUSED)
    async def list_tokens(
        revoked: Annotated[bool, Query(description="Also those that were revoked")] = False,
    ) -> object:
        """Return the tokens, without their secrets."""
        return await asyncio.to_thread(lambda: _tokens(service, revoked=revoked))

    @api.post("/tokens", response_model=NewToken, status_code=201, responses=_REFUSED)
    async def add_token(asking: Asking, wanted: models.TokenRequest) -> object:
        """Make a token and return it, this once: only its hash is kept."""
        return JSONResponse(await asyncio.to_thread(_add, service, asking, wanted), 201)

    @api.delete(
        "/tokens/{name}",
        status_code=204,
        responses=_REFUSED | documented(_404="there is no such token"),
    )
    async def revoke_token(name: Annotated[str, Path(min_length=1, max_length=100)]) -> Response:
        """Make a token useless, and the sessions that were made for it, in all processes at once."""
        await asyncio.to_thread(_revoke, service, name)
        return Response(status_code=204)


def _add_sessions(api: APIRouter, service: Service) -> None:
    @api.get("/session", response_model=Session)
    async def get_session(asking: Asking) -> object:
        """Return who asks, and what they may."""
        return _session(asking)

    @api.post("/session", response_model=Session, responses=_REFUSED)
    async def begin_session(
        asking: Asking,
        nothing: Annotated[models.Nothing | None, Body()] = None,  # noqa: ARG001 - to be refused if it is something
    ) -> object:
        """Exchange the token of this request for a cookie, which scripts cannot read, for twelve hours."""
        if not asking.secret and asking.name != "admin":
            raise HTTPException(401, "a session is made for a token: `Authorization: Bearer …`")
        secret = await asyncio.to_thread(_begin, service, asking)
        response = JSONResponse(_session(asking))
        lasts = _SESSION_LASTS // SECOND
        response.set_cookie(COOKIE, secret, lasts, path="/", secure=True, httponly=True, samesite="strict")
        return response

    @api.delete("/session", status_code=204)
    async def end_session(request: Request) -> Response:
        """End the session."""
        if secret := request.cookies.get(COOKIE):
            await asyncio.to_thread(_end, service, secret)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        return response


def _session(asking: Caller) -> Session:
    return {"name": asking.name, "scopes": sorted(asking.scopes), "areas": list(asking.areas)}


def _tokens(service: Service, *, revoked: bool) -> Tokens:
    with service.records().read_journal() as journal:
        found = journal.tokens.all(revoked=revoked) if journal else []
    return {"tokens": [token_as_json(token) for token in found]}


def _add(service: Service, asking: Caller, wanted: models.TokenRequest) -> NewToken:
    service.engine.require_areas(wanted.areas)
    now = clock.now()
    expires = None if wanted.expires is None else moment_of(wanted.expires, now, name="expires")
    token = Token(
        name=wanted.name,
        scopes=frozenset(Scope(scope) for scope in wanted.scopes),
        areas=tuple(wanted.areas),
        created=now,
        created_by=asking.name,
        expires=expires,
    )
    with service.records().open_journal() as journal:
        secret = journal.tokens.add(token)
        made = journal.tokens.find(secret)
    assert made is not None  # noqa: S101 - it was made just now
    return {**token_as_json(made), "token": secret}


def _revoke(service: Service, name: str) -> None:
    with service.records().open_journal() as journal:
        if not journal.tokens.revoke(name, clock.now()):
            raise not_found(UsageError(f"there is no token {name}"))


def _begin(service: Service, asking: Caller) -> str:
    now = clock.now()
    parent = asking.name if asking.secret else token_parent(service.token.expected())
    session = Token(
        name=f"session {secrets.token_hex(8)}",
        scopes=frozenset(asking.scopes),
        areas=tuple(asking.areas),
        created=now,
        created_by=asking.name,
        expires=now + _SESSION_LASTS,
        parent=parent,
    )
    with service.records().open_journal() as journal:
        return journal.tokens.add(session)


def _end(service: Service, secret: str) -> None:
    with service.records().open_journal() as journal:
        found = journal.tokens.find(secret)
        if found is not None and found.parent:
            journal.tokens.revoke(found.name, clock.now())
