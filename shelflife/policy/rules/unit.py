"""Units: what goes as one thing, or stays as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.policy.verdict import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.policy.cutoff import Cutoffs


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A directory right below an area that goes as one, in the numbers that decide."""

    newest: Mapping[int, int]
    """By class: the time (ns) of its newest file or link, of the classes that there are."""

    changed: int
    """When the latest of its directories was modified (ns): what was unpacked just now is not old."""

    protected: int
    """Files in it that are of a class kept for ever."""

    staying: int
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


def judge_unit(unit: Unit, cutoffs: Cutoffs) -> Verdict:
    """Return the verdict on a unit: it goes by its newest member, and any member that stays keeps all of it."""
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
    if any(max(newest, unit.changed) >= cutoffs.at(number) for number, newest in classes.items()):
        return Reason.UNIT_NOT_EXPIRED
    return None
