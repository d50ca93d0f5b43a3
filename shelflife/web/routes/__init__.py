"""The routes below `/storage`, as a router that an application includes.

statistics  numbers: stats, disks, forecast, what-if, status, alerts, check
plans       what would go, and what waits for a person
cleanup     cleaning up, making room
runs        what was done, what is being done, and how to stop it
acts        who did what
paths       single paths: why
holds       what a person pinned
trash       what waits there, getting it back
reservations  what is being received
leases      what stays while somebody works on it
events      what happens, as it happens
access      tokens and sessions
parts       what these have in common

Each answers from a worker thread: nothing blocks the event loop. A GET changes nothing, whatever its query
says. What each one needs stands in `shelflife.web.scopes`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from shelflife.settings.in_force import SettingsInForce, in_force_of
from shelflife.web.caller import Callers
from shelflife.web.guard import RequestGuard, guarded_by
from shelflife.web.once import Once
from shelflife.web.problems import ProblemRoute, documented
from shelflife.web.requests import METHODS
from shelflife.web.routes import (
    access,
    acts,
    cleanup,
    events,
    holds,
    leases,
    paths,
    plans,
    reservations,
    runs,
    statistics,
    trash,
)
from shelflife.web.scopes import SCOPES, scope_of
from shelflife.web.service import AnyScheduler, Service

if TYPE_CHECKING:
    from shelflife.events import Listener
    from shelflife.settings import Settings

__all__ = ["router", "routes_of"]

_HARMLESS: Final = ("GET", "HEAD", "OPTIONS")

_bearer = HTTPBearer(
    auto_error=False,
    description="`STORAGE_API_TOKEN`, the one that the service made at its first start, or one of `/tokens`",
)
"""For the OpenAPI document only: the guard reads the header itself, before anything else is read."""

_OF_CHANGES: Final = documented(
    _400="the body cannot be read",
    _409="another cleanup is running, or a request with the same key",
    _411="the length of the body is not said",
    _413="the body is too large",
    _415="only application/json is taken",
    _500="the configuration is wrong",
)
"""How every request that changes something may fail."""

_RESOURCES: Final = (
    *(statistics, plans, cleanup, runs, acts, paths, holds, trash, reservations, leases, events, access),
)

_RESPONSES: Final = documented(
    _401="a token is missing or wrong",
    _403="the token does not allow that",
    _422="the request is not valid",
    _429="too many wrong tokens came from this address",
    _503="the storage cannot be used, or too much of this is going on",
)


def router(
    settings: Settings | Callable[[], Settings] | SettingsInForce,
    *,
    dependencies: Sequence[Any] = (),
    prefix: str = "/storage",
    token: bool | None = None,
    actor: Callable[[Request], str] | None = None,
    schedule: Callable[[], AnyScheduler] | None = None,
    listeners: Sequence[Listener] = (),
) -> APIRouter:
    """Return the routes of one storage, for `app.include_router`.

    The router brings its lifespan, which FastAPI merges with the application's own: directories are made, the
    index is kept fresh, and the schedule runs while the application does. A sub-application that is *mounted*
    has no lifespan that runs: there, the application's own has to say ``async with engine.running():``.

    Args:
        settings: the settings, or what reads them: first called when the application starts, and again before
            each cleanup.
        dependencies: what FastAPI resolves before each route, such as ``[Depends(admin)]``.
        prefix: where the routes are.
        token: whether requests that change anything need the bearer token. None: they do unless there are
            `dependencies`, which then decide alone who may. They always need ``application/json``.
        actor: tells whom the application has let in, for the records; used without a token only.
        schedule: gives what runs cleanups by itself; None: a schedule of the settings' own.
        listeners: told what the cleanups do that this application starts.
    """
    service = Service(in_force_of(settings), schedule=schedule, listeners=listeners)
    return routes_of(service, dependencies=dependencies, prefix=prefix, token=token, actor=actor)


def routes_of(
    service: Service,
    *,
    dependencies: Sequence[Any] = (),
    prefix: str = "/storage",
    token: bool | None = None,
    actor: Callable[[Request], str] | None = None,
) -> APIRouter:
    """Return the routes that serve `service`; the rest is as for `router`."""
    needs_token = not dependencies if token is None else token

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with service.running(token=needs_token):
            yield

    callers = Callers(
        service.records,
        lambda: service.engine.settings.http,
        service.token if needs_token else None,
        actor=actor,
    )
    api = _Router(
        shows_token=needs_token,
        prefix=prefix,
        tags=["storage"],
        dependencies=dependencies,
        route_class=guarded_by(RequestGuard(callers, Once(service.records), prefix)),
        responses=_RESPONSES,
        lifespan=lifespan,
        generate_unique_id_function=operation_id,
    )
    for resource in _RESOURCES:
        resource.add(api, service)
    _add_heads(api)
    _add_refusals(api)
    return api


class _Router(APIRouter):
    """A router whose document says which operations need a token, wherever the caller is."""

    def __init__(self, *, shows_token: bool, **others: Any) -> None:
        super().__init__(**others)
        self._shows_token = shows_token

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **others: Any) -> None:
        """Add a route; see `APIRouter`."""
        methods = set(others.get("methods") or ("GET",))
        changes = any(
            method not in _HARMLESS and (method, path) in SCOPES and scope_of(method, path)
            for method in methods
        )
        if methods - set(_HARMLESS):
            others["responses"] = {**_OF_CHANGES, **(others.get("responses") or {})}
        if self._shows_token and changes:
            others["dependencies"] = [*(others.get("dependencies") or ()), Depends(_bearer)]
        super().add_api_route(path, endpoint, **others)


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation for typed clients: `list_runs` → `listRuns`."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _add_heads(api: APIRouter) -> None:
    """Answer HEAD wherever there is a GET, without a second entry in the OpenAPI document."""
    for route in [route for route in api.routes if isinstance(route, APIRoute)]:
        if "GET" in (route.methods or ()):
            api.add_api_route(
                route.path.removeprefix(api.prefix),
                route.endpoint,
                methods=["HEAD"],
                response_model=route.response_model,
                include_in_schema=False,
                name=f"head {route.name}",
            )


def _add_refusals(api: APIRouter) -> None:
    """Answer what the other routes do not: inside the prefix, 404 and 405 are problem documents too.

    Without this the application's own handlers would answer, which we do not know.
    """
    allowed: dict[str, set[str]] = {}
    for route in api.routes:
        if isinstance(route, ProblemRoute):
            allowed.setdefault(route.path.removeprefix(api.prefix), set()).update(route.methods or ())
    for path, methods in allowed.items():
        _add_refusal(api, path, METHODS - methods, 405, {"Allow": ", ".join(sorted(methods))})
    _add_refusal(api, "/{rest:path}", METHODS, 404, {})


def _add_refusal(
    api: APIRouter, path: str, methods: frozenset[str], status: Literal[404, 405], headers: dict[str, str]
) -> None:
    async def refuse() -> None:
        detail = "there is nothing here" if status == 404 else f"allowed: {headers['Allow']}"
        raise HTTPException(status, detail, headers=headers)

    api.add_api_route(
        path,
        refuse,
        methods=sorted(methods),
        include_in_schema=False,
        route_class_override=ProblemRoute,
        name=f"refuse {status} {path}",
    )
