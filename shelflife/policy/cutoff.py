"""The cutoff: what was last changed before it goes.

Every reason to remove anything is a way to choose this one number for an area. Retention chooses
`now - retention`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shelflife.policy.area import Area


class Cause(StrEnum):
    """Why a cutoff is where it is."""

    RETENTION = "retention"
    """The area's retention: age alone decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """A point in time with its reason."""

    at: int
    """Nanoseconds since the epoch: files whose time is before it go, files of exactly that time stay."""

    cause: Cause
    """What chose it."""


def by_retention(area: Area, now: int) -> Cutoff | None:
    """Return the cutoff that the area's retention gives at `now` (ns); None for an indefinite area."""
    if area.retention is None:
        return None
    return Cutoff(at=now - area.retention, cause=Cause.RETENTION)
