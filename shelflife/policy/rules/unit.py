"""Units: a directory right below an area that goes as one thing, or stays as one.

What keeps one of its members keeps all of it. Its directories are members, too: a tree that was unpacked a
minute ago, with the old times of its files, is a minute old. Noise (`ignore`) counts for nothing, neither by its
own time nor by that which it gave the directory that it was put into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.policy.cutoff import BEGINNING
from shelflife.policy.verdict import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.policy.cutoff import Cutoffs


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A directory right below an area that goes as one, in the numbers that decide. Times in ns."""

    newest: Mapping[int, int]
    """By class: the time of its newest file or link that is no noise, of the classes that there are."""

    changed: int
    """The latest time of its directories (`directory_time`)."""

    protected: int = 0
    """Files and directories in it that a pattern keeps for ever."""

    staying: int = 0
    """Entries in it that never go, such as `.gitkeep` and FIFOs."""

    kept: Reason | None = None
    """Why another member of it stays, whatever its age; None: none does."""

    held: bool = False
    """Whether a person holds it, or something in it."""

    in_use: bool = False
    """Whether somebody has a file in it open for writing."""

    @property
    def time(self) -> int:
        """What its age is counted from (ns): the newest of its files, links and directories."""
        return max(self.changed, *self.newest.values())


def directory_time(modified: int, noise: int = BEGINNING) -> int:
    """Return the time that a directory adds to its unit.

    That is when it was `modified` – when something was put into it, taken out or renamed – unless that may have
    been noise: what of it is in the directory was last changed at `noise`, or later than the directory was.
    """
    return BEGINNING if noise >= modified else modified


def judge_unit(unit: Unit, cutoffs: Cutoffs) -> Verdict:
    """Return the verdict on a unit: it goes by its newest members, and any that stays keeps all of it."""
    reason = _what_keeps(unit, cutoffs)
    return Verdict(remove=reason is None, reason=Reason.EXPIRED if reason is None else reason)


def _what_keeps(unit: Unit, cutoffs: Cutoffs) -> Reason | None:
    classes = unit.newest or {0: unit.changed}  # one without files is of the area's own class
    if all(cutoffs[number] is None for number in classes) and not unit.protected:
        return Reason.INDEFINITE
    if unit.held:
        return Reason.UNIT_HELD
    if unit.protected:
        return Reason.UNIT_PROTECTED
    if unit.in_use:
        return Reason.IN_USE
    if unit.staying:
        return Reason.SPECIAL
    if unit.kept is not None:
        return unit.kept
    return _what_is_young(unit, classes, cutoffs)


def _what_is_young(unit: Unit, classes: Mapping[int, int], cutoffs: Cutoffs) -> Reason | None:
    reason = None
    for number, newest in classes.items():
        time, cutoff = max(newest, unit.changed), cutoffs[number]
        if cutoff is None or (time >= cutoff.at and not cutoff.spares(time)):
            return Reason.UNIT_NOT_EXPIRED
        if time >= cutoff.at:
            reason = Reason.NEWEST
    return reason
