"""Units: a directory right below an area that goes as one thing, or stays as one.

What keeps one of its members keeps all of it. Its time is that of its newest member, its directories included: a
tree that was unpacked a minute ago, with the old times of its files, is a minute old. Noise (`ignore`) counts for
nothing, neither by its own time nor by that which it gave the directory that it was put into.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.policy.cutoff import BEGINNING
from shelflife.policy.verdict import Reason, Verdict

if TYPE_CHECKING:
    from shelflife.policy.cutoff import Cutoff, Cutoffs


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A directory right below an area that goes as one, in the numbers that decide. Times in ns."""

    newest: int | None
    """Time of its newest file or link; None when it has none but noise."""

    changed: int
    """The latest time of its directories (`directory_time`)."""

    classes: frozenset[int] = frozenset({0})
    """The classes of its files, by number, but for those of `protected` ones."""

    protected: int = 0
    """Files and directories in it that a pattern keeps indefinitely."""

    staying: int = 0
    """Entries in it that never go for another reason, such as `.gitkeep` and FIFOs."""

    held: bool = False
    """Whether a person holds it, or something in it."""

    in_use: bool = False
    """Whether somebody has a file in it open for writing."""

    @property
    def time(self) -> int:
        """What its age is counted from."""
        return self.changed if self.newest is None else max(self.newest, self.changed)


def directory_time(modified: int, noise: int = BEGINNING) -> int:
    """Return the time that a directory adds to its unit.

    That is when it was `modified` – when something was put into it, taken out or renamed – unless that may have
    been noise: what of it is in the directory was last changed at `noise`, or later than the directory was.
    """
    return BEGINNING if noise >= modified else modified


def judge_unit(unit: Unit, cutoffs: Cutoffs) -> Verdict:
    """Return the verdict on a unit: it goes by its newest member, and any member that stays keeps all of it."""
    strictest = min((cutoffs[number] for number in unit.classes), key=_moment, default=cutoffs.own)
    for reason, keeps in _TABLE:
        if keeps(unit, strictest):
            return Verdict(remove=False, reason=reason)
    return Verdict(remove=True, reason=Reason.EXPIRED)


def _moment(cutoff: Cutoff | None) -> int:
    return BEGINNING if cutoff is None else cutoff.at


def _is_not_expired(unit: Unit, cutoff: Cutoff | None) -> bool:
    return cutoff is not None and unit.time >= cutoff.at


_TABLE: Final[tuple[tuple[Reason, Callable[[Unit, Cutoff | None], bool]], ...]] = (
    (Reason.INDEFINITE, lambda _, cutoff: cutoff is None),
    (Reason.UNIT_HELD, lambda unit, _: unit.held),
    (Reason.UNIT_PROTECTED, lambda unit, _: unit.protected > 0),
    (Reason.IN_USE, lambda unit, _: unit.in_use),
    (Reason.SPECIAL, lambda unit, _: unit.staying > 0),
    (Reason.NEWEST, lambda unit, cutoff: cutoff is not None and cutoff.spares(unit.time)),
    (Reason.UNIT_NOT_EXPIRED, _is_not_expired),
)
"""What keeps a unit, in the order in which it is asked, given the cutoff of its class that is kept longest."""
