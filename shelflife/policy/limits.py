"""Limits: when a person must confirm.

The journal remembers each area's settings at its last completed run. A run that nobody watches is stopped when
it would remove a large part of an area *and* there is a reason to doubt that this is meant: the area was never
cleaned, its settings changed towards removing more (`7` typed for `7d`), or the clock is not where it should be.
Without such a reason it is ordinary, however much is due. What goes because of a quota or a full disk is bounded
by that amount, and asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shelflife.clock import DAY, SECOND
from shelflife.policy.cutoff import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shelflife.policy.area import Area
    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.settings import LimitsSettings

APPROVAL_LASTS: Final = 7 * DAY
"""Nanoseconds that a plan may be approved after it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What the journal remembers of an area."""

    at: int
    """When its last completed run ended, in ns since the epoch."""

    settings: Mapping[str, Any]
    """Its settings then, as `settings_of` gave them."""


def settings_of(area: Area) -> dict[str, Any]:
    """Return what of an area's settings decides how much goes, as plain values."""
    return {
        "retention": area.retention,
        "expire": str(area.expire),
        "age_from": str(area.rules.age_from),
        "protect": area.rules.protect,
        "directories": list(area.directories),
    }


def reasons_to_ask(
    plan: Plan,
    areas: Mapping[str, Area],
    last_runs: Mapping[str, LastRun],
    limits: LimitsSettings,
    *,
    interval: int | None,
) -> list[str]:
    """Return why a person must confirm a plan; nothing when it may run. `interval` (ns) of the schedule."""
    aged = [area_plan for area_plan in plan.areas if not _is_bounded(area_plan)]
    reasons = [
        f"{area_plan.area}: {area_plan.files} of {area_plan.scanned} files would go, and {reason}"
        for area_plan in aged
        if _is_large(area_plan, limits)
        for reason in [_doubt(areas[area_plan.area], last_runs.get(area_plan.area), plan.made, interval)]
        if reason is not None
    ]
    return [*reasons, *_beyond(aged, limits)]


def _is_bounded(plan: AreaPlan) -> bool:
    """Return whether an amount was asked for, which bounds it: age did not decide alone."""
    return any(cutoff and cutoff.cause is not Cause.RETENTION for cutoff in plan.cutoffs.by_class)


def _is_large(plan: AreaPlan, limits: LimitsSettings) -> bool:
    share = plan.files * 100 > limits.confirm_above * plan.scanned
    return share and plan.files > limits.confirm_above_files


def _doubt(area: Area, last: LastRun | None, now: int, interval: int | None) -> str | None:
    if last is None:
        return "the area was never cleaned before"
    if change := removes_more(last.settings, settings_of(area)):
        return f"since its last cleanup {change}"
    if now < last.at:
        return "the clock stands before the last cleanup"
    if now > last.at + 2 * max(interval or 0, area.retention or 0):
        return "the last cleanup was so long ago that the clock may be wrong"
    return None


def doubt_about_expired(
    area: Area, files: int, scanned: int, last: LastRun | None, now: int, limits: LimitsSettings
) -> str | None:
    """Return why so many files (of `scanned`) that count as expired must not go unseen on a full disk, if at all.

    A run that makes room asks nobody, but it must not carry out a slip of the keyboard either.
    """
    is_large = files * 100 > limits.confirm_above * scanned and files > limits.confirm_above_files
    if last is None or not is_large:
        return None
    if change := removes_more(last.settings, settings_of(area)):
        return f"since its last cleanup {change}"
    return "the clock stands before the last cleanup" if now < last.at else None


def removes_more(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Return how settings changed towards removing more, in words; None when they did not."""
    was, now = before.get("retention"), after.get("retention")
    if now is not None and (was is None or now < was):
        return f"its retention was shortened from {_seconds(was)} to {_seconds(now)}"
    if change := _protects_less(list(before.get("protect", ())), list(after.get("protect", ()))):
        return change
    if set(after["directories"]) - set(before.get("directories", ())):
        return "it has another directory"
    for name in ("expire", "age_from"):
        if before.get(name) != after[name]:
            return f"its setting {name} was changed from {before.get(name)} to {after[name]}"
    return None


def _protects_less(before: list[str], after: list[str]) -> str | None:
    if set(before) - set(after):
        return "patterns that protected files were taken away"
    if any(pattern.startswith("!") for pattern in set(after) - set(before)):
        return "a pattern that takes protection away was added"
    if any(pattern.startswith("!") for pattern in after) and [p for p in after if p in before] != before:
        return "patterns were put into another order, and the last one that matches decides"
    return None


def _beyond(plans: Sequence[AreaPlan], limits: LimitsSettings) -> Iterator[str]:
    files, size = sum(plan.files for plan in plans), sum(plan.bytes for plan in plans)
    if limits.max_files is not None and files > limits.max_files:
        yield f"{files} files would go, more than limits.max_files ({limits.max_files}) allows"
    if limits.max_bytes is not None and size > limits.max_bytes:
        yield f"{size} bytes would go, more than limits.max_bytes ({limits.max_bytes}) allows"


def _seconds(retention: int | None) -> str:
    return "indefinite" if retention is None else f"{retention // SECOND} s"
