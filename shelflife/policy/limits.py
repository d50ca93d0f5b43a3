"""Limits: when a person must confirm.

The journal remembers of each area what its last completed cleanup did, and under which settings. A run that
nobody watches waits for a person when it would remove a **large** part of an area *and* there is **doubt**
whether that is meant. Without doubt it is ordinary, however much is due; and what is small is not asked about.

Large is a share of the area's files that is many files, many bytes, or nearly all there is. Doubt has four
kinds (`DoubtKind`), each of them the trace that one family of slips leaves: nobody ever saw this area lose
anything; the settings changed towards removing more (`7` typed for `7d`); the clock is not where it should be;
what would go was not there when the last cleanup would have taken it (an archive was moved in).

A full disk cannot wait altogether: `unasked` says how much an area may give before a person has looked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shelflife.clock import DAY, SECOND
from shelflife.formats import counted, human_size
from shelflife.policy.changes import (
    OF_A_CLEANUP,
    OF_PURGING,
    OF_RELIEF,
    longest_retention,
    lowers_watermarks,
    remembered,
    removes_more,
    upgraded,
)
from shelflife.policy.cutoff import BEGINNING, KEEP_ALL, Cutoffs
from shelflife.policy.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.settings import LimitsSettings, Settings

APPROVAL_LASTS: Final = 7 * DAY
"""Nanoseconds that a plan may be approved after it was made, and that an approval serves."""

NEARLY_ALL: Final = 90
"""Percent of an area's files that are nearly all of them."""

FEW: Final = 20
"""Files below which an area may be emptied without its being large: a share of so few says little."""


class DoubtKind(StrEnum):
    """Why there is doubt."""

    NEW = "new"
    """The area never lost anything to a cleanup before."""

    CHANGED = "changed"
    """Since its last completed cleanup something changed towards removing more."""

    CLOCK = "clock"
    """The clock stands before the last cleanup, or much later than it."""

    ARRIVED = "arrived"
    """Most of what would go was due at the last cleanup already, which did not find it."""


class Doubt(NamedTuple):
    """A reason to ask a person."""

    kind: DoubtKind
    reason: str
    """Half a sentence, to follow "and"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What the journal remembers of an area's last completed cleanup."""

    at: int
    """When it ended, in ns since the epoch."""

    settings: Mapping[str, Any]
    """The settings then, as `remembered` gave them."""

    cutoffs: Mapping[str, int] = field(default_factory=dict)
    """Number of each class → its cutoff then (ns); empty where an older version wrote it."""

    left: int = 0
    """Files that it meant to remove and left, for they were in use, or could not be removed."""

    has_lost: bool = True
    """Whether this or an earlier cleanup removed anything from the area."""

    arrivals: int = 0
    """Percent of the area's files up to which a person has approved that they went by `DoubtKind.ARRIVED`."""


class Extent(NamedTuple):
    """How much of an area would go."""

    files: int
    bytes: int
    scanned: int
    """Files that the area has."""

    @classmethod
    def of(cls, plan: AreaPlan) -> Extent:
        """Return how much of its area a plan would take."""
        return cls(plan.files, plan.bytes, plan.scanned)


def deciding_settings(settings: Settings, area: str) -> dict[str, Any]:
    """Return what decides how much goes from an area, as plain values for the journal."""
    return remembered(settings.areas[area], settings.pressure)


def is_under(before: Mapping[str, Mapping[str, Any]], current: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether areas have the settings that were remembered, as far as these were known then."""
    return all(
        area in current and upgraded(settings).items() <= current[area].items()
        for area, settings in before.items()
    )


def interval_of(settings: Settings, now: int) -> int | None:
    """Return how long it is from the next slot of the schedule to the one after that (ns), if there are two."""
    schedule = Schedule.of(settings.cleanup)
    following = schedule.next_after(now)
    after_that = schedule.next_after(following) if following is not None else None
    return after_that - following if following is not None and after_that is not None else None


# -- retention and quota: they wait as a whole


def reasons_to_ask(
    plan: Plan, settings: Settings, last_runs: Mapping[str, LastRun], *, interval: int | None
) -> list[str]:
    """Return why a person must confirm a plan; nothing when it may run. `interval` (ns) of the schedule."""
    reasons = [
        f"{area.area}: {_extent(area, settings)}, and {doubt.reason}"
        for area in plan.areas
        if is_large(Extent.of(area), settings.limits)
        for doubt in [doubt_about(area, settings, last_runs.get(area.area), plan.made, interval)]
        if doubt is not None
    ]
    purges = [
        f"{area.area}: {_extent_of_purge(area)}, and {doubt.reason}"
        for area in plan.areas
        if is_large(Extent(*area.purge), settings.limits)
        for doubt in [doubt_about_purge(settings, area.area, last_runs.get(area.area), plan.made, interval)]
        if doubt is not None
    ]
    return [*reasons, *purges, *_beyond(plan, settings.limits)]


def is_large(extent: Extent, limits: LimitsSettings) -> bool:
    """Return whether so much would go from an area that it is asked about where there is doubt."""
    files, size, scanned = extent
    if files * 100 <= limits.confirm_above * scanned:
        return False
    return (
        files > limits.confirm_above_files
        or size > limits.confirm_above_bytes
        or (scanned >= FEW and files * 100 >= NEARLY_ALL * scanned)
    )


def doubt_about(
    plan: AreaPlan, settings: Settings, last: LastRun | None, now: int, interval: int | None
) -> Doubt | None:
    """Return why it is doubtful that what is planned for an area is meant, if it is. `now`, `interval` in ns."""
    current = deciding_settings(settings, plan.area)
    if last is not None and (change := removes_more(last.settings, current)):
        return Doubt(DoubtKind.CHANGED, f"since its last cleanup {change}")
    if last is None or not last.has_lost:
        return Doubt(DoubtKind.NEW, "no cleanup has ever removed anything from it")
    return _about_clock(last, current, now, interval) or _about_arrivals(plan, last)


def doubt_about_purge(
    settings: Settings, area: str, last: LastRun | None, now: int, interval: int | None
) -> Doubt | None:
    """Return why it is doubtful that an area's trash is to be purged, if it is. `now`, `interval` in ns.

    Only what changes the trash itself counts; where it was switched off, whatever makes files expire does, too.
    """
    if last is None:  # what waits there is from a time of which the journal knows nothing
        return Doubt(DoubtKind.NEW, "no cleanup of it is remembered")
    current = deciding_settings(settings, area)
    table = OF_PURGING if settings.areas[area].trash else OF_A_CLEANUP
    if (change := removes_more(last.settings, current, table)) is not None:
        return Doubt(DoubtKind.CHANGED, f"since its last cleanup {change}")
    return _about_clock(last, current, now, interval)


def _about_clock(last: LastRun, current: Mapping[str, Any], now: int, interval: int | None) -> Doubt | None:
    if now < last.at:
        return Doubt(DoubtKind.CLOCK, "the clock stands before its last cleanup")
    if now > last.at + 2 * max(interval or 0, longest_retention(current)):
        return Doubt(DoubtKind.CLOCK, "its last cleanup was so long ago that the clock may be wrong")
    return None


def _about_arrivals(plan: AreaPlan, last: LastRun) -> Doubt | None:
    arrived = plan.arrived - last.left
    if arrived * 2 <= plan.files or arrived_share(plan) <= last.arrivals:
        return None
    return Doubt(
        DoubtKind.ARRIVED,
        f"{arrived:,} of them were due at its last cleanup already, which did not find them: they came since, "
        "with times that are older (`age_from: arrived` counts from when they came)",
    )


def due_before(plan: AreaPlan, last: LastRun | None) -> Cutoffs:
    """Return the cutoffs before which an area's last cleanup took everything; none where nothing is known."""
    if last is None:
        return KEEP_ALL
    retention = last.settings.get("retention", -1)
    own = last.at - retention * SECOND if retention >= 0 else BEGINNING
    then = {"0": own, **last.cutoffs}  # the own class's, where an older version did not note it
    return Cutoffs(
        tuple(
            None if cutoff is None else replace(cutoff, at=min(cutoff.at, then.get(str(number), BEGINNING)))
            for number, cutoff in enumerate(plan.cutoffs.by_class)
        )
    )


def cutoffs_to_remember(cutoffs: Cutoffs) -> dict[str, int]:
    """Return the cutoffs of a cleanup as `LastRun` has them."""
    return {str(number): cutoff.at for number, cutoff in enumerate(cutoffs.by_class) if cutoff is not None}


def arrived_share(plan: AreaPlan) -> int:
    """Return the percent of an area's files that would go by `DoubtKind.ARRIVED`, rounded up."""
    return -(-plan.arrived * 100 // plan.scanned) if plan.scanned else 0


def _extent(plan: AreaPlan, settings: Settings) -> str:
    into = " into the trash" if settings.areas[plan.area].trash else ""
    return f"{plan.files:,} of {plan.scanned:,} files ({human_size(plan.bytes)}) would go{into}"


def _extent_of_purge(plan: AreaPlan) -> str:
    files, size, waiting = plan.purge
    return f"{files:,} of the {waiting:,} files in its trash ({human_size(size)}) would be removed for good"


def _beyond(plan: Plan, limits: LimitsSettings) -> Iterator[str]:
    if limits.max_files is not None and plan.files > limits.max_files:
        files = counted(plan.files, "file", "files")
        yield f"{files} would go, more than limits.max_files ({limits.max_files:,}) allows"
    if limits.max_bytes is not None and plan.bytes > limits.max_bytes:
        allowed = human_size(limits.max_bytes)
        yield f"{human_size(plan.bytes)} would go, more than limits.max_bytes ({allowed}) allows"


# -- pressure: it never waits altogether


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much of an area may go to make room before a person has been asked. The trash always may."""

    expired: bool
    """Whether what is expired may go."""

    unexpired: int
    """Files that are not expired, and may go all the same."""

    doubt: Doubt | None = None
    """Why that is less than it could be, for whoever is told."""


def unasked(expired: Extent, limits: LimitsSettings, doubt: Doubt | None, *, taken: int = 0) -> Allowance:
    """Return how much may go from an area whose disk is full. `expired` is what counts as that.

    Without doubt all that is expired, and at most `confirm_above` of what is not. Where the settings have
    changed, or the clock is not where it should be, nobody knows what is expired: a large part does not go as
    such, for that would carry out the slip that a cleanup waits for; and nothing that is not expired goes.
    `taken` are the files that went unexpired since the last completed cleanup. Such a run may be repeated every
    minute, and must not take half of the rest each time.
    """
    if doubt is not None and limits.confirm_above < 100:
        return Allowance(expired=not is_large(expired, limits), unexpired=0, doubt=doubt)
    share = limits.confirm_above * (expired.scanned - expired.files + taken) // 100
    return Allowance(expired=True, unexpired=max(0, share - taken))


def doubt_about_relief(
    settings: Settings, area: str, last: LastRun | None, now: int, *, interval: int | None
) -> Doubt | None:
    """Return why it is doubtful what an area may give to make room, if it is. `now`, `interval` in ns."""
    if last is None:
        return None
    current = deciding_settings(settings, area)
    change = removes_more(last.settings, current, OF_RELIEF) or lowers_watermarks(last.settings, current)
    if change is not None:
        return Doubt(DoubtKind.CHANGED, f"since its last cleanup {change}")
    return _about_clock(last, current, now, interval)
