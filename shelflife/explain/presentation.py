"""The shapes in which values leave the engine as JSON.

Pure functions: CLI, HTTP and the media-analysis service show the same plan in the same shape because they all
ask here. Times become ISO 8601 in UTC with offset, paths what `shelflife.explain.formats` says.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from shelflife.explain.formats import (
    format_age,
    format_bytes,
    format_retention,
    iso,
    moment,
    path_as_json,
    path_b64,
    printable,
    visible,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shelflife.explain.answer import Answer
    from shelflife.explain.check import Finding
    from shelflife.policy.holds import Hold
    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.records.history import FileRecord, RunRecord, Totals
    from shelflife.records.statistics import AreaStatistics, Statistics
    from shelflife.run.restore import TrashedFile
    from shelflife.scan.planner import PlannedFile
    from shelflife.settings import CleanupSettings, Settings

__all__ = [
    "answer_as_json",
    "file_as_json",
    "finding_as_json",
    "format_age",
    "format_bytes",
    "format_retention",
    "hold_as_json",
    "iso",
    "metrics_as_json",
    "moment",
    "path_as_json",
    "path_b64",
    "plan_as_json",
    "planned_file_as_json",
    "printable",
    "report_as_json",
    "run_as_json",
    "stats_as_json",
    "trashed_file_as_json",
    "visible",
]

# -- statistics


def stats_as_json(statistics: Statistics, settings: Settings) -> dict[str, Any]:
    """Return a storage in numbers: what `get_storage_stats` promises, and `as_of` and `complete`."""
    return {
        "base_path": printable(str(settings.base_path)),
        "total_size_bytes": statistics.bytes,
        "total_size_human": format_bytes(statistics.bytes),
        "total_files": statistics.files,
        "total_directories": statistics.directories,
        "directories": {area.area: _area_stats(area, settings) for area in statistics.areas},
        "as_of": _iso_or_none(statistics.as_of),
        "complete": statistics.complete,
    }


def _area_stats(area: AreaStatistics, settings: Settings) -> dict[str, Any]:
    retention = settings.areas[area.area].retention
    stats = {
        "path": printable(str(settings.base_path / area.directory)),
        "files": area.files,
        "size_bytes": area.bytes,
        "size_human": format_bytes(area.bytes),
        "oldest_file": _iso_or_none(area.oldest),
        "newest_file": _iso_or_none(area.newest),
        "retention_seconds": retention,
        "retention_human": format_retention(retention),
    }
    return stats | ({"error": printable(_summary(area.errors))} if area.errors else {})


def _summary(errors: Sequence[str]) -> str:
    return f"{errors[0]} (and {len(errors) - 1} more)" if len(errors) > 1 else errors[0]


# -- plans


def plan_as_json(plan: Plan, reasons_to_ask: Sequence[str]) -> dict[str, Any]:
    """Return a plan: per area its cutoff, the cause of that, what would go, and why a person must approve it."""
    return {
        "plan": plan.id,
        "made": iso(plan.made),
        "areas": {area.area: _area_plan(area) for area in plan.areas},
        "files": plan.files,
        "bytes": plan.bytes,
        "scanned": plan.scanned,
        "needs_approval": bool(reasons_to_ask),
        "reasons": list(reasons_to_ask),
    }


def _area_plan(area: AreaPlan) -> dict[str, Any]:
    return {
        "cutoff": iso(area.cutoff.at) if area.cutoff else None,
        "cause": area.cutoff.cause.value if area.cutoff else None,
        "files": area.files,
        "bytes": area.bytes,
        "directories": area.directories,
        "links": area.links,
        "scanned": area.scanned,
        "special": area.special,
        "errors": [printable(error) for error in area.errors],
    }


def planned_file_as_json(file: PlannedFile) -> dict[str, Any]:
    """Return a file that would go; its path is relative to the base path."""
    return {
        **path_as_json(file.path),
        "area": file.area,
        "size": file.size,
        "modified": iso(file.mtime),
        "link": file.link,
    }


# -- runs


def report_as_json(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's report (`RunReport.as_json()`, or as the journal has it) with paths that are text."""
    shown = dict(report)
    if "areas" in shown:
        shown["areas"] = {name: _texts(area) for name, area in shown["areas"].items()}
    if "failures" in shown:
        shown["failures"] = [{**failure, **path_as_json(failure["path"])} for failure in shown["failures"]]
    return _texts(shown)


def _texts(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts with legible `errors`, where there are any."""
    if "errors" not in counts:
        return dict(counts)
    return {**counts, "errors": [printable(error) for error in counts["errors"]]}


def run_as_json(run: RunRecord) -> dict[str, Any]:
    """Return a run as the journal remembers it."""
    return {
        "run": run.id,
        "plan": run.plan,
        "trigger": run.trigger,
        "host": run.host,
        "pid": run.pid,
        "started": iso(run.started),
        "finished": _iso_or_none(run.finished),
        "state": run.state,
        "reason": run.reason,
        "cutoffs": {
            name: {"cutoff": iso(cutoff["at"]), "cause": cutoff["cause"]}
            for name, cutoff in run.cutoffs.items()
        },
        "report": report_as_json(run.report),
    }


def file_as_json(file: FileRecord) -> dict[str, Any]:
    """Return what became of a file in a run; its path is relative to the base path."""
    return {
        **path_as_json(file.path),
        "area": file.area,
        "at": iso(file.at),
        "outcome": file.result.name.lower(),
        "reason": file.reason.value,
        "errno": file.errno,
        "error": os.strerror(file.errno) if file.errno else None,
        "size": file.size,
        "modified": iso(file.mtime),
    }


def trashed_file_as_json(file: TrashedFile) -> dict[str, Any]:
    """Return what waits in the trash; its paths are relative to the base path."""
    return {
        **path_as_json(file.path),
        "area": file.area,
        "place": printable(file.place),
        "run": file.run,
        "trashed": iso(file.trashed),
        "until": _iso_or_none(file.until),
        "displaced": file.until is None,
        "size": file.size,
        "modified": iso(file.mtime),
    }


def hold_as_json(hold: Hold, *, now: int) -> dict[str, Any]:
    """Return a hold, as seen at `now` (ns); its path is relative to the base path."""
    return {
        **path_as_json(hold.path),
        "area": hold.area,
        "tree": hold.tree,
        "active": hold.is_active(now),
        "created": iso(hold.created),
        "until": _iso_or_none(hold.until),
        "ended": _iso_or_none(hold.ended),
        "reason": hold.reason,
    }


def metrics_as_json(
    cleanup: CleanupSettings, totals: Totals, *, running: bool, cleaning: bool
) -> dict[str, Any]:
    """Return what all executed runs together did, and whether schedule and a run are going on."""
    return {
        "schedule": cleanup.schedule,
        "enabled": cleanup.enabled,
        "last_run": _iso_or_none(totals.last_run),
        "last_success": _iso_or_none(totals.last_success),
        "total_runs": totals.runs,
        "total_deleted": totals.removed,
        "total_space_reclaimed_bytes": totals.bytes,
        "total_space_reclaimed_human": format_bytes(totals.bytes),
        "running": running,
        "cleaning": cleaning,
    }


# -- answers


def answer_as_json(answer: Answer) -> dict[str, Any]:
    """Return what will happen to a path, or what happened to it."""
    return {
        **path_as_json(answer.path),
        "area": answer.area,
        "state": answer.state.value,
        "reason": answer.reason,
        "rule": answer.rule,
        "expires": _iso_or_none(answer.expires),
        "when": _iso_or_none(answer.when),
        "run": answer.run,
        "sentences": [printable(sentence) for sentence in answer.sentences],
    }


def finding_as_json(finding: Finding) -> dict[str, str]:
    """Return what a check found."""
    return {"check": finding.check, "level": finding.level.value, "message": printable(finding.message)}


def _iso_or_none(ns: int | None) -> str | None:
    return None if ns is None else iso(ns)
