"""The metrics: one list, from which the scrape, the documentation, the board and the alert rules are made.

Each has its name as it is scraped, its type, what it tells, its labels, and how to know its values; its unit is
the end of its name. They are grouped by what they are read from. No path is ever a label: a label has few values,
and they are not for everybody's eyes.
"""

from __future__ import annotations

import errno
from collections import Counter
from math import inf
from typing import TYPE_CHECKING, Any, Final

from shelflife.alerts.conditions import AlertKind
from shelflife.clock import DAY, SECOND
from shelflife.records.history import RunState
from shelflife.records.tallies import BOUNDS
from shelflife.web.metrics.row import (
    Distribution,
    MetricGroup,
    MetricKind,
    MetricRow,
    counter,
    gauge,
    histogram,
    one,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shelflife.policy.forecast import When
    from shelflife.records.statistics import AreaStatistics
    from shelflife.web.metrics.counts import Requests
    from shelflife.web.metrics.sources import AreaFacts, Build, Expected, Matters, NamedDisk, PastRuns

__all__ = ["GROUPS", "METRICS", "UP"]

UP: Final[MetricRow[bool]] = gauge("up", "Whether index and journal could be read", one(float))

# -- the process that answers

_BUILD: Final[MetricGroup[Build]] = MetricGroup(
    source="the process that answers",
    read=lambda sources: sources.build(),
    entries=(
        gauge(
            "build_info",
            "Which version answers, on which Python, with or without its compiled part",
            lambda build: [(tuple(build), 1)],
            *("version", "python", "compiled"),
            kind=MetricKind.INFO,
        ),
    ),
)

_REQUESTS: Final[MetricGroup[Requests]] = MetricGroup(
    source="the process that answers; each worker counts for itself",
    read=lambda sources: sources.requests(),
    entries=(
        counter(
            "http_requests_total",
            "Requests that were answered, by route; the route is a template",
            lambda found: [((found.process, *kind), count) for kind, count in found.answered.items()],
            *("process", "method", "route", "status"),
        ),
        histogram(
            "http_request_duration_seconds",
            "Time until the answer to a request began",
            lambda found: [((found.process, *kind), value) for kind, value in found.durations.items()],
            *("process", "method", "route"),
        ),
        gauge(
            "http_requests_open",
            "Requests that go on, streams of events included",
            lambda found: [((found.process,), found.open)],
            "process",
        ),
    ),
)

# -- the index


def _each_area(value_of: Callable[[AreaStatistics], float | None]) -> Callable[[AreaFacts], Iterator[Any]]:
    def values(facts: AreaFacts) -> Iterator[Any]:
        for area in facts.areas:
            if (value := value_of(area)) is not None:
                yield (area.area,), value

    return values


_AREAS: Final[MetricGroup[AreaFacts]] = MetricGroup(
    source="the index",
    read=lambda sources: sources.areas(),
    entries=(
        gauge(
            "area_files",
            "Regular files, protected ones included",
            _each_area(lambda area: area.files),
            "area",
        ),
        gauge("area_size_bytes", "Their apparent size", _each_area(lambda area: area.bytes), "area"),
        gauge(
            "area_directories",
            "Directories, the area's own included",
            _each_area(lambda area: area.directories),
            "area",
        ),
        gauge(
            "area_oldest_file_timestamp_seconds",
            "Time of the oldest file that may expire",
            _each_area(lambda area: seconds(area.oldest)),
            "area",
        ),
        gauge(
            "area_scanned_timestamp_seconds",
            "When the area was last looked at",
            _each_area(lambda area: seconds(area.as_of)),
            "area",
        ),
        gauge(
            "area_retention_seconds",
            "How long files are kept; -1: indefinitely",
            lambda facts: [((name,), kept) for name, kept in facts.retentions.items()],
            "area",
        ),
        gauge(
            "area_trash_files",
            "Files that wait in the trash, as the last run left it",
            _each_area(lambda area: area.trash_files),
            "area",
        ),
        gauge("area_trash_bytes", "Their apparent size", _each_area(lambda area: area.trash_bytes), "area"),
    ),
)

# -- the journal

_ERRORS: Final = {
    "permission": (errno.EACCES, errno.EPERM),
    "read-only": (errno.EROFS,),
    "busy": (errno.EBUSY, errno.ETXTBSY, errno.EAGAIN),
    "no room": (errno.ENOSPC, errno.EDQUOT),
    "disk": (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, errno.EUCLEAN),
    "other disk": (errno.EXDEV,),
}
"""Class of errors → the errnos in it; all others are `other`."""

_CLASSES: Final = {number: name for name, numbers in _ERRORS.items() for number in numbers}


def _ended(past: PastRuns) -> Iterator[Any]:
    found = Counter({state: 0 for state in RunState if not state.is_going_on})
    for tally in past.runs:
        found[RunState(tally.state)] += tally.runs
    return (((str(state),), count) for state, count in found.items())


def _failures(past: PastRuns) -> Iterator[Any]:
    found: Counter[tuple[str, str]] = Counter()
    for tally in past.failures:
        found[tally.area, _CLASSES.get(tally.errno, "other")] += tally.failures
    return ((kind, count) for kind, count in found.items())


def _durations(past: PastRuns) -> Iterator[Any]:
    counts: dict[str, list[int]] = {}
    took: Counter[str] = Counter()
    for tally in past.runs:
        if tally.state == RunState.REFUSED:
            continue
        place = BOUNDS.index(tally.within) if tally.within in BOUNDS else len(BOUNDS)
        counts.setdefault(tally.trigger, [0] * (len(BOUNDS) + 1))[place] += tally.runs
        took[tally.trigger] += tally.nanoseconds
    for trigger, found in counts.items():
        yield (trigger,), Distribution.of(BOUNDS, found, took[trigger] / SECOND)


_PAST: Final[MetricGroup[PastRuns]] = MetricGroup(
    source="the journal",
    read=lambda sources: sources.past(),
    entries=(
        counter("runs_total", "Runs that were carried out", one(lambda past: past.totals.runs)),
        counter("removed_files_total", "Files that they removed", one(lambda past: past.totals.removed)),
        counter("removed_bytes_total", "Bytes that they gave back", one(lambda past: past.totals.bytes)),
        gauge(
            "last_run_timestamp_seconds",
            "When the last run ended",
            one(lambda past: seconds(past.totals.last_run)),
        ),
        gauge(
            "last_success_timestamp_seconds",
            "When the last run ended that came to its end",
            one(lambda past: seconds(past.totals.last_success)),
        ),
        gauge("cleaning", "Whether a cleanup is going on", one(lambda past: past.is_cleaning)),
        counter("ended_runs_total", "Runs by how they ended, refused ones included", _ended, "state"),
        histogram("run_duration_seconds", "How long runs took, by who asked for them", _durations, "trigger"),
        counter(
            "failures_total",
            "What could not be removed, or looked at, by kind of error",
            _failures,
            *("area", "error"),
        ),
    ),
)


def _alerts(found: Matters) -> Iterator[Any]:
    active = Counter(alert.kind for alert in found.alerts)
    return (((str(kind),), active[kind]) for kind in AlertKind)


_MATTERS: Final[MetricGroup[Matters]] = MetricGroup(
    source="the journal and the disks, at most two minutes old",
    read=lambda sources: sources.matters(),
    entries=(
        gauge("alerts", "How many things need a person, by what they are about", _alerts, "kind"),
        gauge(
            "waiting_approvals",
            "Cleanups that wait until a person approves them",
            one(lambda found: found.waiting),
        ),
        gauge("holds", "Holds that are active", one(lambda found: found.holds)),
    ),
)

# -- the disks, and what is to be expected


def _each_disk(value_of: Callable[[NamedDisk], float | None]) -> Callable[[list[NamedDisk]], Iterator[Any]]:
    def values(disks: list[NamedDisk]) -> Iterator[Any]:
        for disk in disks:
            if (value := value_of(disk)) is not None:
                yield (disk.name,), value

    return values


_DISKS: Final[MetricGroup[list[NamedDisk]]] = MetricGroup(
    source="the disks, at most two minutes old",
    read=lambda sources: sources.disks(),
    entries=(
        gauge(
            "disk_used_bytes",
            "Bytes in use on a disk, named by the first area on it",
            _each_disk(lambda found: found.disk.usage.space.used),
            "disk",
        ),
        gauge(
            "disk_free_bytes",
            "Bytes that are free there for others than root",
            _each_disk(lambda found: found.disk.usage.space.available),
            "disk",
        ),
        gauge(
            "disk_high_bytes",
            "Bytes in use above which room is made, where `pressure` is set",
            _each_disk(lambda found: found.high),
            "disk",
        ),
        gauge(
            "disk_low_bytes",
            "Bytes in use at which making room ends",
            _each_disk(lambda found: found.low),
            "disk",
        ),
        gauge(
            "disk_used_inodes",
            "Inodes in use; 0 where their number is not fixed",
            _each_disk(lambda found: found.disk.usage.inodes.used),
            "disk",
        ),
        gauge(
            "disk_free_inodes",
            "Inodes that are free; 0 where their number is not fixed",
            _each_disk(lambda found: found.disk.usage.inodes.available),
            "disk",
        ),
    ),
)


def _until_full(bound: Callable[[When], int | None]) -> Callable[[Expected], Iterator[Any]]:
    def values(expected: Expected) -> Iterator[Any]:
        for name, when in expected.full.items():
            if when.is_known:
                days = bound(when)
                yield (name,), inf if days is None else days * DAY / SECOND

    return values


_EXPECTED: Final[MetricGroup[Expected]] = MetricGroup(
    source="the forecast, at most ten minutes old",
    read=lambda sources: sources.expected(),
    entries=(
        gauge(
            "disk_full_earliest_seconds",
            "Time until a disk is full at the earliest, whole days; +Inf: not in sight; absent: unknown yet",
            _until_full(lambda full: full.earliest),
            "disk",
        ),
        gauge(
            "disk_full_latest_seconds",
            "Time until it is full at the latest",
            _until_full(lambda full: full.latest),
            "disk",
        ),
        gauge(
            "area_daily_inflow_files",
            "Files that come into an area in a day",
            lambda expected: [((name,), inflow.files) for name, inflow in expected.inflows.items()],
            "area",
        ),
        gauge(
            "area_daily_inflow_bytes",
            "Bytes that come into it in a day",
            lambda expected: [((name,), inflow.bytes) for name, inflow in expected.inflows.items()],
            "area",
        ),
    ),
)

GROUPS: Final[tuple[MetricGroup[Any], ...]] = (_BUILD, _AREAS, _DISKS, _EXPECTED, _MATTERS, _PAST, _REQUESTS)

METRICS: Final[tuple[tuple[MetricRow[Any], str], ...]] = (
    (UP, "the index and the journal"),
    *((entry, group.source) for group in GROUPS for entry in group.entries),
)
"""Each metric, and where it comes from."""
