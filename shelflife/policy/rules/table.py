"""The table of rules: what keeps a file.

The rules are asked in order, and the first that keeps a file says why it stays. What none keeps, goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.policy.rules.file import KEEP_FILE, File, is_left_open
from shelflife.policy.verdict import Reason
from shelflife.settings import Per

if TYPE_CHECKING:
    from shelflife.policy.cutoff import Cutoff
    from shelflife.policy.rules.classes import Class
    from shelflife.policy.rules.neighbours import Neighbours
    from shelflife.settings import AreaSettings


class Case(NamedTuple):
    """What a rule is asked about."""

    file: File

    of: Class
    """The file's class."""

    cutoff: Cutoff | None
    """The cutoff of that class; None keeps its files."""

    settings: AreaSettings
    """The area as it was configured."""

    neighbours: Neighbours | None = None
    """All files right in its directory; None where they are not known."""


class RuleNeed(Flag):
    """What a rule must know of a file."""

    NAME = auto()
    """Its name, beyond what makes its class."""
    CLASS = auto()
    TIME = auto()
    NEIGHBOURS = auto()
    """The other files in its directory. Where they are not known, such a rule keeps the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason to keep a file."""

    reason: Reason
    """What it is called, in every verdict, record and answer."""

    needs: RuleNeed
    """What its decision depends on."""

    keeps: Callable[[Case], bool]
    """Returns whether it keeps the file: the decision itself, pure."""

    applies: Callable[[AreaSettings], bool] = lambda _: True
    """Returns whether it can keep anything in an area that is so configured; otherwise it is not asked there."""

    compiled: bool = False
    """Whether the compiled code applies it, given what `NativeRules` says. Otherwise an area that has this rule
    is read and cleaned by `judge` alone."""


def _is_keep_file(case: Case) -> bool:
    return case.file.path.endswith(KEEP_FILE) and case.file.name == KEEP_FILE


def _is_left_open(case: Case) -> bool:
    return ".nfs" in case.file.path and is_left_open(case.file.name)


def _is_protected(case: Case) -> bool:
    return case.of.number != 0 and case.of.retention is None


def _is_indefinite(case: Case) -> bool:
    return case.cutoff is None


def _is_not_expired(case: Case) -> bool:
    return case.cutoff is not None and case.file.time >= case.cutoff.at


def _is_among_newest(case: Case) -> bool:
    return case.cutoff is not None and case.cutoff.spares(case.file.time)


def _is_among_newest_here(case: Case) -> bool:
    if case.neighbours is None:
        return True
    oldest = case.neighbours.newest(case.of.number, case.settings.keep_newest.count)
    return oldest is None or case.file.time >= oldest


def _keeps_newest_of_directories(area: AreaSettings) -> bool:
    return area.keep_newest.per is Per.DIRECTORY and area.keep_newest.count > 0


TABLE: Final[tuple[Rule, ...]] = (
    Rule(reason=Reason.KEEP_FILE, needs=RuleNeed.NAME, keeps=_is_keep_file, compiled=True),
    Rule(reason=Reason.LEFT_OPEN, needs=RuleNeed.NAME, keeps=_is_left_open, compiled=True),
    Rule(reason=Reason.PROTECTED, needs=RuleNeed.CLASS, keeps=_is_protected, compiled=True),
    Rule(reason=Reason.INDEFINITE, needs=RuleNeed.CLASS, keeps=_is_indefinite, compiled=True),
    Rule(reason=Reason.NEWEST, needs=RuleNeed.TIME, keeps=_is_among_newest, compiled=True),
    Rule(reason=Reason.NOT_EXPIRED, needs=RuleNeed.TIME, keeps=_is_not_expired, compiled=True),
    Rule(
        reason=Reason.NEWEST,
        needs=RuleNeed.NEIGHBOURS,
        keeps=_is_among_newest_here,
        applies=_keeps_newest_of_directories,
    ),
)
"""What keeps a file, in the order in which it is asked. (A test puts its own rule in by replacing this.)"""
