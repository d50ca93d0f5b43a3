"""A file system: how full it is, and what was done where it was too full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NotRequired

from shelflife.formats import printable
from shelflife.run.making_room import ReliefOutcome
from shelflife.shapes.run import Report, report_as_json
from shelflife.shapes.schema import Count, Percent, TypedDict, shape, words_of

if TYPE_CHECKING:
    from shelflife.policy.watermark import Usage as UsageValue
    from shelflife.run.making_room import DiskRelief
    from shelflife.storage.disks import Disk

__all__ = [
    "DiskUsage",
    "Relief",
    "Reliefs",
    "Usage",
    "disk_usage_as_json",
    "reliefs_as_json",
    "usage_as_json",
]


@shape
class Usage(TypedDict):
    """How full a file system is; inodes only where their number is fixed."""

    used_bytes: Count
    available_bytes: Count
    used_percent: Percent
    """As `df` shows it."""
    used_inodes: NotRequired[Count]
    available_inodes: NotRequired[Count]
    used_inodes_percent: NotRequired[Percent]


@shape
class DiskUsage(Usage):
    """A file system with areas on it."""

    disk: str
    areas: list[str]


@shape
class Relief(TypedDict):
    """What was done about a file system that may have been too full."""

    disk: str
    areas: list[str]
    outcome: Annotated[str, words_of(ReliefOutcome)]
    before: Usage
    after: Usage
    fills: list[str]
    """What fills it, in words, where room could not be made."""
    runs: list[Report]
    """What went."""


@shape
class Reliefs(TypedDict):
    """What was done about each file system of a storage."""

    disks: list[Relief]


def usage_as_json(usage: UsageValue) -> Usage:
    """Return how full a file system is."""
    shown: Usage = {
        "used_bytes": usage.space.used,
        "available_bytes": usage.space.available,
        "used_percent": round(usage.space.share, 1),
    }
    if usage.inodes.used or usage.inodes.available:
        shown["used_inodes"] = usage.inodes.used
        shown["available_inodes"] = usage.inodes.available
        shown["used_inodes_percent"] = round(usage.inodes.share, 1)
    return shown


def disk_usage_as_json(disk: Disk) -> DiskUsage:
    """Return how full the file system of some areas is."""
    return {**usage_as_json(disk.usage), "disk": printable(disk.name), "areas": list(disk.areas)}


def reliefs_as_json(found: list[DiskRelief]) -> Reliefs:
    """Return what was done about each file system."""
    return {"disks": [_relief(disk) for disk in found]}


def _relief(found: DiskRelief) -> Relief:
    return {
        "disk": printable(found.disk.name),
        "areas": list(found.disk.areas),
        "outcome": found.outcome.value,
        "before": usage_as_json(found.disk.usage),
        "after": usage_as_json(found.after),
        "fills": [printable(text) for text in found.fills],
        "runs": [report_as_json(report.as_json()) for report in found.runs],
    }
