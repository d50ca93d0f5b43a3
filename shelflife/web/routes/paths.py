"""Single paths: what will happen to them, or did."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shelflife.shapes.why import Answer, answer_as_json
from shelflife.web.routes.parts import Asking, PathBytes, PathText, asked_path, inside, require_path

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shelflife.web.caller import Caller
    from shelflife.web.service import Service


def add(api: APIRouter, service: Service) -> None:
    """Add the routes about paths."""

    @api.get("/why", response_model=Answer)
    async def explain_path(asking: Asking, path: PathText = None, path_b64: PathBytes = None) -> object:
        """Return what will happen to a path, when and by which rule, or what happened to it."""
        return await asyncio.to_thread(_why, service, asking, asked_path(path, path_b64))


def _why(service: Service, asking: Caller, path: str) -> Answer:
    engine = service.engine
    place = inside(engine, path)
    require_path(engine, asking, place)
    return answer_as_json(engine.why(place))
