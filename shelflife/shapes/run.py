"""A run: what it was asked, what it did, and what became of each file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, cast

from shelflife.files.removal import Result
from shelflife.formats import iso, iso_or_none, printable
from shelflife.records.history import RunState, Trigger
from shelflife.shapes.cutoff import RunCutoff, run_cutoff_as_json
from shelflife.shapes.event import Progress
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.schema import Count, Schema, Time, TypedDict, open_shape, shape, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.records.history import FileRecord, RunRecord

__all__ = [
    "Report",
    "Run",
    "RunFile",
    "RunFiles",
    "Runs",
    "file_as_json",
    "report_as_json",
    "run_as_json",
]


@open_shape
class RunCounts(TypedDict, total=False):
    """What was done, in numbers. A count that the version which ran did not know is absent."""

    scanned: Count
    """Regular files considered, those in unchanged directories included."""
    special: Count
    """FIFOs, sockets and devices, which stay."""
    removed: Count
    """Regular files removed."""
    trashed: Count
    """Regular files moved into the trash."""
    kept: Count
    """Regular files that stayed."""
    failed: Count
    """What should have gone and could not be removed."""
    displaced: Count
    """What could not be put back, since its name was taken meanwhile; it waits in the trash."""
    bytes: Count
    """Apparent size of what was removed."""
    trashed_bytes: Count
    """Apparent size of what went into the trash."""
    purged: Count
    """Files removed from the trash, where their time was over."""
    purged_bytes: Count
    links: Count
    """Symbolic links that went."""
    directories: Count
    """Empty directories removed."""
    restored: Count
    """Files and links brought back from the trash."""
    taken: Count
    """What stays in the trash, since something of its name is there."""
    bytes_freed: Count
    """Space on disk that this gave back."""


@open_shape
class AreaReport(RunCounts, total=False):
    """What a run did in one area."""

    errors: list[str]
    """What kept the area, or part of it, from being looked at."""
    errnos: dict[str, Count]
    """What could not be done, or looked at: the errno, and how often."""


@shape
class Failure(Path):
    """Something that could not be done, or looked at; `path` is relative to the base path."""

    errno: int
    """Its cause; 0 when no system call gave one."""
    error: str


@shape
class Extent(TypedDict):
    """How much would have gone."""

    files: Count
    bytes: Count
    purged: NotRequired[Count]
    """Files in the trash that would have been removed for good; only where there was doubt about that."""
    purged_bytes: NotRequired[Count]


@shape
class WouldRemove(Extent):
    """What a run that was refused would have removed."""

    areas: dict[str, Extent]


@open_shape
class Report(RunCounts, total=False):
    """What a run did; empty while it runs. When it was refused, only `would_remove`."""

    would_remove: WouldRemove

    run: int
    plan: str
    state: str
    areas: dict[str, AreaReport]
    failures: list[Failure]
    """The first 1,000; all are among the run's files."""


@shape
class Run(TypedDict):
    """One run, as the journal remembers it."""

    run: int
    plan: str
    trigger: Annotated[str, words_of(Trigger)]
    """Who asked for it."""
    host: str
    pid: int
    started: Time
    finished: Time | None
    state: Annotated[str, words_of(RunState)]
    reason: str
    """Why it was refused or failed; else empty."""
    actor: str
    """Who asked for it: a token, a user; empty if nobody was named."""
    via: str
    """By which way: http, cli, schedule, program; empty in records of versions before."""
    request: str
    """Id of the HTTP request, if it was one."""
    cutoffs: dict[str, RunCutoff]
    report: Report
    progress: NotRequired[Progress | None]
    """How far it is; only while it goes on, and null before it has said so."""


@shape
class Runs(TypedDict):
    """Some runs, the latest first."""

    runs: list[Run]
    next_before: int | None
    """The `before` that gives the next page; null on the last one."""


@shape
class RunFile(Path):
    """What became of one file in a run, or of an empty directory; `path` is relative to the base path."""

    area: str
    directory: bool
    """Whether it was an empty directory."""
    at: Time
    outcome: Annotated[str, Schema(enum=[result.name.lower() for result in Result])]
    """`unknown` while the run is on it."""
    reason: str
    cause: str
    """Why it was to go: `retention`, `quota`, `pressure`, `purge` …; empty where that is no longer known."""
    errno: int
    error: str | None
    size: Count
    modified: Time | None
    """Null for an empty directory."""


@shape
class RunFiles(TypedDict):
    """Some of the files that a run meant to remove, and of the empty directories that it removed."""

    files: list[RunFile]
    next_cursor: int | None
    """The `cursor` that gives the next page; null on the last one."""
    next_offset: int | None
    """The `offset` that gives it, as in versions before: the further, the slower. Null beside a cursor."""


def report_as_json(report: Mapping[str, Any]) -> Report:
    """Return a run's report (`RunReport.as_json()`, or as the journal has it) with paths that are text."""
    shown = dict(report)
    if "areas" in shown:
        shown["areas"] = {name: _texts(area) for name, area in shown["areas"].items()}
    if "failures" in shown:
        shown["failures"] = [{**failure, **path_as_json(failure["path"])} for failure in shown["failures"]]
    return cast("Report", _texts(shown))


def _texts(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts with legible `errors`, where there are any."""
    if "errors" not in counts:
        return dict(counts)
    return {**counts, "errors": [printable(error) for error in counts["errors"]]}


def run_as_json(run: RunRecord) -> Run:
    """Return a run as the journal remembers it."""
    return {
        "run": run.id,
        "plan": run.plan,
        "trigger": run.trigger,
        "host": run.host,
        "pid": run.pid,
        "started": iso(run.started),
        "finished": iso_or_none(run.finished),
        "state": run.state,
        "reason": printable(run.reason),
        "actor": printable(run.actor),
        "via": run.via,
        "request": run.request,
        "cutoffs": {name: run_cutoff_as_json(cutoff) for name, cutoff in run.cutoffs.items()},
        "report": report_as_json(run.report),
    }


def file_as_json(file: FileRecord) -> RunFile:
    """Return what became of a file in a run, or of an empty directory."""
    return {
        **path_as_json(file.path),
        "area": file.area,
        "directory": file.pruned,
        "at": iso(file.at),
        "outcome": file.result.name.lower(),
        "reason": file.reason.value,
        "cause": file.cause,
        "errno": file.errno,
        "error": os.strerror(file.errno) if file.errno else None,
        "size": file.size,
        "modified": None if file.pruned else iso(file.mtime),
    }
