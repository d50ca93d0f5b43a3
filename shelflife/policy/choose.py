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
from typing import TYPE_CHECKING, Final

from shelflife.clock import HOUR, SECOND
from shelflife.policy.cutoff import BEGINNING, Cause, Cutoff, Cutoffs
from shelflife.policy.load import NOTHING, Histogram, Load

if TYPE_CHECKING:
    from shelflife.policy.area import Area

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


def by_retention(area: Area, now: int) -> Cutoff | None:
    """Return the cutoff that the area's retention gives at `now` (ns); None for an indefinite area."""
    if area.retention is None:
        return None
    return Cutoff(at=now - area.retention, cause=Cause.RETENTION)


def by_retention_of_classes(area: Area, now: int) -> Cutoffs:
    """Return the cutoffs that the retentions of an area's classes give at `now` (ns)."""
    return Cutoffs(
        tuple(
            None if kind.retention is None else Cutoff(at=now - kind.retention, cause=Cause.RETENTION)
            for kind in area.rules.classes
        )
    )


def over_quota(area: Area, holds: Load) -> Load:
    """Return what an area that holds so much has too much; nothing where it is within its bounds."""
    if area.retention is None:
        return NOTHING
    return Load(
        files=0 if area.max_files is None else max(0, holds.files - area.max_files),
        bytes=0 if area.quota is None else max(0, holds.bytes - area.quota),
    )


def by_quota(
    area: Area, now: int, holds: Load, histogram: Mapping[int, Load], measure: Measure
) -> Cutoff | None:
    """Return the cutoff at `now` (ns) of an area that `holds` so much: its quota's, or else its retention's.

    `histogram` (of hours) counts what may go; what is protected or held is part of `holds` only.
    """
    retention = by_retention(area, now)
    need = over_quota(area, holds)
    if retention is None or need == NOTHING:
        return retention
    reach = oldest_first(histogram, need, latest=now - area.min_age, measure=measure)
    return Cutoff(at=reach.at, cause=Cause.QUOTA) if reach.at > retention.at else retention


def oldest_first(histogram: Mapping[int, Load], need: Load, *, latest: int, measure: Measure) -> Reach:
    """Return the earliest cutoff, to the nanosecond, before which at least `need` is found.

    Never one later than `latest` (ns), which is returned where all before it is not enough. `histogram` has
    hours and may be out of date: the hour that decides is measured, and when it turns out to hold less, the
    search goes on.
    """
    if need == NOTHING:
        return Reach(at=BEGINNING, load=NOTHING, is_enough=True)
    return _search(dict(histogram), HOUR, NOTHING, need, latest, measure)


def newest(histogram: Mapping[int, Load], count: int, *, measure: Measure) -> int:
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
