"""Holds: what a person pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.formats import iso, iso_or_none, printable
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.schema import Time, shape

if TYPE_CHECKING:
    from shelflife.policy.holds import Hold as HoldValue

__all__ = ["Hold", "hold_as_json"]


@shape
class Hold(Path):
    """A hold; `path` is relative to the base path."""

    id: int
    """Its number."""
    area: str
    tree: bool
    """Whether it is a directory, held with all below it."""
    run: int | None
    """The run that brought it back from the trash, and whose hold it is; null: a person named it."""
    members: bool
    """Whether not the path is held, but what the run brought back below it, and nothing else."""
    active: bool
    """Whether it holds now."""
    created: Time
    until: Time | None
    """When it ends by itself; null: when somebody ends it."""
    ended: Time | None
    """When somebody ended it."""
    reason: str
    actor: str
    """Who holds it; empty if nobody was named."""
    ended_by: str
    """Who ended or replaced it; empty if nobody did, or nobody was named."""


def hold_as_json(hold: HoldValue, *, now: int) -> Hold:
    """Return a hold, as seen at `now` (ns)."""
    return {
        **path_as_json(hold.path),
        "id": hold.id,
        "area": hold.area,
        "tree": hold.tree,
        "run": hold.run,
        "members": hold.of_members,
        "active": hold.is_active(now),
        "created": iso(hold.created),
        "until": iso_or_none(hold.until),
        "ended": iso_or_none(hold.ended),
        "reason": printable(hold.reason),
        "actor": printable(hold.actor),
        "ended_by": printable(hold.ended_by),
    }
