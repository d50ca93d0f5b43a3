"""The routes below `/storage`, as a router that an application includes.

Each answers from a worker thread: nothing blocks the event loop. A GET changes nothing, whatever its query
says.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from fastapi import APIRouter, Body, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

from shelflife.errors import UsageError
from shelflife.settings.in_force import SettingsInForce, in_force_of
from shelflife.shapes.cleanup import CleanupAccepted, CleanupResult
from shelflife.shapes.metrics import SchedulerMetrics
from shelflife.shapes.plan import Plan, plan_as_json
from shelflife.shapes.run import Run, RunFiles, Runs, file_as_json, run_as_json
from shelflife.shapes.stats import StorageStats
from shelflife.shapes.why import Answer, answer_as_json
from shelflife.web import models
from shelflife.web.cleanups import PATIENCE, Order, preview
from shelflife.web.guard import Guard, guarded_by
from shelflife.web.problems import ProblemRoute, documented
from shelflife.web.service import Schedule, Service

if TYPE_CHECKING:
    from shelflife.engine import Engine
    from shelflife.events import Listener
    from shelflife.settings import Settings

__all__ = ["router"]

MOST_FILES: Final = 1000
"""Files in one response."""

MOST_RUNS: Final = 200
_LARGEST: Final = 2**62
"""Numbers beyond are no numbers of ours, and too large for a database."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})

# When the parameters of GET …/cleanup stopped having an effect (RFC 9745: seconds since the epoch).
_DEPRECATED: Final = "@1764547200"

_bearer = HTTPBearer(
    auto_error=False, description="`STORAGE_API_TOKEN`, or the one that the service made at its first start"
)

RunNumber = Annotated[int, Path(ge=1, le=_LARGEST)]


def router(
    settings: Settings | Callable[[], Settings] | SettingsInForce,
    *,
    dependencies: Sequence[Any] = (),
    prefix: str = "/storage",
    token: bool | None = None,
    schedule: Callable[[], Schedule] | None = None,
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
        schedule: gives what runs cleanups by itself; None: a schedule of the settings' own.
        listeners: told what the cleanups do that this application starts.
    """
    service = Service(in_force_of(settings), schedule=schedule, listeners=listeners)
    return routes_of(service, dependencies=dependencies, prefix=prefix, token=token)


def routes_of(
    service: Service, *, dependencies: Sequence[Any] = (), prefix: str = "/storage", token: bool | None = None
) -> APIRouter:
    """Return the routes that serve `service`; the rest is as for `router`."""
    needs_token = not dependencies if token is None else token

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with service.running(token=needs_token):
            yield

    api = APIRouter(
        prefix=prefix,
        tags=["storage"],
        dependencies=dependencies,
        route_class=guarded_by(Guard(service.token if needs_token else None)),
        responses=documented(_422="the request is not valid", _503="the storage cannot be used"),
        lifespan=lifespan,
    )
    _add_statistics(api, service)
    _add_cleanup(api, service, needs_token=needs_token)
    _add_plans(api, service)
    _add_runs(api, service)
    _add_refusals(api)
    return api


def _add_statistics(api: APIRouter, service: Service) -> None:
    @api.get("/stats", response_model=StorageStats)
    async def stats() -> object:
        """Return the storage in numbers, from its index, as of `as_of`.

        They are brought up to date in the background when they are older than a minute.
        """
        return await asyncio.to_thread(service.stats)

    @api.get("/metrics", response_model=SchedulerMetrics)
    async def metrics() -> object:
        """Return the schedule, and what all executed runs together did."""
        return await asyncio.to_thread(service.metrics)


def _add_cleanup(api: APIRouter, service: Service, *, needs_token: bool) -> None:
    @api.get(
        "/cleanup",
        response_model=CleanupResult,
        responses=documented(_500="the configuration is wrong"),
    )
    async def preview_cleanup(request: Request, response: Response) -> object:
        """Return what a cleanup would do now. It removes nothing, whatever is asked: that takes a POST."""
        response.headers["Deprecation"] = _DEPRECATED
        response.headers["Link"] = f'<{request.url.path}>; rel="successor-version"; title="POST"'
        return await asyncio.to_thread(lambda: preview(service.current_engine(), None))

    @api.post(
        "/cleanup",
        response_model=CleanupResult,
        responses={
            202: {
                "model": CleanupAccepted,
                "description": "It is still running; `Location` says where to look",
            },
            **documented(
                _400="the body cannot be read",
                _401="the token is missing or wrong",
                _409="another cleanup is running, or a person must approve this one",
                _411="the length of the body is not said",
                _413="the body is too large",
                _415="only application/json is taken",
                _500="the configuration is wrong",
            ),
        },
        dependencies=[Depends(_bearer)] if needs_token else [],
    )
    async def cleanup(
        request: Request, asked: Annotated[models.CleanupRequest | None, Body()] = None
    ) -> object:
        """Clean up, or say what would go, and return what was done.

        What takes longer than 10 seconds goes on: 202 then says where to look.
        """
        wanted = asked or models.CleanupRequest()
        if wanted.dry_run:
            return await asyncio.to_thread(lambda: preview(service.current_engine(), wanted.areas))
        order = Order(wanted.areas, wanted.approve)
        running, done = await service.cleanups.run(order, patience=PATIENCE)
        return _accepted(request, running.run) if done is None else done


def _accepted(request: Request, run: int | None) -> Response:
    runs = f"{request.url.path.removesuffix('/cleanup')}/runs"
    location = runs if run is None else f"{runs}/{run}"
    state = "planning" if run is None else "running"
    content: CleanupAccepted = {"run": run, "state": state, "location": location}
    return JSONResponse(content, 202, headers={"Location": location})


def _add_plans(api: APIRouter, service: Service) -> None:
    @api.get("/plan", response_model=Plan, responses=documented(_500="the configuration is wrong"))
    async def plan(area: Annotated[list[str] | None, Query(max_length=1000)] = None) -> object:
        """Return what a cleanup would do now, in numbers; of some areas only, if they are named.

        A plan that needs approval is remembered, so that a POST to `cleanup` can approve it by its id.
        """
        return await asyncio.to_thread(_plan, service, area)

    @api.get("/why", response_model=Answer)
    async def why(
        path: Annotated[str | None, Query(description="Relative to the base path, or absolute")] = None,
        path_b64: Annotated[
            str | None,
            Query(description="Instead of `path`: its bytes in Base64, for names that are not UTF-8"),
        ] = None,
    ) -> object:
        """Return what will happen to a path, when and by which rule, or what happened to it."""
        return await asyncio.to_thread(_why, service, path, path_b64)


def _plan(service: Service, areas: list[str] | None) -> Plan:
    engine = service.current_engine()
    plan = engine.plan(areas or None)
    return plan_as_json(plan, engine.needs_approval(plan, offer_it=False))


def _why(service: Service, path: str | None, path_b64: str | None) -> Answer:
    engine = service.engine
    return answer_as_json(engine.why(_inside(engine, _asked_path(path, path_b64))))


def _asked_path(path: str | None, path_b64: str | None) -> str:
    if (path is None) == (path_b64 is None):
        raise UsageError("give either path or path_b64")
    if path is not None:
        return path
    try:
        return os.fsdecode(base64.b64decode(cast("str", path_b64), validate=True))
    except (binascii.Error, ValueError) as error:
        raise UsageError("path_b64: not Base64") from error


def _inside(engine: Engine, path: str) -> str:
    """Return the path in the storage that is asked about: what lies elsewhere is not told to the network."""
    base = str(engine.settings.base_path)
    inner = path[len(base) :].lstrip("/") if path == base or path.startswith(f"{base}/") else path
    if inner.startswith("/") or ".." in inner.split("/") or "\0" in inner or not path:
        raise UsageError("path: not a path in the storage; allowed: one relative to its base path")
    return f"{base}/{inner}"


def _add_runs(api: APIRouter, service: Service) -> None:
    @api.get("/runs", response_model=Runs)
    async def runs(
        limit: Annotated[int, Query(ge=1, le=MOST_RUNS)] = 50,
        before: Annotated[int | None, Query(ge=1, le=_LARGEST, description="Runs before this one")] = None,
    ) -> object:
        """Return runs, the latest first."""
        found = await asyncio.to_thread(lambda: service.engine.history(limit=limit + 1, before=before))
        shown = [run_as_json(run) for run in found[:limit]]
        return {"runs": shown, "next_before": shown[-1]["run"] if len(found) > limit else None}

    @api.get("/runs/{run}", response_model=Run, responses=documented(_404="there is no such run"))
    async def run_by_number(run: RunNumber) -> object:
        """Return one run."""
        return await asyncio.to_thread(_run, service, run)

    @api.get(
        "/runs/{run}/files",
        response_model=RunFiles,
        responses=documented(_404="there is no such run"),
    )
    async def run_files(
        run: RunNumber,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_FILES)] = MOST_FILES,
    ) -> object:
        """Return what became of the files that a run meant to remove, as far as that is still remembered."""
        return await asyncio.to_thread(_run_files, service, run, offset, limit)


def _run(service: Service, number: int) -> Run:
    try:
        return run_as_json(service.engine.run(number))
    except UsageError as error:
        raise HTTPException(404, str(error)) from error


def _run_files(service: Service, number: int, offset: int, limit: int) -> RunFiles:
    _run(service, number)
    found = list(islice(service.engine.run_files(number), offset, offset + limit + 1))
    return {
        "files": [file_as_json(file) for file in found[:limit]],
        "next_offset": offset + limit if len(found) > limit else None,
    }


def _add_refusals(api: APIRouter) -> None:
    """Answer what the other routes do not: inside the prefix, 404 and 405 are problem documents too.

    Without this the application's own handlers would answer, which we do not know.
    """
    allowed: dict[str, set[str]] = {}
    for route in api.routes:
        if isinstance(route, ProblemRoute):
            allowed.setdefault(route.path.removeprefix(api.prefix), set()).update(route.methods or ())
    for path, methods in allowed.items():
        _add_refusal(api, path, _METHODS - methods, 405, {"Allow": ", ".join(sorted(methods))})
    _add_refusal(api, "/{rest:path}", _METHODS, 404, {})


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
