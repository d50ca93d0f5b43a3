"""The schedule, and what all executed runs of a storage together did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.formats import format_bytes, iso_or_none
from shelflife.shapes.schema import Count, Time, TypedDict, shape

if TYPE_CHECKING:
    from shelflife.records.history import Totals
    from shelflife.settings import CleanupSettings

__all__ = ["SchedulerMetrics", "metrics_as_json"]


@shape
class SchedulerMetrics(TypedDict):
    """The schedule, and what all executed runs of this storage together did."""

    schedule: str
    enabled: bool
    last_run: Time | None
    last_success: Time | None
    total_runs: Count
    total_deleted: Count
    total_space_reclaimed_bytes: Count
    total_space_reclaimed_human: str
    running: bool
    """Whether the scheduler lives in the process that answers."""
    cleaning: bool
    """Whether a cleanup of this storage is going on, anywhere."""


def metrics_as_json(
    cleanup: CleanupSettings, totals: Totals, *, running: bool, cleaning: bool
) -> SchedulerMetrics:
    """Return what all executed runs together did, and whether schedule and a run are going on."""
    return {
        "schedule": cleanup.schedule,
        "enabled": cleanup.enabled,
        "last_run": iso_or_none(totals.last_run),
        "last_success": iso_or_none(totals.last_success),
        "total_runs": totals.runs,
        "total_deleted": totals.removed,
        "total_space_reclaimed_bytes": totals.bytes,
        "total_space_reclaimed_human": format_bytes(totals.bytes),
        "running": running,
        "cleaning": cleaning,
    }
