"""What the metrics are read from. Everything here is cheap, or some seconds old."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from shelflife.files import primitives
from shelflife.policy.watermark import Watermarks
from shelflife.records.history import Totals
from shelflife.records.records import open_records
from shelflife.web.metrics.counts import RequestCounts, Requests
from shelflife.web.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shelflife.engine import Engine
    from shelflife.policy.forecast import Inflow, When
    from shelflife.records.alerts import ActiveAlert
    from shelflife.records.statistics import AreaStatistics
    from shelflife.records.tallies import FailureTally, RunTally
    from shelflife.storage.disks import Disk

__all__ = ["AreaFacts", "Build", "Expected", "Matters", "NamedDisk", "PastRuns", "Sources"]


class Build(NamedTuple):
    """Which program answers."""

    version: str
    python: str
    compiled: str
    """`yes` where the compiled part is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFacts:
    """The areas: in numbers, and how long each keeps files (s; -1: indefinitely)."""

    areas: Sequence[AreaStatistics]
    retentions: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRuns:
    """What was done so far."""

    totals: Totals
    runs: Sequence[RunTally]
    failures: Sequence[FailureTally]
    is_cleaning: bool
    """Whether a run goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matters:
    """What needs a person, and what people wanted."""

    alerts: Sequence[ActiveAlert]
    waiting: int
    """Cleanups that wait for approval."""
    holds: int


class NamedDisk(NamedTuple):
    """A file system, and how it is called: by the first area on it. No path is a label."""

    name: str
    disk: Disk
    high: int | None
    """Bytes in use from which room is made; None where that is not set."""
    low: int | None
    """Bytes in use at which that ends."""


class Expected(NamedTuple):
    """What is to be expected."""

    full: dict[str, When]
    """Name of a disk → when it is full."""
    inflows: dict[str, Inflow]
    """Area → what comes in a day."""


class Sources:
    """What is read for a scrape. Methods block; each raises StorageError, RecordsError or OSError."""

    def __init__(self, engine: Callable[[], Engine], requests: RequestCounts, version: str) -> None:
        """Take what gives the engine, and the version of the program; nothing is read yet."""
        self._version = version
        self._engine = engine
        self._requests = requests
        self._disks = Recent(self._look_at_disks, fresh=15, usable=120)
        self._matters = Recent(self._look_for_matters, fresh=15, usable=120)
        self._expected = Recent(self._look_ahead, fresh=60, usable=600)

    def build(self) -> Build:
        """Return which program answers."""
        compiled = "yes" if primitives.chosen().is_compiled else "no"
        return Build(self._version, platform.python_version(), compiled)

    def requests(self) -> Requests:
        """Return what this process answered."""
        return self._requests.read()

    def areas(self) -> AreaFacts:
        """Return the areas in numbers, as the index has them."""
        engine = self._engine()
        retentions = {name: area.retention for name, area in engine.settings.areas.items()}
        return AreaFacts(areas=engine.stats().areas, retentions=retentions)

    def past(self) -> PastRuns:
        """Return what was done so far, as the journal has it."""
        engine = self._engine()
        is_cleaning = engine.holder() is not None
        with open_records(engine.settings).read_journal() as journal:
            if journal is None:
                return PastRuns(totals=Totals(), runs=(), failures=(), is_cleaning=is_cleaning)
            return PastRuns(
                totals=journal.history.totals(),
                runs=journal.tallies.runs(),
                failures=journal.tallies.failures(),
                is_cleaning=is_cleaning,
            )

    def disks(self) -> list[NamedDisk]:
        """Return the disks."""
        return self._disks.get()

    def matters(self) -> Matters:
        """Return what needs a person, and what people wanted."""
        return self._matters.get()

    def expected(self) -> Expected:
        """Return what is to be expected."""
        return self._expected.get()

    def _look_at_disks(self) -> list[NamedDisk]:
        engine = self._engine()
        pressure = engine.settings.pressure
        marks = Watermarks.of(pressure) if pressure else None
        found = []
        for name, disk in names_of(engine.disks()).items():
            space = disk.usage.space
            high = marks.high_at(space) if marks else None
            low = min((mark.low.used_at(space) for mark in marks.space), default=None) if marks else None
            found.append(NamedDisk(name, disk, high, low))
        return found

    def _look_for_matters(self) -> Matters:
        engine = self._engine()
        alerts = engine.alerts()
        with open_records(engine.settings).read_journal() as journal:
            last = journal.history.last_cleanup() if journal else None
            holds = len(journal.holds.active(engine.now()).paths) if journal else 0
        return Matters(alerts=alerts, waiting=int(last is not None and bool(last.offered)), holds=holds)

    def _look_ahead(self) -> Expected:
        outlook = self._engine().forecast().outlook
        disks = names_of([found.disk for found in outlook.disks])
        return Expected(
            full=dict(zip(disks, (found.full for found in outlook.disks), strict=True)),
            inflows={area.area: area.inflow for area in outlook.areas},
        )


def names_of(disks: Sequence[Disk]) -> dict[str, Disk]:
    """Return the disks by name: the first area on it, with a number where another disk has that one, too."""
    found: dict[str, Disk] = {}
    for disk in disks:
        first = next(iter(disk.areas))
        taken = sum(next(iter(other.areas)) == first for other in found.values())
        found[f"{first} {taken + 1}" if taken else first] = disk
    return found
