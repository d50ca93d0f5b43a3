"""What a cleanup did, or would do, as one dictionary for each area and one for all: the service's contract.

A dry run is a plan shown in the same shape: `deleted` and `space_reclaimed_bytes` are 0, because nothing
went, and `would_delete` and `would_reclaim_bytes` stand beside. `files` names what went or would go, links
included, which `links` counts apart; the list is bounded, and `files_truncated` says whether it ends early.
The whole list of a plan is `Engine.files`, that of a run `Engine.run_files`. What goes into the trash counts
as deleted, and its space as reclaimed when it is purged from there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from shelflife.errors import StorageError
from shelflife.events import BatchFinished, RunStarted
from shelflife.explain.presentation import format_bytes, iso, path_as_json, printable
from shelflife.files.removal import Result
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shelflife.events import Event
    from shelflife.files.removal import Outcome
    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.remove.report import AreaReport, RunReport
    from shelflife.scan.planner import PlannedFile
    from shelflife.settings import Settings

__all__ = ["RemovedFiles", "all_areas", "nothing_done", "of_plan", "of_run"]

_SECOND: Final = 10**9

_GONE: Final = (Result.REMOVED, Result.TRASHED)

Files = tuple[list[dict[str, Any]], bool]
"""Files as they are shown, and whether there are more."""


class RemovedFiles:
    """A listener that remembers the first files that a run removes from each area."""

    def __init__(self, settings: Settings, *, most: int, now: int) -> None:
        """Remember up to `most` files an area; ages are counted until `now` (ns)."""
        self._shown = _Shown(settings, now)
        self._most = most
        self._files: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._truncated: set[str] = set()
        self.run: int | None = None
        """The number of the run, once it has begun."""

    def __call__(self, event: Event) -> None:
        """Take note of what went."""
        if isinstance(event, RunStarted):
            self.run = event.run
        if isinstance(event, BatchFinished):
            # The engine sends its own outcomes, which know the file as listed.
            for outcome in cast("Iterable[Outcome]", event.outcomes):
                if outcome.result in _GONE and outcome.reason is not Reason.PURGED:
                    self._add(event.area, event.directory, outcome)

    def of(self, area: str) -> Files:
        """Return the files that went from an area."""
        return self._files[area], area in self._truncated

    def _add(self, area: str, directory: str, outcome: Outcome) -> None:
        if len(self._files[area]) >= self._most:
            self._truncated.add(area)
            return
        entry = outcome.entry
        self._files[area].append(
            self._shown.file(directory + entry.name, entry.size, entry.mtime, entry.time)
        )


class _Shown:
    """How a file is shown."""

    def __init__(self, settings: Settings, now: int) -> None:
        self._base = str(settings.base_path)
        self._now = now

    def file(self, path: str, size: int, mtime: int, time: int) -> dict[str, Any]:
        return {
            **path_as_json(f"{self._base}/{path}"),
            "size_bytes": size,
            "age_seconds": max(0, (self._now - time) // _SECOND),
            "modified": iso(mtime),
        }


def of_plan(
    plan: Plan, settings: Settings, *, files: Callable[[Plan], Iterator[PlannedFile]], most: int
) -> list[dict[str, Any]]:
    """Return what a plan would do, area by area. `files` lists those of a plan; `most` bounds each list."""
    shown = _Shown(settings, plan.made)
    return [
        _of_area_plan(area, *_planned_files(replace(plan, areas=(area,)), shown, files, most))
        for area in plan.areas
    ]


def of_run(report: RunReport, removed: RemovedFiles) -> list[dict[str, Any]]:
    """Return what a run did, area by area."""
    return [_of_area_report(area, *removed.of(area.area)) for area in report.areas]


def nothing_done(area: str, errors: Iterable[str], *, dry_run: bool, scanned: int = 0) -> dict[str, Any]:
    """Return the result of an area in which nothing could be done, or nothing had to be."""
    result = _result(area, dry_run=dry_run, errors=errors, scanned=scanned)
    return result | (_would(0, 0) if dry_run else {})


def all_areas(results: Iterable[dict[str, Any]], *, dry_run: bool) -> dict[str, Any]:
    """Return what was done, or would be, over all areas."""
    by_directory = {result["directory"]: result for result in results}

    def total(name: str) -> int:
        return sum(result[name] for result in by_directory.values())

    together = {
        "dry_run": dry_run,
        "total_scanned": total("scanned"),
        "total_deleted": total("deleted"),
        "total_failed": total("failed"),
        "total_space_reclaimed_bytes": total("space_reclaimed_bytes"),
        "total_space_reclaimed_human": format_bytes(total("space_reclaimed_bytes")),
        "total_disk_freed_bytes": total("disk_freed_bytes"),
        "by_directory": by_directory,
        "errors": [error for result in by_directory.values() for error in result["errors"]],
    }
    would = _would(total("would_delete"), total("would_reclaim_bytes")) if dry_run else {}
    return together | would


def _planned_files(
    plan: Plan, shown: _Shown, files: Callable[[Plan], Iterator[PlannedFile]], most: int
) -> tuple[Files, list[str]]:
    """Return the first files of a plan for one area, and what kept the list from its end."""
    found: list[dict[str, Any]] = []
    try:
        for file in islice(files(plan), most + 1):
            if len(found) == most:
                return (found, True), []
            found.append(shown.file(file.path, file.size, file.mtime, file.time))
    except (OSError, StorageError) as error:  # a directory that went since the plan was made
        return (found, True), [f"the list of files ends early: {error}"]
    return (found, False), []


def _of_area_plan(plan: AreaPlan, files: Files, errors: list[str]) -> dict[str, Any]:
    result = _result(
        plan.area, dry_run=True, scanned=plan.scanned, errors=[*plan.errors, *errors], files=files
    )
    return result | {"links": plan.links} | _would(plan.files, plan.bytes)


def _of_area_report(report: AreaReport, files: list[dict[str, Any]], truncated: bool) -> dict[str, Any]:
    reclaimed = report.bytes + report.purged_bytes
    failures = [f"{failure.path}: {failure.error}" for failure in report.failures]
    return _result(
        report.area,
        dry_run=False,
        scanned=report.scanned,
        errors=dict.fromkeys([*report.errors, *failures]),
        files=(files, truncated),
    ) | {
        "deleted": report.removed + report.trashed,
        "links": report.links,
        "trashed": report.trashed,
        "purged": report.purged,
        "failed": report.failed,
        "space_reclaimed_bytes": reclaimed,
        "space_reclaimed_human": format_bytes(reclaimed),
        "disk_freed_bytes": report.freed,
    }


def _would(delete: int, reclaim: int) -> dict[str, Any]:
    return {"would_delete": delete, "would_reclaim_bytes": reclaim}


def _result(
    area: str, *, dry_run: bool, errors: Iterable[str], scanned: int = 0, files: Files = ([], False)
) -> dict[str, Any]:
    return {
        "directory": area,
        "dry_run": dry_run,
        "scanned": scanned,
        "deleted": 0,
        "links": 0,
        "trashed": 0,
        "purged": 0,
        "failed": 0,
        "space_reclaimed_bytes": 0,
        "space_reclaimed_human": format_bytes(0),
        "disk_freed_bytes": 0,
        "errors": [printable(error) for error in errors],
        "files": list(files[0]),
        "files_truncated": files[1],
    }
