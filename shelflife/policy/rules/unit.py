"""Units: what goes as one thing, or stays as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.policy.verdict import Reason, Verdict

if TYPE_CHECKING:
    from shelflife.policy.cutoff import Cutoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A directory right below an area that goes as one, in the numbers that decide."""

    newest: int | None
    """Time (ns) of its newest file or link; None when it has none."""

    changed: int
    """When the latest of its directories was modified (ns)."""

    protected: int
    """Files in it that a pattern protects."""

    staying: int
    """Entries in it that never go, such as `.gitkeep` and FIFOs."""

    held: bool = False
    """Whether a person holds it, or something in it."""

    in_use: bool = False
    """Whether somebody has a file in it open for writing."""


def judge_unit(unit: Unit, cutoff: Cutoff | None) -> Verdict:
    """Return the verdict on a unit: it goes by its newest file, and any member that stays keeps all of it."""
    if cutoff is None:
        return Verdict(remove=False, reason=Reason.INDEFINITE)
    if unit.held:
        return Verdict(remove=False, reason=Reason.UNIT_HELD)
    if unit.protected:
        return Verdict(remove=False, reason=Reason.UNIT_PROTECTED)
    if unit.in_use:
        return Verdict(remove=False, reason=Reason.IN_USE)
    if unit.staying:
        return Verdict(remove=False, reason=Reason.SPECIAL)
    if (unit.changed if unit.newest is None else unit.newest) >= cutoff.at:
        return Verdict(remove=False, reason=Reason.UNIT_NOT_EXPIRED)
    return Verdict(remove=True, reason=Reason.EXPIRED)
