"""Numbers: how full areas and disks are, what the schedule does, what is the matter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Body, Query, Response

from shelflife.settings.quantities import change_of
from shelflife.shapes.alert import Alert, Delivery, alert_as_json
from shelflife.shapes.check import Finding, finding_as_json
from shelflife.shapes.disk import DiskUsage, disk_usage_as_json
from shelflife.shapes.metrics import SchedulerMetrics
from shelflife.shapes.outlook import Forecast, WhatIf, forecast_as_json, whatif_as_json
from shelflife.shapes.settings import SettingsInForce, settings_as_json
from shelflife.shapes.stats import StorageStats
from shelflife.shapes.status import Status, status_as_json
from shelflife.web import models
from shelflife.web.tags import tag_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import APIRouter

    from shelflife.web.service import Service

Changes = Annotated[
    list[str],
    Query(min_length=1, max_length=100, description="Such as uploads.retention=3d; once for each change"),
]

_BY_THE_BYTE: Final = ("used_bytes", "available_bytes", "used_inodes", "available_inodes", "days")
"""What is another number whenever anybody writes; of what a forecast's tag is made, the shares tell as much."""


def add(api: APIRouter, service: Service) -> None:
    """Add the routes that give numbers, and those that say what is the matter."""
    _add_numbers(api, service)
    _add_matters(api, service)


def _add_numbers(api: APIRouter, service: Service) -> None:

    @api.get("/stats", response_model=StorageStats)
    async def get_stats() -> object:
        """Return the storage in numbers, from its index, as of `as_of`.

        They are brought up to date in the background when they are older than a minute.
        """
        return await asyncio.to_thread(service.stats)

    @api.get("/metrics", response_model=SchedulerMetrics)
    async def get_metrics() -> object:
        """Return the schedule, and what all executed runs together did."""
        return await asyncio.to_thread(service.metrics)

    @api.get("/disks", response_model=list[DiskUsage])
    async def get_disks() -> object:
        """Return how full the file systems of the areas are, now."""
        return await asyncio.to_thread(lambda: [disk_usage_as_json(one) for one in service.engine.disks()])

    @api.get("/forecast", response_model=Forecast)
    async def get_forecast(response: Response) -> object:
        """Return what expires on each coming day, where areas settle, and when disks will be full."""
        shown = await asyncio.to_thread(lambda: forecast_as_json(service.engine.forecast()))
        response.headers["ETag"] = tag_of(_parts_of(shown))
        return shown

    @api.get("/whatif", response_model=WhatIf)
    async def get_what_if(change: Changes) -> object:
        """Return what other settings would do, next to the present ones; nothing is changed."""
        changes = dict(change_of(text) for text in change)
        return await asyncio.to_thread(lambda: whatif_as_json(service.engine.whatif(changes)))


def _add_matters(api: APIRouter, service: Service) -> None:
    @api.get("/alerts", response_model=list[Alert])
    async def get_alerts() -> object:
        """Return what needs a person."""
        return await asyncio.to_thread(lambda: [alert_as_json(one) for one in service.engine.alerts()])

    @api.post("/alerts/test", response_model=list[Delivery])
    async def test_alerts(nothing: Annotated[models.Nothing | None, Body()] = None) -> object:  # noqa: ARG001 - read to be refused if it is something
        """Send a test message to each receiver; return which ones took it."""
        return await asyncio.to_thread(_test, service)

    @api.get("/settings", response_model=SettingsInForce)
    async def get_settings() -> object:
        """Return each setting that is in force, and where it comes from: file and line, environment, default."""
        return await asyncio.to_thread(_settings, service)

    @api.get("/status", response_model=Status)
    async def get_status() -> object:
        """Return how things stand: what is wrong, what needs a person, what comes next."""
        return await asyncio.to_thread(lambda: status_as_json(service.engine.status()))

    @api.get("/check", response_model=list[Finding])
    async def get_check() -> object:
        """Return what is right and what is wrong with the storage, as `shelflife check` does."""
        return await asyncio.to_thread(lambda: [finding_as_json(one) for one in service.engine.check()])


def _test(service: Service) -> list[Delivery]:
    return [{"receiver": name, "error": reason} for name, reason in service.engine.try_receivers().items()]


def _parts_of(shown: Forecast) -> dict[str, object]:
    """Return what of a forecast tells it from another one: neither the moment nor the last byte on a disk."""
    areas = {name: _without(area, "cutoff") for name, area in shown["areas"].items()}
    disks = [_without(disk, *_BY_THE_BYTE) for disk in shown["disks"]]
    return {**shown, "areas": areas, "disks": disks}


def _without(part: Mapping[str, object], *keys: str) -> dict[str, object]:
    return {key: value for key, value in part.items() if key not in keys}


def _settings(service: Service) -> SettingsInForce:
    settings = service.settings.look()
    return settings_as_json(settings, broken=bool(service.settings.fault))
