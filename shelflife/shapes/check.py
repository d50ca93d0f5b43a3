"""What a check found, and whether a service is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from shelflife.explain.check import Level
from shelflife.formats import printable
from shelflife.shapes.schema import Schema, TypedDict, shape, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.explain.check import Finding as FindingValue

__all__ = ["Finding", "ServiceHealth", "finding_as_json", "health_as_json"]


@shape
class Finding(TypedDict):
    """One thing that was looked at."""

    check: str
    """What was looked at, in a word or two; stable."""
    level: Annotated[str, words_of(Level)]
    message: str
    """What was found, and what to do about it."""


@shape
class ServiceHealth(TypedDict):
    """Whether the service lives, or is ready."""

    status: Annotated[str, Schema(enum=["ok", "unavailable"])]
    problems: list[str]
    """What is in the way; empty when there is nothing."""
    alerts: list[str]
    """What needs a person, whether or not it is in the way."""


def finding_as_json(finding: FindingValue) -> Finding:
    """Return what a check found."""
    return {"check": finding.check, "level": finding.level.value, "message": printable(finding.message)}


def health_as_json(problems: Sequence[str], alerts: Sequence[str] = ()) -> ServiceHealth:
    """Return whether a service is ready, given what is in the way, and what needs a person."""
    status = "unavailable" if problems else "ok"
    return {
        "status": status,
        "problems": [printable(problem) for problem in problems],
        "alerts": [printable(alert) for alert in alerts],
    }
