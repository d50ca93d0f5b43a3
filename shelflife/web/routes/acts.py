"""Acts: who did what."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Response

from shelflife.shapes.act import Acts, act_as_json
from shelflife.web.routes.parts import LARGEST, Asking, Limit

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shelflife.web.service import Service


def add(api: APIRouter, service: Service) -> None:
    """Add the routes about who did what."""

    @api.get("/acts", response_model=Acts)
    async def list_acts(
        asking: Asking,
        limit: Limit = 50,
        before: Annotated[
            int | None, Query(ge=1, le=LARGEST, description="`next_before` of the page before")
        ] = None,
    ) -> object:
        """Return who did what, when and by which way, the latest first."""
        found = await asyncio.to_thread(lambda: service.engine.acts(limit=limit + 1, before=before))
        shown = [act_as_json(act, areas=asking.areas) for act in found[:limit]]
        return {"acts": shown, "next_before": shown[-1]["id"] if len(found) > limit else None}

    @api.post("/adopt", status_code=204)
    async def adopt_storage() -> Response:
        """Join the storage and its journal anew, after one of them was lost or replaced.

        Whatever holds the lost journal had are gone with it.
        """
        await asyncio.to_thread(_adopt, service)
        return Response(status_code=204)


def _adopt(service: Service) -> None:
    service.engine.adopt()
