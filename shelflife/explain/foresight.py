"""The shapes in which disks, what-if and forecast leave the engine: JSON, and the words for spans of days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shelflife.explain.presentation import iso, report_as_json

if TYPE_CHECKING:
    from shelflife.explain.foresee import AreaOutlook, DiskOutlook, Forecast, Outlook, WhatIf
    from shelflife.policy.forecast import When
    from shelflife.policy.load import Load
    from shelflife.policy.watermark import Usage
    from shelflife.run.pressure import DiskRelief

__all__ = ["forecast_as_json", "relief_as_json", "usage_as_json", "whatif_as_json"]

_DAYS: Final = 60
"""Coming days of which it is told how full a disk will be."""


def usage_as_json(usage: Usage) -> dict[str, Any]:
    """Return how full a file system is; inodes only where their number is fixed."""
    shown: dict[str, Any] = {
        "used_bytes": usage.space.used,
        "available_bytes": usage.space.available,
        "used_percent": round(usage.space.share, 1),
    }
    if usage.inodes.used or usage.inodes.available:
        shown |= {
            "used_inodes": usage.inodes.used,
            "available_inodes": usage.inodes.available,
            "used_inodes_percent": round(usage.inodes.share, 1),
        }
    return shown


def relief_as_json(found: DiskRelief) -> dict[str, Any]:
    """Return what was done about a file system that may have been too full."""
    return {
        "disk": found.disk.name,
        "areas": list(found.disk.areas),
        "outcome": found.outcome.value,
        "before": usage_as_json(found.disk.usage),
        "after": usage_as_json(found.after),
        "fills": list(found.fills),
        "runs": [report_as_json(report.as_json()) for report in found.runs],
    }


def whatif_as_json(found: WhatIf) -> dict[str, Any]:
    """Return a storage as it is and as it would be."""
    return {
        "as_of": None if found.as_of is None else iso(found.as_of),
        "before": _outlook(found.before),
        "after": _outlook(found.after),
    }


def forecast_as_json(found: Forecast) -> dict[str, Any]:
    """Return what is to be expected: by area what expires each day, today first; by disk how it fills."""
    outlook = _outlook(found.outlook)
    for name, days in found.expiring:
        outlook["areas"][name]["expires"] = [_load(load) for load in days]
    for disk, shown in zip(found.outlook.disks, outlook["disks"], strict=True):
        course = disk.course
        shown["days"] = [
            {"used_bytes": round(used), "low": round(low), "high": round(high)}
            for used, low, high in list(zip(course.likely, course.low, course.high, strict=True))[:_DAYS]
        ]
    return {"as_of": None if found.as_of is None else iso(found.as_of), **outlook}


def _outlook(outlook: Outlook) -> dict[str, Any]:
    return {
        "areas": {area.area: _area(area) for area in outlook.areas},
        "disks": [_disk(disk) for disk in outlook.disks],
        "files": outlook.goes.files,
        "bytes": outlook.goes.bytes,
    }


def _area(area: AreaOutlook) -> dict[str, Any]:
    inflow = area.inflow
    return {
        "now": _load(area.now),
        "cutoff": None if area.cutoff is None else iso(area.cutoff),
        "goes": _load(area.goes),
        "settles": None if area.settles is None else _load(area.settles),
        "inflow": {
            "files_a_day": round(inflow.files, 1),
            "bytes_a_day": round(inflow.bytes),
            "days_measured": inflow.days,
        },
    }


def _disk(disk: DiskOutlook) -> dict[str, Any]:
    return {
        "disk": disk.disk.name,
        "areas": list(disk.disk.areas),
        **usage_as_json(disk.disk.usage),
        "high": None if disk.high is None else _when(disk.high),
        "full": _when(disk.full),
    }


def _when(when: When) -> dict[str, Any]:
    return {
        "known": when.is_known,
        "earliest_days": when.earliest,
        "latest_days": when.latest,
        "words": str(when),
    }


def _load(load: Load) -> dict[str, int]:
    return {"files": load.files, "bytes": load.bytes}
