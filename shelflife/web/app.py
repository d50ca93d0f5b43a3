"""The application that serves a storage by itself: the routes, and what a service needs around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from shelflife.errors import ShelflifeError
from shelflife.settings.in_force import SettingsInForce, in_force_of
from shelflife.web.logs import AccessLog
from shelflife.web.metrics.counts import RequestCounts
from shelflife.web.openapi import document_of
from shelflife.web.operations import add_operations
from shelflife.web.prefix import BelowPrefix
from shelflife.web.problems import ProblemRoute, problem, problem_of
from shelflife.web.requests import RequestWatch
from shelflife.web.routes import operation_id, routes_of
from shelflife.web.service import AnyScheduler, Service

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from shelflife.events import Listener
    from shelflife.settings import Settings

__all__ = ["StartupProblems", "create_app"]


_NO_PAGES: Final[dict[str, Any]] = {"docs_url": None, "redoc_url": None}
"""FastAPI's own pages load scripts from another host; `shelflife.web.docs` needs none."""


def create_app(
    settings: Settings | Callable[[], Settings] | SettingsInForce,
    *,
    title: str = "shelflife",
    schedule: Callable[[], AnyScheduler] | None = None,
    listeners: Sequence[Listener] = (),
    allowed_hosts: Sequence[str] = (),
) -> FastAPI:
    """Return an application that serves one storage; nothing is read or opened before it starts.

    Beside the routes below `/storage`: `/healthz` (it lives), `/readyz` (cleanups can work on the storage),
    `/metrics` (Prometheus), `/openapi.json`. When the storage cannot be served, it does not start, and says why.

    Args:
        settings: the settings, or what reads them; see `router`.
        title: what the API calls itself.
        schedule: gives what runs cleanups by itself; None: a schedule of the settings' own.
        listeners: told what the cleanups do that this application starts.
        allowed_hosts: names under which it may be reached; any, if there are none.
    """
    service = Service(in_force_of(settings), schedule=schedule, listeners=listeners)
    app = FastAPI(title=title, version=_version(), generate_unique_id_function=operation_id, **_NO_PAGES)
    app.router.route_class = ProblemRoute
    app.openapi = document_of(app)  # type: ignore[method-assign]  # as FastAPI has it extended
    app.include_router(routes_of(service))
    counts = RequestCounts()
    add_operations(app, service, counts)
    for kind in (HTTPException, RequestValidationError, ShelflifeError, Exception):
        app.add_exception_handler(kind, _answer)
    if allowed_hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts))
    app.add_middleware(GZipMiddleware, minimum_size=1000)  # leaves streams of events alone
    app.add_middleware(RequestWatch, watchers=(counts, AccessLog()))
    app.add_middleware(BelowPrefix, prefix=lambda: service.settings.settings.http.prefix)
    app.add_middleware(StartupProblems)
    return app


class StartupProblems:
    """Middleware that says in words why an application does not start, where others print a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, except how a start fails."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failure: list[Message] = []

        async def hold(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                failure.append(message)
            else:
                await send(message)

        try:
            await self._app(scope, receive, hold)
        except (ShelflifeError, OSError) as error:
            if not failure:
                raise
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise  # a server that was told why it failed does not print it
        except BaseException:
            for message in failure:
                await send(message)
            raise


async def _answer(_request: Request, error: Exception) -> Response:
    """Answer for what is not below `/storage`, and for mistakes of ours."""
    response = problem_of(error)
    return response or problem(500, "error", "an unexpected error; the log of the service says more")


def _version() -> str:
    try:
        return version("shelflife")
    except PackageNotFoundError:
        return "0"  # from a checkout that is not installed
