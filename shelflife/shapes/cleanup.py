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
from typing import TYPE_CHECKING, Annotated, Final, NotRequired, cast

from shelflife.clock import SECOND
from shelflife.errors import StorageError
from shelflife.events import BatchFinished, RunStarted
from shelflife.files.removal import Result
from shelflife.formats import format_bytes, iso, printable
from shelflife.policy.verdict import Reason
from shelflife.records.history import RunState
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.schema import Count, Schema, Time, TypedDict, shape, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shelflife.events import Event
    from shelflife.files.removal import Outcome
    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.remove.report import AreaReport, RunReport
    from shelflife.scan.planner import PlannedFile
    from shelflife.settings import Settings

__all__ = [
    "AreaCleanup",
    "CleanedFile",
    "CleanupAccepted",
    "CleanupResult",
    "RemovedFiles",
    "StorageCleanup",
    "all_areas",
    "nothing_done",
    "of_plan",
    "of_run",
    "result_of",
]

_GONE: Final = (Result.REMOVED, Result.TRASHED)


@shape
class CleanedFile(Path):
    """A file or symbolic link that went, or would go; `path` is absolute."""

    size_bytes: Count
    age_seconds: Count
    modified: Time


@shape
class AreaCleanup(TypedDict):
    """What was done in one area, or would be."""

    directory: str
    """The area."""
    dry_run: bool
    scanned: Count
    """Regular files considered."""
    deleted: Count
    """Regular files removed; 0 in a dry run."""
    links: Count
    """Symbolic links removed; in a dry run, those that would be."""
    trashed: Count
    """How many of the deleted ones wait in the trash."""
    purged: Count
    """Files that had waited in the trash long enough and are gone for good; not among the deleted ones."""
    failed: Count
    space_reclaimed_bytes: Count
    """Apparent size of what is gone; 0 in a dry run, and for what waits in the trash."""
    space_reclaimed_human: str
    disk_freed_bytes: Count
    """Blocks on disk that this gave back."""
    errors: list[str]
    files: list[CleanedFile]
    files_truncated: bool
    """Whether there are more files than are named here."""
    would_delete: NotRequired[Count]
    """Regular files that would go; dry runs only."""
    would_reclaim_bytes: NotRequired[Count]
    """Their apparent size; dry runs only."""


@shape
class StorageCleanup(TypedDict):
    """What was done over all areas, or would be."""

    dry_run: bool
    total_scanned: Count
    total_deleted: Count
    total_failed: Count
    total_space_reclaimed_bytes: Count
    total_space_reclaimed_human: str
    total_disk_freed_bytes: Count
    by_directory: dict[str, AreaCleanup]
    """By area; those kept indefinitely are left out."""
    errors: list[str]
    would_delete: NotRequired[Count]
    would_reclaim_bytes: NotRequired[Count]


@shape
class CleanupResult(StorageCleanup):
    """What a cleanup did, or would do."""

    run: int | None
    """The run's number, to look it up by; null in a dry run."""
    plan: str
    """Id of the plan that it carried out, or would."""
    state: Annotated[str, Schema(enum=["done", "stopped", "failed", "planned"])]
    """`stopped` when the service was shut down meanwhile; `planned` for a dry run."""
    files_truncated: bool
    """Whether an area's files are not all named here: a response names 1,000 at the most."""


@shape
class CleanupAccepted(TypedDict):
    """A run that is still going on, or that the same request had begun before."""

    run: int | None
    """The run's number; null while it waits for another one to end, when it is not in the list of runs yet."""
    state: Annotated[str, words_of(RunState)]
    location: str
    """Where to look: the run, or the list of runs while it has no number."""


Files = tuple[list[CleanedFile], bool]
"""Files as they are shown, and whether there are more."""


class RemovedFiles:
    """A listener that remembers the first files that a run removes from each area."""

    def __init__(self, settings: Settings, *, most: int, now: int) -> None:
        """Remember up to `most` files an area; ages are counted until `now` (ns)."""
        self._shown = _Shown(settings, now)
        self._most = most
        self._files: defaultdict[str, list[CleanedFile]] = defaultdict(list)
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

    def file(self, path: str, size: int, mtime: int, time: int) -> CleanedFile:
        return {
            **path_as_json(f"{self._base}/{path}"),
            "size_bytes": size,
            "age_seconds": max(0, (self._now - time) // SECOND),
            "modified": iso(mtime),
        }


def of_plan(
    plan: Plan, settings: Settings, *, files: Callable[[Plan], Iterator[PlannedFile]], most: int
) -> list[AreaCleanup]:
    """Return what a plan would do, area by area. `files` lists those of a plan; `most` bounds each list."""
    shown = _Shown(settings, plan.made)
    return [
        _of_area_plan(area, *_planned_files(replace(plan, areas=(area,)), shown, files, most))
        for area in plan.areas
    ]


def of_run(report: RunReport, removed: RemovedFiles) -> list[AreaCleanup]:
    """Return what a run did, area by area."""
    return [_of_area_report(area, *removed.of(area.area)) for area in report.areas]


def nothing_done(area: str, errors: Iterable[str], *, dry_run: bool, scanned: int = 0) -> AreaCleanup:
    """Return the result of an area in which nothing could be done, or nothing had to be."""
    result = _result(area, dry_run=dry_run, errors=errors, scanned=scanned)
    if dry_run:
        result["would_delete"] = result["would_reclaim_bytes"] = 0
    return result


def all_areas(results: Iterable[AreaCleanup], *, dry_run: bool) -> StorageCleanup:
    """Return what was done, or would be, over all areas."""
    areas = list(results)
    reclaimed = sum(area["space_reclaimed_bytes"] for area in areas)
    together: StorageCleanup = {
        "dry_run": dry_run,
        "total_scanned": sum(area["scanned"] for area in areas),
        "total_deleted": sum(area["deleted"] for area in areas),
        "total_failed": sum(area["failed"] for area in areas),
        "total_space_reclaimed_bytes": reclaimed,
        "total_space_reclaimed_human": format_bytes(reclaimed),
        "total_disk_freed_bytes": sum(area["disk_freed_bytes"] for area in areas),
        "by_directory": {area["directory"]: area for area in areas},
        "errors": [error for area in areas for error in area["errors"]],
    }
    if dry_run:
        together["would_delete"] = sum(area["would_delete"] for area in areas)
        together["would_reclaim_bytes"] = sum(area["would_reclaim_bytes"] for area in areas)
    return together


def result_of(done: list[AreaCleanup], *, run: int | None, plan: str, state: str, most: int) -> CleanupResult:
    """Return what a cleanup did, or would do where `run` is None, naming at most so many files in all."""
    left = most
    for area in done:
        area["files_truncated"] |= len(area["files"]) > left
        area["files"] = area["files"][:left]
        left -= len(area["files"])
    return {
        **all_areas(done, dry_run=run is None),
        "run": run,
        "plan": plan,
        "state": state,
        "files_truncated": any(area["files_truncated"] for area in done),
    }


def _planned_files(
    plan: Plan, shown: _Shown, files: Callable[[Plan], Iterator[PlannedFile]], most: int
) -> tuple[Files, list[str]]:
    """Return the first files of a plan for one area, and what kept the list from its end."""
    found: list[CleanedFile] = []
    try:
        for file in islice(files(plan), most + 1):
            if len(found) == most:
                return (found, True), []
            found.append(shown.file(file.path, file.size, file.mtime, file.time))
    except (OSError, StorageError) as error:  # a directory that went since the plan was made
        return (found, True), [f"the list of files ends early: {error}"]
    return (found, False), []


def _of_area_plan(plan: AreaPlan, files: Files, errors: list[str]) -> AreaCleanup:
    result = _result(
        plan.area, dry_run=True, scanned=plan.scanned, errors=[*plan.errors, *errors], files=files
    )
    result["links"] = plan.links
    result["would_delete"], result["would_reclaim_bytes"] = plan.files, plan.bytes
    return result


def _of_area_report(report: AreaReport, files: list[CleanedFile], truncated: bool) -> AreaCleanup:
    reclaimed = report.bytes + report.purged_bytes
    failures = [f"{failure.path}: {failure.error}" for failure in report.failures]
    return {
        **_result(
            report.area,
            dry_run=False,
            scanned=report.scanned,
            errors=dict.fromkeys([*report.errors, *failures]),
            files=(files, truncated),
        ),
        "deleted": report.removed + report.trashed,
        "links": report.links,
        "trashed": report.trashed,
        "purged": report.purged,
        "failed": report.failed,
        "space_reclaimed_bytes": reclaimed,
        "space_reclaimed_human": format_bytes(reclaimed),
        "disk_freed_bytes": report.freed,
    }


def _result(
    area: str, *, dry_run: bool, errors: Iterable[str], scanned: int = 0, files: Files = ([], False)
) -> AreaCleanup:
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
