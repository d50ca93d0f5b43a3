"""The verdict on one file: whether it goes, and why – a reason for keeping as for removing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shelflife.policy.area import KEEP_FILE

if TYPE_CHECKING:
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff


class Reason(StrEnum):
    """Why something goes or stays."""

    EXPIRED = "expired"
    """Its time is before the cutoff."""

    NOT_EXPIRED = "not expired"
    """Its time is not before the cutoff."""

    INDEFINITE = "indefinite"
    """The area keeps its files for ever."""

    PROTECTED = "protected"
    """A pattern of the area keeps it."""

    KEEP_FILE = "keep file"
    """A `.gitkeep` is never removed."""

    UNIT_NOT_EXPIRED = "unit not expired"
    """Another file of its unit is not expired, so all of the unit stays."""

    UNIT_PROTECTED = "unit protected"
    """Another file of its unit is protected, so all of the unit stays."""

    CHANGED = "changed"
    """It was no longer the file that was listed when its turn came."""

    VANISHED = "vanished"
    """Somebody else removed or renamed it first."""

    NOT_REACHED = "not reached"
    """The run ended, or its directory failed, before its turn came."""

    HELD = "held"
    """A person pinned it, or a directory above it."""

    UNIT_HELD = "unit held"
    """Another file of its unit is held, so all of the unit stays."""

    IN_USE = "in use"
    """Somebody has it open for writing."""

    PURGED = "purged"
    """Its time in the trash was over."""

    SPECIAL = "special file"
    """A FIFO, socket or device: never removed, reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a file, and why."""

    remove: bool
    """Whether it goes."""

    reason: Reason
    """Why."""

    pattern: str | None = None
    """The pattern that decided, when one did."""


def judge(path: str, time: int, area: Area, cutoff: Cutoff | None) -> Verdict:
    """Return the verdict on the file at `path` (relative to its area's directory) of file time `time` (ns)."""
    if path.rpartition("/")[2] == KEEP_FILE:
        return Verdict(remove=False, reason=Reason.KEEP_FILE)
    if pattern := area.protection.deciding(path):
        return Verdict(remove=False, reason=Reason.PROTECTED, pattern=pattern)
    if cutoff is None:
        return Verdict(remove=False, reason=Reason.INDEFINITE)
    if time >= cutoff.at:
        return Verdict(remove=False, reason=Reason.NOT_EXPIRED)
    return Verdict(remove=True, reason=Reason.EXPIRED)


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
