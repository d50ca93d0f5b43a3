"""Findings: what `check` says of a storage, one thing each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but somebody should know."""
    ERROR = "error"
    """Cleanups do not work like this, or not everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """What was looked at, in a word or two; stable."""

    level: Level

    message: str
    """What was found, and what to do about it."""


def ok(check: str, message: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check=check, level=Level.OK, message=message)


def warning(check: str, message: str) -> Finding:
    """Return a finding that somebody should know."""
    return Finding(check=check, level=Level.WARNING, message=message)


def error(check: str, message: str) -> Finding:
    """Return a finding that cleanups do not work like this."""
    return Finding(check=check, level=Level.ERROR, message=message)
