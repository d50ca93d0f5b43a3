"""Pressure: how much must go before a file system is full, and from where.

Between two watermarks: above `high` room is made until the share in use is below `low`. The share is `df`'s,
used / (used + available); what is reserved for root belongs to neither. Inodes count in the same way, where a
file system has a fixed number of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import HOUR
from shelflife.policy.choose import Measure, by_retention, oldest_first
from shelflife.policy.cutoff import Cause, Cutoff
from shelflife.policy.load import NOTHING, Histogram, Load, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.area import Area


class Space(NamedTuple):
    """What is used and what is to be had, in bytes or in inodes."""

    used: int
    available: int
    """To be had without being root."""

    @property
    def share(self) -> float:
        """Percent in use; 0 where there is nothing to have."""
        whole = self.used + self.available
        return 100 * self.used / whole if whole else 0.0

    def above(self, percent: int) -> bool:
        """Return whether more than `percent` is in use."""
        return self.used * 100 > percent * (self.used + self.available)

    def excess(self, percent: int) -> int:
        """Return how much less must be used for the share to be below `percent`."""
        whole = self.used + self.available
        return max(0, self.used + 1 - -(-percent * whole // 100)) if whole else 0


_UNLIMITED: Final = Space(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A file system at one moment."""

    space: Space
    """Bytes."""

    inodes: Space
    """Inodes; both zero where their number is not fixed (btrfs)."""

    def above(self, percent: int) -> bool:
        """Return whether more than `percent` of either is in use."""
        return self.space.above(percent) or self.inodes.above(percent)

    def pressing(self, percent: int) -> Usage:
        """Return only what is above `percent`: the other of the two needs no relief."""
        return Usage(
            space=self.space if self.space.above(percent) else _UNLIMITED,
            inodes=self.inodes if self.inodes.above(percent) else _UNLIMITED,
        )

    def like(self, other: Usage) -> Usage:
        """Return only what counts in another usage, too."""
        return Usage(
            space=self.space if other.space != _UNLIMITED else _UNLIMITED,
            inodes=self.inodes if other.inodes != _UNLIMITED else _UNLIMITED,
        )

    def excess(self, percent: int) -> Load:
        """Return what must go for both shares to be below `percent`."""
        return Load(files=self.inodes.excess(percent), allocated=self.space.excess(percent))


def still_needed(start: Usage, now: Usage, released: Load, percent: int) -> Load:
    """Return what must still go, when so much was `released` since `start`.

    What was released and does not show yet counts as freed: file systems that are slow to tell, or a writer
    that takes at once what is freed, must not make one check remove ever more.
    """
    return Load(
        files=_still(start.inodes, now.inodes, released.files, percent),
        allocated=_still(start.space, now.space, released.allocated, percent),
    )


def _still(start: Space, now: Space, released: int, percent: int) -> int:
    hidden = max(0, released - (start.used - now.used))
    return max(0, now.excess(percent) - hidden)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What an area could give, on the file system that is too full."""

    area: Area

    expired: Load
    """What is past its retention."""

    histogram: Histogram
    """By hour: what is not held."""

    measure: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """Where room is to be made, and whether that is enough."""

    cutoffs: tuple[tuple[str, Cutoff], ...]
    """Area by area, in the order in which they give."""

    is_enough: bool
    """Whether it would bring both shares below the low watermark."""

    is_hopeless: bool = False
    """Whether nothing unexpired is touched: all of it would not even bring them below the high watermark."""


def choose_cutoffs(
    candidates: Sequence[Candidate],
    usage: Usage,
    *,
    trash: Load,
    high: int,
    low: int,
    now: int,
    missing: Load = NOTHING,
) -> Relief:
    """Return the cutoffs that make room at `now` (ns).

    First the trash; then what is expired; then, only in areas with a priority and the lowest first, what is
    oldest, nothing younger than the area's `min_age`. `missing` is what an earlier try counted on in vain.
    """
    need = usage.excess(low).plus(missing)
    done = trash
    if done.covers(need):
        return Relief(cutoffs=(), is_enough=True)
    expired = [
        (candidate, retention)
        for candidate in candidates
        if candidate.expired != NOTHING and (retention := by_retention(candidate.area, now)) is not None
    ]
    done = done.plus(total(candidate.expired for candidate, _ in expired))
    chosen = {candidate.area.name: retention for candidate, retention in expired}
    if done.covers(need):
        return Relief(cutoffs=tuple(chosen.items()), is_enough=True)
    ranked = in_order(candidates)
    everything = done.plus(total(_removable(candidate, now) for candidate in ranked))
    if not everything.covers(usage.excess(high)):
        return Relief(cutoffs=tuple(chosen.items()), is_enough=False, is_hopeless=True)
    for candidate in ranked:
        if done.covers(need):
            break
        rest = need.less(done).plus(candidate.expired)
        reach = oldest_first(
            candidate.histogram, rest, latest=now - candidate.area.min_age, measure=candidate.measure
        )
        retention = by_retention(candidate.area, now)
        if retention is not None and reach.at <= retention.at:
            continue  # what `min_age` lets go is expired anyway
        done = done.plus(reach.load.less(candidate.expired))
        chosen.pop(candidate.area.name, None)
        chosen[candidate.area.name] = Cutoff(at=reach.at, cause=Cause.PRESSURE)
    return Relief(cutoffs=tuple(chosen.items()), is_enough=done.covers(need))


def in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return those whose unexpired files may go, in the order in which they do."""
    ranked = [
        (candidate.area.priority, position, candidate)
        for position, candidate in enumerate(candidates)
        if candidate.area.priority is not None and candidate.area.retention is not None
    ]
    return [candidate for _, _, candidate in sorted(ranked, key=lambda one: one[:2])]


def _removable(candidate: Candidate, now: int) -> Load:
    """Return what a candidate could give beyond what is expired."""
    latest = now - candidate.area.min_age
    # The hour in which that moment lies is left out: part of it is too young.
    whole = total(load for hour, load in candidate.histogram.items() if (hour + 1) * HOUR <= latest)
    return whole.less(candidate.expired)


def what_fills(usage: Usage, holdings: Sequence[tuple[Area, Load]]) -> list[str]:
    """Return in words what a file system is full of, the largest share first; shares below 1 % are left out."""
    kind, space = (
        ("inodes", usage.inodes) if usage.inodes.share > usage.space.share else ("space", usage.space)
    )
    parts: list[tuple[int, str]] = []
    for area, load in holdings:
        amount = load.files if kind == "inodes" else load.allocated
        parts.append((amount, f"in {area.name}, {_why_kept(area)}"))
    outside = space.used - sum(amount for amount, _ in parts)
    parts.append((outside, "outside the storage"))
    shares = [(100 * amount // space.used if space.used else 0, text) for amount, text in parts]
    return [
        f"{share} % of the used {kind} is {text}" for share, text in sorted(shares, reverse=True) if share
    ]


def _why_kept(area: Area) -> str:
    if area.retention is None:
        return "kept indefinitely"
    if area.priority is None:
        return "which has no priority"
    return "not old enough, or protected, held or in use"
