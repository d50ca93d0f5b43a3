"""The shapes in which disks, what-if and forecast leave the engine: JSON, and the words for spans of days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shelflife.explain.presentation import report_as_json

if TYPE_CHECKING:
    from shelflife.execute.relief import DiskRelief
    from shelflife.policy.pressure import Usage

__all__ = ["relief_as_json", "usage_as_json"]


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
