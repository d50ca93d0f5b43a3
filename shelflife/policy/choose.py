"""Choosing cutoffs: every reason to remove anything is a way to choose this one number.

Retention chooses `now - retention`. A quota and a full disk need a certain amount gone: they choose the earliest
cutoff that frees so much, *oldest first*, and never one later than `now - min_age`.

That cutoff is found without looking at every file. The histogram of the index names the hour in which enough
is reached; the directories with files of that hour are listed once, which names the second and the nanosecond
(`oldest_first`). Files of the very same time stand or fall together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import HOUR, SECOND
from shelflife.policy.cutoff import BEGINNING, Cause, Cutoff, Cutoffs
from shelflife.policy.load import NOTHING, Histogram, Load, total

if TYPE_CHECKING:
    from shelflife.policy.area import Area

_EARLIEST: Final = -(2**62)
"""Where what is expired counts that would come too late by its time (ns)."""

_END: Final = 2**63 - 1
"""A time (ns) that is later than any."""

_DIRECT: Final = 100_000
"""Files of one hour up to which their times are gathered to the nanosecond at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far one must go, the oldest first."""

    at: int
    """The cutoff (ns)."""

    load: Load
    """What is before it."""

    is_enough: bool
    """Whether that is what was needed; otherwise it is all that there is."""


Measure = Callable[[int, int, int], Histogram]
"""Counts what has a time from the first moment (ns) on and before the second, in buckets of a width (ns)."""


class Stock(NamedTuple):
    """Files that may go, by their times."""

    histogram: Histogram
    """By hours; it may be out of date."""

    measure: Measure
    """Counts them as they are now."""


def by_retention(area: Area, now: int) -> Cutoff | None:
    """Return the cutoff that the area's retention gives at `now` (ns); None for an indefinite area."""
    if area.retention is None:
        return None
    return Cutoff(at=now - area.retention, cause=Cause.RETENTION)


def by_retention_of_classes(area: Area, now: int) -> Cutoffs:
    """Return the cutoffs that the retentions of an area's classes give at `now` (ns)."""
    return Cutoffs(
        tuple(
            None
            if kind.retention is None
            else Cutoff(at=now - kind.retention, cause=Cause.RULE if kind.number else Cause.RETENTION)
            for kind in area.rules.classes
        )
    )


def at_least(area: Area, now: int, cutoff: Cutoff) -> Cutoffs:
    """Return for each class that may go the later of what its retention gives at `now` (ns), and `cutoff`.

    A cutoff that is the retention's of the own class says nothing about others, which may be kept longer.
    """
    retention = by_retention_of_classes(area, now)
    if cutoff.cause is Cause.RETENTION:
        return retention
    return Cutoffs(
        tuple(None if own is None else cutoff if cutoff.at > own.at else own for own in retention.by_class)
    )


def over_quota(area: Area, holds: Load) -> Load:
    """Return what an area that holds so much has too much; nothing where it is within its bounds."""
    if not by_retention_of_classes(area, 0):
        return NOTHING
    return Load(
        files=0 if area.max_files is None else max(0, holds.files - area.max_files),
        allocated=0 if area.quota is None else max(0, holds.allocated - area.quota),
    )


def by_quota(area: Area, now: int, holds: Load, stocks: Mapping[int, Stock]) -> Cutoffs:
    """Return the cutoffs at `now` (ns) of an area that `holds` so much: its quota's, or else its retention's.

    `stocks` has the classes that may go; what is kept indefinitely, or held by a person, is part of `holds` only.
    Over all classes the oldest go first, after what is expired in its own class.
    """
    retention = by_retention_of_classes(area, now)
    need = over_quota(area, holds)
    if need == NOTHING:
        return retention
    expired, rest = _apart(stocks, retention)
    if expired.covers(need):
        return retention
    reach = oldest_first(rest.histogram, need.less(expired), latest=now - area.min_age, measure=rest.measure)
    return at_least(area, now, Cutoff(at=reach.at, cause=Cause.QUOTA))


def _apart(stocks: Mapping[int, Stock], retention: Cutoffs) -> tuple[Load, Stock]:
    """Return how much is expired, and what is not: of all classes together."""
    expired = NOTHING
    histogram: Histogram = {}
    for number, stock in stocks.items():
        at = retention.at(number)
        for hour, load in stock.histogram.items():
            gone = NOTHING
            if (hour + 1) * HOUR <= at:
                gone = load
            elif hour * HOUR < at:  # the hour in which the retention ends
                gone = total(stock.measure(hour * HOUR, at, HOUR).values())
            expired = expired.plus(gone)
            histogram[hour] = histogram.get(hour, NOTHING).plus(load.less(gone))

    def measure(start: int, end: int, width: int) -> Histogram:
        found: Histogram = {}
        for number, stock in stocks.items():
            for bucket, load in stock.measure(max(start, retention.at(number)), end, width).items():
                found[bucket] = found.get(bucket, NOTHING).plus(load)
        return found

    return expired, Stock(histogram, measure)


def expired_first(measures: Mapping[int, Measure], retention: Cutoffs, expired: Load) -> Measure:
    """Return what measures classes together, so that what is `expired` comes first, as if of the beginning.

    With one class only that is its own measure, in which it does anyway.
    """
    if len(measures) == 1:
        return next(iter(measures.values()))

    def measure(start: int, end: int, width: int) -> Histogram:
        found: Histogram = {_EARLIEST // width: expired} if start <= _EARLIEST < end else {}
        for number, one in measures.items():
            for bucket, load in one(max(start, retention.at(number)), end, width).items():
                found[bucket] = found.get(bucket, NOTHING).plus(load)
        return found

    return measure


def oldest_first(histogram: Mapping[int, Load], need: Load, *, latest: int, measure: Measure) -> Reach:
    """Return the earliest cutoff, to the nanosecond, before which at least `need` is found.

    Never one later than `latest` (ns), which is returned where all before it is not enough. `histogram` has
    hours and may be out of date: the hour that decides is measured, and when it turns out to hold less, the
    search goes on.
    """
    if need == NOTHING:
        return Reach(at=BEGINNING, load=NOTHING, is_enough=True)
    return _search(dict(histogram), HOUR, NOTHING, need, latest, measure)


def limited(area: Area, cutoffs: Cutoffs, stocks: Mapping[int, Stock]) -> Cutoffs:
    """Return cutoffs that keep the newest files of each class, of which an area's `keep_newest` says how many.

    `stocks` has, by class, what may go.
    """
    count = area.rules.settings.keep_newest.count
    if not count:
        return cutoffs
    return Cutoffs(
        tuple(
            None if cutoff is None else cutoff.limited(newest(*stocks[number], count=count))
            for number, cutoff in enumerate(cutoffs.by_class)
        )
    )


def newest(histogram: Mapping[int, Load], measure: Measure, *, count: int) -> int:
    """Return the time (ns) of the `count`th newest file, `BEGINNING` where there are fewer.

    What has that time or a later one stays. `histogram` has hours and may be out of date: only what is measured
    counts, so that no fewer are kept.
    """
    expected = 0
    for hour in sorted(histogram, reverse=True):
        expected += histogram[hour].files
        if expected < count:
            continue
        width = SECOND if expected > _DIRECT else 1
        bucket, missing = _bucket_of(measure(hour * HOUR, _END, width), count)
        if bucket is None:
            continue  # there are fewer by now: look further back
        if width > 1:
            bucket, _ = _bucket_of(measure(bucket * width, (bucket + 1) * width, 1), missing)
        return BEGINNING if bucket is None else bucket
    return BEGINNING


def _bucket_of(histogram: Mapping[int, Load], count: int) -> tuple[int | None, int]:
    """Return the bucket of the `count`th newest file, and how many of those there are in it."""
    for bucket in sorted(histogram, reverse=True):
        if histogram[bucket].files >= count:
            return bucket, count
        count -= histogram[bucket].files
    return None, count


def _search(histogram: Histogram, width: int, done: Load, need: Load, latest: int, measure: Measure) -> Reach:
    """Search in buckets of a width, before which `done` is found already."""
    while True:
        bucket, below = _deciding(histogram, width, done, need, latest)
        if bucket is None:
            return Reach(at=latest, load=below, is_enough=False)
        if width == 1:
            return Reach(at=bucket + 1, load=below.plus(histogram[bucket]), is_enough=True)
        finer = SECOND if width == HOUR and histogram[bucket].files > _DIRECT else 1
        measured = measure(bucket * width, min((bucket + 1) * width, latest), finer)
        reach = _search(measured, finer, below, need, latest, measure)
        if reach.is_enough:
            return reach
        histogram[bucket] = reach.load.less(below)


def _deciding(
    histogram: Mapping[int, Load], width: int, done: Load, need: Load, latest: int
) -> tuple[int | None, Load]:
    """Return the bucket that reaches `need`, or None, and what is before it."""
    for bucket in sorted(histogram):
        if bucket * width >= latest:
            break
        following = done.plus(histogram[bucket])
        if following.covers(need):
            return bucket, done
        done = following
    return None, done
