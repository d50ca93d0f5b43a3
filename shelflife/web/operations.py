"""What those who operate a service ask it: does it live, can it work, and how is it doing?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from shelflife.alerts.conditions import AlertKind
from shelflife.errors import ShelflifeError
from shelflife.explain.check import Level
from shelflife.shapes.check import ServiceHealth, health_as_json
from shelflife.web.docs import HEADERS, page_of
from shelflife.web.metrics import Exposition
from shelflife.web.metrics.sources import Sources
from shelflife.web.recent import Recent

if TYPE_CHECKING:
    from shelflife.web.metrics.counts import RequestCounts
    from shelflife.web.service import Service

__all__ = ["add_operations"]


def add_operations(app: FastAPI, service: Service, counts: RequestCounts) -> None:
    """Add the routes that are the application's own, beside those of the storage."""
    metrics = Exposition(Sources(lambda: service.engine, counts, app.version))
    readiness = Recent(lambda: _problems(service), fresh=5, usable=30)

    _add_pages(app)

    @app.get("/healthz", tags=["operations"], response_model=ServiceHealth)
    async def healthz() -> object:
        """Return that the process lives and answers; it touches nothing."""
        return health_as_json([])

    @app.get(
        "/readyz",
        tags=["operations"],
        response_model=ServiceHealth,
        responses={503: {"model": ServiceHealth, "description": "Cleanups cannot work on the storage"}},
    )
    async def readyz() -> object:
        """Return whether cleanups can work on the storage, what is in the way, and what needs a person.

        As of at most half a minute ago: it may be asked as often as anybody likes.
        """
        problems, alerts = await asyncio.to_thread(readiness.get)
        return JSONResponse(health_as_json(problems, alerts), 503 if problems else 200)

    @app.get("/metrics", tags=["operations"], response_class=_Text)
    async def prometheus(request: Request) -> Response:
        """Return the metrics, as OpenMetrics for whoever accepts it, else in Prometheus' older text format."""
        accept = request.headers.get("accept", "")
        text, media_type = await asyncio.to_thread(metrics.text, accept)
        return Response(text, headers={"Content-Type": media_type, "Vary": "Accept"})


def _add_pages(app: FastAPI) -> None:
    """Add what a person sees who comes with a browser."""

    @app.get("/", include_in_schema=False)
    async def index() -> dict[str, str]:
        return {
            "service": app.title,
            "version": app.version,
            "storage": "/storage/stats",
            "openapi": "/openapi.json",
            "docs": "/docs",
        }

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page_of(app.openapi()), headers=HEADERS)


class _Text(Response):
    media_type = "text/plain"


def _problems(service: Service) -> tuple[list[str], list[str]]:
    """Return what is in the way, and what needs a person."""
    try:
        findings = service.engine.check()
    except (ShelflifeError, OSError) as error:
        return [str(error)], []
    return (
        [finding.message for finding in findings if finding.level is Level.ERROR],
        [finding.message for finding in findings if finding.check in set(AlertKind)],
    )
