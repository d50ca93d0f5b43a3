"""The table of rules: what keeps a file.

The rules are asked in order, and the first that keeps a file says why it stays. What none keeps, goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from shelflife.policy.cutoff import Cutoff
    from shelflife.policy.rules.classes import Class

KEEP_FILE: Final = ".gitkeep"
"""Keeps an empty directory in a git checkout: never removed, never counted, at any depth."""


class File(NamedTuple):
    """A file or link as the rules see it."""

    path: str
    """Relative to its area's directory."""

    time: int
    """What its age is counted from, in ns since the epoch."""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


class Case(NamedTuple):
    """What a rule is asked about."""

    file: File

    of: Class
    """The file's class."""

    cutoff: Cutoff | None
    """The cutoff of that class; None keeps its files."""


class Need(Flag):
    """What a rule must know of a file."""

    NAME = auto()
    """Its name, beyond what makes its class."""
    CLASS = auto()
    TIME = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason to keep a file."""

    reason: Reason
    """What it is called, in every verdict, record and answer."""

    needs: Need
    """What its decision depends on."""

    keeps: Callable[[Case], bool]
    """Returns whether it keeps the file: the decision itself, pure."""

    compiled: bool = False
    """Whether the compiled code applies it, given what `Native` says. Otherwise an area that has this rule is
    read and cleaned by `judge` alone."""


def _is_keep_file(case: Case) -> bool:
    return case.file.name == KEEP_FILE


def _is_protected(case: Case) -> bool:
    return case.of.number != 0 and case.of.retention is None


def _is_indefinite(case: Case) -> bool:
    return case.cutoff is None


def _is_not_expired(case: Case) -> bool:
    return case.cutoff is not None and case.file.time >= case.cutoff.at


TABLE: Final[tuple[Rule, ...]] = (
    Rule(reason=Reason.KEEP_FILE, needs=Need.NAME, keeps=_is_keep_file, compiled=True),
    Rule(reason=Reason.PROTECTED, needs=Need.CLASS, keeps=_is_protected, compiled=True),
    Rule(reason=Reason.INDEFINITE, needs=Need.CLASS, keeps=_is_indefinite, compiled=True),
    Rule(reason=Reason.NOT_EXPIRED, needs=Need.TIME, keeps=_is_not_expired, compiled=True),
)
"""What keeps a file, in the order in which it is asked. (A test puts its own rule in by replacing this.)"""
