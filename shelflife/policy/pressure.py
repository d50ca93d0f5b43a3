"""Pressure: what must go before a file system is full, and from where.

How much is a matter of its watermarks (`shelflife.policy.watermark`), less what is on its way already
(`shelflife.policy.gain`). First the trash goes; then what is expired; then, only in areas with a priority and
the lowest first, what is oldest, nothing younger than the area's `min_age`; where inodes are missing, empty
directories before any file. Of what is not expired a small portion goes first, and no more than an area gives
unasked (`shelflife.policy.limits`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import HOUR
from shelflife.policy.choose import Measure, Reach, by_retention, oldest_first
from shelflife.policy.cutoff import BEGINNING, Cause, Cutoff
from shelflife.policy.gain import first_portion
from shelflife.policy.load import NOTHING, Histogram, Load, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shelflife.policy.area import Area
    from shelflife.policy.gain import OnItsWay
    from shelflife.policy.watermark import Usage, Watermarks

ANY_NUMBER: Final = 2**63
"""More files than there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What must go from a file system."""

    enough: Load
    """For the low levels to be reached."""

    least: Load
    """For it to be no longer too full."""

    may_take_unexpired: bool = True
    """Whether what is not expired may go: not as long as what went before gave no room."""

    @classmethod
    def of(cls, marks: Watermarks, usage: Usage, expected: OnItsWay | None, missing: Load = NOTHING) -> Need:
        """Return what must go beyond what is `expected`; `missing` is what an earlier try counted on in vain."""
        coming = NOTHING if expected is None else marks.only(expected.load)
        return cls(
            enough=marks.above_low(usage).plus(missing).less(coming),
            least=marks.above_high(usage).less(coming),
            may_take_unexpired=expected is None or expected.has_shown or coming == NOTHING,
        )


@dataclass(frozen=True, slots=True)
class Empty:
    """Empty directories of an area: an inode each, and nothing that could be lost."""

    expired: int = 0
    """Those past their retention."""

    others: tuple[int, ...] = ()
    """Times (ns) of the others that may go, the oldest first."""

    @property
    def all(self) -> int:
        """How many there are."""
        return self.expired + len(self.others)


class Stage(NamedTuple):
    """A step on the way to room: what is before a cutoff goes from an area."""

    area: str
    cutoff: Cutoff
    only_empty: bool = False
    """Whether only empty directories go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What an area could give, on the file system that is too full."""

    area: Area

    expired: Load
    """What is past its retention."""

    histogram: Histogram
    """By hour: what is not held."""

    measure: Measure

    unasked: int = ANY_NUMBER
    """Unexpired files that may go before a person was asked."""

    empty: Empty = field(default_factory=Empty)
    """Its empty directories, where inodes are needed."""

    @property
    def expired_inodes(self) -> Load:
        """What is past its retention, the empty directories included."""
        return self.expired.plus(Load(files=self.empty.expired))


class Withheld(NamedTuple):
    """What an area would have had to give beyond what it gives unasked."""

    area: str
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefPlan:
    """Where room is to be made, and whether that is enough."""

    expired: tuple[tuple[str, Cutoff], ...] = ()
    """The cutoffs of what is expired, which goes first."""

    empty: tuple[tuple[str, Cutoff], ...] = ()
    """The cutoffs of empty directories that are not expired, which go next."""

    first: tuple[tuple[str, Cutoff], ...] = ()
    """The cutoffs of the first portion of what is not: it must show before more goes."""

    cutoffs: tuple[tuple[str, Cutoff], ...] = ()
    """The final cutoffs, area by area in the order in which they give."""

    is_enough: bool
    """Whether it would reach the low levels."""

    is_hopeless: bool = False
    """Whether nothing unexpired is touched: all of it would not even do for the high levels."""

    withheld: tuple[Withheld, ...] = ()
    """What would be needed, too, and waits for a person."""

    @property
    def stages(self) -> list[Stage]:
        """What goes, in this order."""
        return [
            *(Stage(*one) for one in self.expired),
            *(Stage(*one, only_empty=True) for one in self.empty),
            *(Stage(*one) for one in (*self.first, *self.cutoffs)),
        ]


def choose_cutoffs(candidates: Sequence[Candidate], need: Need, *, trash: Load, now: int) -> ReliefPlan:
    """Return the cutoffs that make room at `now` (ns), when so much waits in the `trash`."""
    if trash.covers(need.enough):
        return ReliefPlan(is_enough=True)
    expired = _expired([one for one in candidates if one.expired_inodes != NOTHING], now)
    done = trash.plus(total(candidate.expired_inodes for candidate in candidates))
    if done.covers(need.enough):
        return ReliefPlan(expired=expired, cutoffs=expired, is_enough=True)
    if not need.may_take_unexpired:
        return ReliefPlan(expired=expired, cutoffs=expired, is_enough=False)
    ranked = in_order(candidates)
    everything = done.plus(total(_removable(candidate, now) for candidate in ranked))
    if not everything.covers(need.least):
        return ReliefPlan(expired=expired, cutoffs=expired, is_enough=False, is_hopeless=True)
    empty, rest = _give_empty(ranked, need.enough.less(done))
    giving = {name for name, _ in (*expired, *empty)}
    expired = _expired([one for one in candidates if one.area.name in giving], now)
    given = _give(ranked, rest, now)
    return ReliefPlan(
        expired=expired,
        empty=empty,
        first=tuple(_give(ranked, first_portion(rest), now).cutoffs.items()),
        cutoffs=_with(expired, given.cutoffs),
        is_enough=given.rest == NOTHING,
        withheld=tuple(given.withheld),
    )


def _expired(candidates: Iterable[Candidate], now: int) -> tuple[tuple[str, Cutoff], ...]:
    """Return the cutoffs that the retentions of areas give at `now` (ns)."""
    found = ((candidate.area.name, by_retention(candidate.area, now)) for candidate in candidates)
    return tuple((name, retention) for name, retention in found if retention is not None)


def _give_empty(ranked: Sequence[Candidate], rest: Load) -> tuple[tuple[tuple[str, Cutoff], ...], Load]:
    """Take empty directories from area after area, the oldest first; return their cutoffs, and the rest."""
    cutoffs = []
    for candidate in ranked:
        times = candidate.empty.others[: rest.files]
        if times:
            cutoffs.append((candidate.area.name, Cutoff(at=times[-1] + 1, cause=Cause.PRESSURE)))
            rest = rest.less(Load(files=len(times)))
    return tuple(cutoffs), rest


class _Given(NamedTuple):
    """What areas give beyond what is expired."""

    cutoffs: dict[str, Cutoff]
    rest: Load
    """What is needed and not given."""
    withheld: list[Withheld]


def _give(ranked: Sequence[Candidate], rest: Load, now: int) -> _Given:
    """Take what is needed from area after area, the oldest first; what one may not give, the next one does."""
    cutoffs: dict[str, Cutoff] = {}
    withheld: list[Withheld] = []
    for candidate in ranked:
        if rest == NOTHING:
            break
        retention = by_retention(candidate.area, now)
        reach = _reach(candidate, rest, now - candidate.area.min_age)
        if retention is None or reach.at <= retention.at:
            continue  # what `min_age` lets go is expired anyway
        gives = reach.load.less(candidate.expired)
        if gives.files > candidate.unasked:
            reach = _at_most(candidate, candidate.unasked, reach)
            allowed = reach.load.less(candidate.expired)
            withheld.append(Withheld(candidate.area.name, gives.files - allowed.files))
            gives = allowed
        rest = rest.less(gives)
        if gives != NOTHING and reach.at > retention.at:
            cutoffs[candidate.area.name] = Cutoff(at=reach.at, cause=Cause.PRESSURE)
    return _Given(cutoffs, rest, withheld if rest != NOTHING else [])


def _reach(candidate: Candidate, wanted: Load, latest: int) -> Reach:
    return oldest_first(
        candidate.histogram, wanted.plus(candidate.expired), latest=latest, measure=candidate.measure
    )


def _at_most(candidate: Candidate, files: int, reach: Reach) -> Reach:
    """Return how far one may go with at most so many unexpired files, short of `reach`."""
    one_too_many = Load(files=candidate.expired.files + files + 1)
    beyond = oldest_first(candidate.histogram, one_too_many, latest=reach.at, measure=candidate.measure)
    at = beyond.at - 1  # before the moment of the one too many
    return Reach(at=at, load=total(candidate.measure(BEGINNING, at, HOUR).values()), is_enough=False)


def _with(
    expired: tuple[tuple[str, Cutoff], ...], given: dict[str, Cutoff]
) -> tuple[tuple[str, Cutoff], ...]:
    """Return the cutoffs of the areas that give only what is expired, then those of the others in their order."""
    return (*((name, cutoff) for name, cutoff in expired if name not in given), *given.items())


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
    return whole.less(candidate.expired).plus(Load(files=len(candidate.empty.others)))


# -- what fills a file system


class SpaceUse(NamedTuple):
    """Something that takes room on a file system."""

    what: str
    """In words, to follow "is"."""

    load: Load


def kept_in(area: Area) -> str:
    """Return in words why what an area holds was not taken."""
    if area.retention is None:
        return f"in {area.name}, kept indefinitely"
    if area.priority is None:
        return f"in {area.name}, which has no priority"
    return f"in {area.name}, not old enough, or protected, held or in use"


def what_fills(marks: Watermarks, usage: Usage, parts: Sequence[SpaceUse]) -> list[str]:
    """Return in words what a file system is full of, the largest share first; together they are 100 %."""
    inodes = bool(marks.inodes) and not marks.space
    kind, used = ("inodes", usage.inodes.used) if inodes else ("space", usage.space.used)
    amounts = [(part.load.files if inodes else part.load.allocated, part.what) for part in parts]
    inside = sum(amount for amount, _ in amounts)
    amounts.append((max(0, used - inside), "outside the storage"))
    shares = zip(_percentages([amount for amount, _ in amounts]), (text for _, text in amounts), strict=True)
    return [
        f"{share} % of the used {kind} is {text}" for share, text in sorted(shares, reverse=True) if share
    ]


def _percentages(amounts: Sequence[int]) -> list[int]:
    """Return whole percentages that add up to 100: what rounding leaves goes where most was cut off."""
    whole = sum(amounts)
    if not whole:
        return [0] * len(amounts)
    shares = [100 * amount // whole for amount in amounts]
    by_rest = sorted(range(len(amounts)), key=lambda n: (100 * amounts[n] % whole, amounts[n]), reverse=True)
    for position in by_rest[: 100 - sum(shares)]:
        shares[position] += 1
    return shares
