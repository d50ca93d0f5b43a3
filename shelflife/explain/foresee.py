"""What if, and what next: answers about the future, from the index and the samples in the journal alone.

Nothing is walked and nothing is changed; both answer in milliseconds however many files there are. What would
go is exact to the hour, since the index counts by hours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shelflife.clock import DAY
from shelflife.policy.area import areas_of
from shelflife.policy.forecast import (
    MOST_DAYS,
    Course,
    Holding,
    Inflow,
    When,
    ages_inflow,
    course_of,
    expiring,
    goes_at,
    inflow_of,
    settles_at,
)
from shelflife.policy.load import Load
from shelflife.policy.watermark import Watermarks
from shelflife.scan.measure import histograms_of, size_of
from shelflife.storage.disks import disks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shelflife.run.workplace import Workplace
    from shelflife.settings import Settings
    from shelflife.storage.disks import Disk

DAYS_SHOWN: Final = 14
"""Coming days of which it is told what expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaOutlook:
    """One area under some settings."""

    area: str
    now: Load
    """What it holds."""
    cutoff: int | None
    """Where the cutoff of its own class would be now (ns); None where that is kept indefinitely."""
    goes: Load
    """What a cleanup would remove now, to the hour."""
    settles: Load | None
    """What it would hold in the long run, by what comes in; None where it only grows."""
    inflow: Inflow
    """What comes in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskOutlook:
    """One file system under some settings."""

    disk: Disk
    high: When | None
    """When it reaches the high watermark; None where none is set."""
    full: When
    """When it is full."""
    course: Course
    """How it fills, day by day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A storage under some settings."""

    areas: tuple[AreaOutlook, ...]
    disks: tuple[DiskOutlook, ...]

    @property
    def goes(self) -> Load:
        """What a cleanup would remove now."""
        load = Load()
        for area in self.areas:
            load = load.plus(area.goes)
        return load


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A storage as it is, and as it would be under other settings."""

    before: Outlook
    after: Outlook
    as_of: int | None
    """When the oldest of the scans that it rests on was completed (ns); None before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is to be expected."""

    outlook: Outlook
    expiring: tuple[tuple[str, tuple[Load, ...]], ...]
    """Area by area: what expires on each of the coming days, today first."""
    as_of: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What there is to go by."""

    holdings: dict[str, Holding]
    disks: list[Disk]
    outside: dict[str, Inflow]
    as_of: int | None


def what_if(work: Workplace, changed: Settings) -> WhatIf:
    """Return the storage under its settings and under others, which differ in what areas keep."""
    known, now = _look(work), work.clock()
    after = {name: replace(known.holdings[name], area=area) for name, area in areas_of(changed).items()}
    return WhatIf(
        before=_outlook(known, known.holdings, work.settings, now),
        after=_outlook(known, after, changed, now),
        as_of=known.as_of,
    )


def forecast(work: Workplace) -> Forecast:
    """Return what is to be expected as the settings are."""
    known, now = _look(work), work.clock()
    return Forecast(
        outlook=_outlook(known, known.holdings, work.settings, now),
        expiring=tuple(
            (name, tuple(expiring(holding, now, DAYS_SHOWN))) for name, holding in known.holdings.items()
        ),
        as_of=known.as_of,
    )


def _look(work: Workplace) -> _Known:
    now = work.clock()
    with work.records.read_journal() as journal:
        since = now - (MOST_DAYS + 1) * DAY
        samples = journal.usage.areas(since=since) if journal else {}
        outside = journal.usage.outside(since=since) if journal else {}
    holdings: dict[str, Holding] = {}
    stamps: list[int] = []
    with work.records.read_index() as index:
        for name, area in work.areas.items():
            holding = Holding(area=area, size=Load(), histograms={})
            if index is not None:
                stamps += [index.totals(directory).as_of for directory in area.directories]
                holding = Holding(
                    area=area,
                    size=size_of(index, area.directories),
                    histograms=histograms_of(index, area, area.directories),
                )
            holdings[name] = _with_inflow(holding, inflow_of(samples.get(name, ())), now)
    with work.hold_base() as base:
        disks = disks_of(base, work.areas.values())
    return _Known(
        holdings=holdings,
        disks=disks,
        outside={name: inflow_of(found, signed=True) for name, found in outside.items()},
        as_of=min((stamp for stamp in stamps if stamp), default=None),
    )


def _with_inflow(holding: Holding, measured: Inflow, now: int) -> Holding:
    inflow = measured if measured.is_measured else replace(ages_inflow(holding, now), days=0)
    return replace(holding, inflow=inflow)


def _outlook(known: _Known, holdings: Mapping[str, Holding], settings: Settings, now: int) -> Outlook:
    return Outlook(
        areas=tuple(_area(name, holding, now) for name, holding in holdings.items()),
        disks=tuple(_disk(known, disk, holdings, settings, now) for disk in known.disks),
    )


def _area(name: str, holding: Holding, now: int) -> AreaOutlook:
    cutoffs, goes = goes_at(holding, now)
    return AreaOutlook(
        area=name,
        now=holding.size,
        cutoff=None if cutoffs.own is None else cutoffs.own.at,
        goes=goes,
        settles=settles_at(holding),
        inflow=holding.inflow,
    )


def _disk(
    known: _Known, disk: Disk, holdings: Mapping[str, Holding], settings: Settings, now: int
) -> DiskOutlook:
    space = disk.usage.space
    here: Sequence[Holding] = [holdings[name] for name in disk.areas]
    course = course_of(here, space.used, known.outside.get(disk.name, Inflow()), now)
    marks = settings.pressure
    return DiskOutlook(
        disk=disk,
        high=course.reaches(Watermarks.of(marks).high_at(space)) if marks else None,
        full=course.reaches(space.used + space.available - 1),
        course=course,
    )
