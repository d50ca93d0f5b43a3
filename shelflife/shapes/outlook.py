"""What if, and what next: a storage under other settings, and on the coming days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shelflife.formats import iso_or_none, printable
from shelflife.shapes.disk import Usage, usage_as_json
from shelflife.shapes.schema import Count, Time, TypedDict, shape

if TYPE_CHECKING:
    from shelflife.explain.foresee import AreaOutlook as AreaValue
    from shelflife.explain.foresee import DiskOutlook as DiskValue
    from shelflife.explain.foresee import Forecast as ForecastValue
    from shelflife.explain.foresee import Outlook as OutlookValue
    from shelflife.explain.foresee import WhatIf as WhatIfValue
    from shelflife.policy.forecast import When as WhenValue
    from shelflife.policy.load import Load as LoadValue

__all__ = ["DiskOutlook", "Forecast", "WhatIf", "disk_as_json", "forecast_as_json", "whatif_as_json"]

_DAYS: Final = 60
"""Coming days of which it is told how full a disk will be."""


@shape
class Load(TypedDict):
    """Some files."""

    files: Count
    bytes: Count


@shape
class Inflow(TypedDict):
    """What comes in."""

    files_a_day: float
    bytes_a_day: Count
    days_measured: float
    """Days that this was seen over; 0: not known yet."""


@shape
class AreaOutlook(TypedDict):
    """One area under some settings."""

    now: Load
    """What it holds."""
    cutoff: Time | None
    """What was last changed before it would go now; null for an area that is kept indefinitely."""
    goes: Load
    """What a cleanup would remove now, to the hour."""
    settles: Load | None
    """What it would hold in the long run; null where it only grows."""
    inflow: Inflow


@shape
class AreaForecast(AreaOutlook):
    """One area on the coming days."""

    expires: list[Load]
    """What expires on each of the coming days, today first."""


@shape
class When(TypedDict):
    """When something is reached."""

    known: bool
    earliest_days: float | None
    latest_days: float | None
    words: str
    """The same, for people."""


@shape
class Day(TypedDict):
    """How full a disk will be on a coming day."""

    used_bytes: Count
    low: Count
    """In nine cases of ten it is more."""
    high: Count
    """In nine cases of ten it is less."""


@shape
class DiskOutlook(Usage):
    """One file system under some settings."""

    disk: str
    areas: list[str]
    high: When | None
    """When it reaches the high watermark; null where none is set."""
    full: When


@shape
class DiskForecast(DiskOutlook):
    """One file system on the coming days."""

    days: list[Day]
    """The coming days, today first; empty where it is not known."""


@shape
class Outlook(TypedDict):
    """A storage under some settings."""

    areas: dict[str, AreaOutlook]
    disks: list[DiskOutlook]
    files: Count
    """Files that a cleanup would remove now."""
    bytes: Count


@shape
class WhatIf(TypedDict):
    """A storage as it is, and as it would be."""

    as_of: Time | None
    """When the storage was last looked at."""
    before: Outlook
    after: Outlook


@shape
class Forecast(TypedDict):
    """What is to be expected."""

    as_of: Time | None
    areas: dict[str, AreaForecast]
    disks: list[DiskForecast]
    files: Count
    """Files that a cleanup would remove now."""
    bytes: Count


def whatif_as_json(found: WhatIfValue) -> WhatIf:
    """Return a storage as it is and as it would be."""
    return {
        "as_of": iso_or_none(found.as_of),
        "before": _outlook(found.before),
        "after": _outlook(found.after),
    }


def forecast_as_json(found: ForecastValue) -> Forecast:
    """Return what is to be expected: by area what expires each day, today first; by disk how it fills."""
    outlook, expiring = found.outlook, dict(found.expiring)
    return {
        "as_of": iso_or_none(found.as_of),
        "areas": {
            area.area: {**_area(area), "expires": [_load(load) for load in expiring[area.area]]}
            for area in outlook.areas
        },
        "disks": [{**disk_as_json(disk), "days": _days(disk)} for disk in outlook.disks],
        "files": outlook.goes.files,
        "bytes": outlook.goes.bytes,
    }


def _days(disk: DiskValue) -> list[Day]:
    course = disk.course
    days = list(zip(course.likely, course.low, course.high, strict=True))[:_DAYS]
    return [{"used_bytes": round(used), "low": round(low), "high": round(high)} for used, low, high in days]


def _outlook(outlook: OutlookValue) -> Outlook:
    return {
        "areas": {area.area: _area(area) for area in outlook.areas},
        "disks": [disk_as_json(disk) for disk in outlook.disks],
        "files": outlook.goes.files,
        "bytes": outlook.goes.bytes,
    }


def _area(area: AreaValue) -> AreaOutlook:
    inflow = area.inflow
    return {
        "now": _load(area.now),
        "cutoff": iso_or_none(area.cutoff),
        "goes": _load(area.goes),
        "settles": None if area.settles is None else _load(area.settles),
        "inflow": {
            "files_a_day": round(inflow.files, 1),
            "bytes_a_day": round(inflow.bytes),
            "days_measured": inflow.days,
        },
    }


def disk_as_json(disk: DiskValue) -> DiskOutlook:
    """Return a file system under some settings."""
    return {
        "disk": printable(disk.disk.name),
        "areas": list(disk.disk.areas),
        **usage_as_json(disk.disk.usage),
        "high": None if disk.high is None else _when(disk.high),
        "full": _when(disk.full),
    }


def _when(when: WhenValue) -> When:
    return {
        "known": when.is_known,
        "earliest_days": when.earliest,
        "latest_days": when.latest,
        "words": str(when),
    }


def _load(load: LoadValue) -> Load:
    return {"files": load.files, "bytes": load.bytes}
