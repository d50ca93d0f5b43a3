"""Forecast: what expires on each coming day, where areas settle, and when a disk will be full.

What is on disk now is known exactly: each coming day has its cutoff, and the histogram says what is before it.
What will arrive is measured: from samples of the past days follows how much came on each of them. Their mean
is carried on, and their spread says how far that can be trusted: after `d` days the sum of what came is
uncertain by the days' own ups and downs (which grow with √d) and by the mean's error (which grows with d); the
ups and downs of a week, which come again, count apart, once two weeks were seen.
Answers are therefore spans that hold in four cases of five, "not in sight" beyond a year, and "not enough
history yet" before three days have been seen.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import inf, sqrt
from typing import TYPE_CHECKING, Final

from shelflife.clock import DAY, HOUR
from shelflife.policy.choose import Stock, by_quota
from shelflife.policy.cutoff import BEGINNING, Cutoffs
from shelflife.policy.load import NOTHING, Histogram, Load, Sample, total
from shelflife.settings import Per

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs

HORIZON: Final = 365
"""Days that are looked ahead."""

LEAST_DAYS: Final = 3
"""Days that must have been seen before anything is said of the future."""

MOST_DAYS: Final = 28
"""Days that count: whole weeks, so that each day of the week weighs the same."""

_SPREAD: Final = 1.28
"""Standard deviations within which four cases of five lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflow:
    """What comes in a day."""

    files: float = 0.0
    bytes: float = 0.0
    """The mean."""
    deviation: float = 0.0
    """The standard deviation of a day's bytes; from the mean of its weekday, where two weeks were seen."""
    ripple: float = 0.0
    """Bytes by which weekdays alone put the sum ahead of or behind the mean."""
    days: int = 0
    """Days that were measured; 0 where it is guessed from the ages of what is there."""

    @property
    def is_measured(self) -> bool:
        """Whether enough days were seen to say something of the future."""
        return self.days >= LEAST_DAYS

    def variance(self, days: float) -> float:
        """Return the variance of the bytes that come in so many days."""
        return self.deviation**2 * (days + days**2 / max(1, self.days)) + (self.ripple**2 if days else 0)


def inflow_of(samples: Sequence[Sample], *, signed: bool = False) -> Inflow:
    """Return what came in a day between samples (in the order of time), over the last `MOST_DAYS` at most.

    What came is what was there more, and what cleanups removed meanwhile. `signed`: it may become less.
    """
    if len(samples) < 2:
        return Inflow()
    last = samples[-1].at
    count = min(MOST_DAYS, (last - samples[0].at) // DAY)
    if count > 7:
        count -= count % 7
    files, sizes = [0.0] * count, [0.0] * count
    for first, second in pairwise(samples):
        came_files = second.files - first.files + second.gone_files - first.gone_files
        came = second.bytes - first.bytes + second.gone_bytes - first.gone_bytes
        if not signed:
            came_files, came = max(0, came_files), max(0, came)
        for day, share in _days_of(first.at, second.at, last, count):
            files[day] += came_files * share
            sizes[day] += came * share
    if not count:
        return Inflow()
    mean = sum(sizes) / count
    period = 7 if count >= 14 else 1
    usual = [sum(sizes[day::period]) / len(sizes[day::period]) for day in range(period)]
    variance = sum((size - usual[day % period]) ** 2 for day, size in enumerate(sizes))
    ahead = list(accumulate(size - mean for size in usual))
    return Inflow(
        files=sum(files) / count,
        bytes=mean,
        deviation=sqrt(variance / max(1, count - period)),
        ripple=(max(ahead) - min(ahead)) / 2,
        days=count,
    )


def _days_of(start: int, end: int, last: int, count: int) -> Iterable[tuple[int, float]]:
    """Yield (days before `last`, share of the time from `start` to `end`) for the days that are counted."""
    if end <= start:
        return
    for day in range((last - end) // DAY, min(count, -(-(last - start) // DAY))):
        overlap = min(end, last - day * DAY) - max(start, last - (day + 1) * DAY)
        if overlap > 0:
            yield day, overlap / (end - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An area as the index has it, and what comes."""

    area: Area
    size: Load
    """All of it, what is kept indefinitely included."""
    histograms: Mapping[int, Histogram]
    """By class and hour: what may go. Not changed once it is here."""
    inflow: Inflow = Inflow()
    histogram: Histogram = field(init=False, repr=False)
    """By hour: what may go, of all classes."""
    retention: float | None = field(init=False, repr=False)
    """Nanoseconds that a file is kept, on the average of what is there; None where nothing expires."""
    _sums: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...] = field(init=False, repr=False)
    """By class: its retention, the hours, and what is on disk before each of them."""

    def __post_init__(self) -> None:
        together: Histogram = {}
        sums = []
        for kind in self.area.rules.classes:
            histogram = self.histograms.get(kind.number)
            if kind.retention is None or not histogram:
                continue
            hours = tuple(sorted(histogram))
            before = accumulate((histogram[hour].allocated for hour in hours), initial=0)
            sums.append((kind.retention, hours, tuple(before)))
            for hour, load in histogram.items():
                together[hour] = together.get(hour, NOTHING).plus(load)
        object.__setattr__(self, "histogram", together)
        object.__setattr__(self, "retention", self._average_retention())
        object.__setattr__(self, "_sums", tuple(sums))

    def expired_at(self, now: int) -> int:
        """Return the blocks (in bytes) of the hours that will have ended, and be expired, at `now` (ns)."""
        return sum(
            before[bisect_right(hours, (now - retention) // HOUR - 1)]
            for retention, hours, before in self._sums
        )

    def _average_retention(self) -> float | None:
        kinds = {
            kind.number: kind.retention for kind in self.area.rules.classes if kind.retention is not None
        }
        if len(kinds) < 2:
            return next(iter(kinds.values()), None)
        sizes = {
            number: total(self.histograms.get(number, {}).values()).bytes / max(1, retention)
            for number, retention in kinds.items()
        }  # what is kept twice as long comes in half as fast
        if not any(sizes.values()):
            return self.area.retention or max(kinds.values())
        return sum(sizes[number] * retention for number, retention in kinds.items()) / sum(sizes.values())

    @property
    def ratio(self) -> float:
        """Bytes on disk for each byte."""
        return self.size.allocated / self.size.bytes if self.size.bytes else 1.0


def ages_inflow(holding: Holding, now: int) -> Inflow:
    """Return a guess at what comes in a day, from what came in the past days and is still there."""
    retention = holding.retention
    days = min(7, int(retention // DAY) if retention is not None else 7)
    first = min(holding.histogram, default=None)
    if first is None or days < 1:
        return Inflow()
    days = max(1, min(days, (now - first * HOUR) // DAY))
    recent = [load for hour, load in holding.histogram.items() if hour * HOUR >= now - days * DAY]
    return Inflow(
        files=sum(load.files for load in recent) / days, bytes=sum(load.bytes for load in recent) / days
    )


def goes_at(holding: Holding, now: int) -> tuple[Cutoffs, Load]:
    """Return the cutoffs that the area would have at `now` (ns), and what is before them, both to the hour.

    Counted are the hours that have ended by then.
    """
    stocks = {
        kind.number: _to_the_hour(holding.histograms.get(kind.number, {}))
        for kind in holding.area.rules.classes
        if not kind.is_kept
    }
    cutoffs = _keeping_newest(holding, by_quota(holding.area, now, holding.size, stocks))
    load = NOTHING
    for number, histogram in holding.histograms.items():
        for hour, found in histogram.items():
            if (hour + 1) * HOUR <= cutoffs.at(number):
                load = load.plus(found)
    return cutoffs, load


def _keeping_newest(holding: Holding, cutoffs: Cutoffs) -> Cutoffs:
    """Return cutoffs that keep the newest files of an area, and what is of the same hour as the last of them.

    Which directories they are in the hours do not tell: those of directories are left out.
    """
    keep = holding.area.rules.settings.keep_newest
    if not keep.count or keep.per is not Per.AREA:
        return cutoffs
    return Cutoffs(
        tuple(
            None
            if cutoff is None
            else cutoff.limited(_newest(holding.histograms.get(number, {}), keep.count))
            for number, cutoff in enumerate(cutoffs.by_class)
        )
    )


def _newest(histogram: Histogram, count: int) -> int:
    for hour in sorted(histogram, reverse=True):
        count -= histogram[hour].files
        if count <= 0:
            return hour * HOUR
    return BEGINNING


def _to_the_hour(histogram: Histogram) -> Stock:
    def measure(start: int, end: int, width: int) -> Histogram:
        return {(end - 1) // width: histogram.get(start // HOUR, NOTHING)}

    return Stock(histogram, measure)


def settles_at(holding: Holding) -> Load | None:
    """Return what the area would hold once everything that is there now has expired; None if it only grows."""
    area, inflow = holding.area, holding.inflow
    if holding.retention is None:
        return None
    days = holding.retention / DAY
    fixed = _fixed(holding)
    size, files = fixed.bytes + inflow.bytes * days, fixed.files + inflow.files * days
    young = area.min_age / DAY
    if area.quota is not None and size * holding.ratio > area.quota:
        bounded = min(size, max(area.quota / holding.ratio, fixed.bytes + inflow.bytes * young))
        files, size = files * bounded / size, bounded
    if area.max_files is not None and files > area.max_files:
        kept = min(files, max(area.max_files, fixed.files + inflow.files * young))
        size, files = size * kept / files, kept
    return Load(round(files), round(size), round(size * holding.ratio))


def _fixed(holding: Holding) -> Load:
    """Return what never goes: what is of a class kept indefinitely."""
    size = holding.size
    return Load(
        files=max(0, size.files - sum(load.files for load in holding.histogram.values())),
        bytes=max(0, size.bytes - sum(load.bytes for load in holding.histogram.values())),
        allocated=max(0, size.allocated - sum(load.allocated for load in holding.histogram.values())),
    )


def expiring(holding: Holding, now: int, days: int) -> list[Load]:
    """Return what expires on each of the coming days; what is expired already is part of the first."""
    result = [NOTHING] * days
    for kind in holding.area.rules.classes:
        for hour, load in holding.histograms.get(kind.number, {}).items():
            if kind.retention is None:
                continue
            day = max(0, ((hour + 1) * HOUR + kind.retention - now - 1) // DAY)
            if day < days:
                result[day] = result[day].plus(load)
    return result


# -- the disk


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When something will be, in days from now."""

    earliest: int | None = None
    """None: not within `HORIZON`."""
    latest: int | None = None
    """None: perhaps not within `HORIZON`."""
    is_known: bool = True
    """Whether enough was measured to say so."""

    def __str__(self) -> str:
        if self.earliest == 0 and self.latest == 0:
            return "now"
        if not self.is_known:
            return "not known yet"
        if self.earliest is None:
            return "not in sight"
        if self.latest is None:
            return f"in {_counted(self.earliest)} at the earliest"
        if self.latest == self.earliest:
            return f"in {_counted(self.latest)}"
        return f"in {self.earliest}–{_counted(self.latest)}"


def _counted(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How full a disk will be, day by day, in bytes; today is the first."""

    likely: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    is_known: bool

    def reaches(self, level: float) -> When:
        """Return when the disk holds more than `level` bytes."""
        if self.likely[0] > level:
            return When(earliest=0, latest=0)
        if not self.is_known:
            return When(is_known=False)
        return When(earliest=_first_above(self.high, level), latest=_first_above(self.low, level))


def _first_above(course: Sequence[float], level: float) -> int | None:
    return next((day for day, used in enumerate(course) if used > level), None)


def course_of(
    holdings: Sequence[Holding], used: int, outside: Inflow, now: int, *, days: int = HORIZON
) -> Course:
    """Return how a disk fills, of which `used` bytes are in use now.

    `outside` is what grows there beside the areas. A cleanup is taken to run every day.
    """
    rest = used - sum(holding.size.allocated for holding in holdings)
    likely, low, high = [], [], []
    for day in range(days + 1):
        amount, variance = rest + outside.bytes * day, outside.variance(day)
        for holding in holdings:
            held, uncertain = _held_after(holding, now, day) if day else (holding.size.allocated, 0.0)
            amount += held
            variance += uncertain
        spread = _SPREAD * sqrt(variance)
        likely.append(amount)
        low.append(amount - spread)
        high.append(amount + spread)
    known = all(holding.inflow.is_measured for holding in holdings) and outside.is_measured
    return Course(likely=tuple(likely), low=tuple(low), high=tuple(high), is_known=known)


def _held_after(holding: Holding, now: int, day: int) -> tuple[float, float]:
    """Return what an area holds on disk after so many days, and the variance of that."""
    area, inflow, ratio = holding.area, holding.inflow, holding.ratio
    retention = inf if holding.retention is None else holding.retention / DAY
    kept = min(day, retention)
    gone = holding.expired_at(now + day * DAY)
    amount = holding.size.allocated - gone + inflow.bytes * ratio * kept
    variance = inflow.variance(kept) * ratio**2
    if area.quota is not None and holding.retention is not None:
        bound = max(area.quota, inflow.bytes * min(kept, area.min_age / DAY) * ratio)
        if amount > bound:
            return bound, 0.0
    return amount, variance
