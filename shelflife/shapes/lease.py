"""Leases: what stays while somebody works on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.formats import iso, iso_or_none, printable
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.schema import Time, TypedDict, shape

if TYPE_CHECKING:
    from shelflife.run.leases import LeaseRecord

__all__ = ["Lease", "LeasedPath", "lease_as_json"]


@shape
class LeasedPath(Path):
    """What a lease keeps; `path` is relative to the base path."""

    area: str
    tree: bool
    """Whether it is a directory, kept with all below it."""


@shape
class Lease(TypedDict):
    """A lease."""

    id: str
    """Its name, never used again."""
    paths: list[LeasedPath]
    holder: str
    """Who has it, in words."""
    reason: str
    created: Time
    until: Time | None
    """When it ends by itself; null: with its process."""


def lease_as_json(lease: LeaseRecord) -> Lease:
    """Return a lease."""
    return {
        "id": lease.name,
        "paths": [{**path_as_json(hold.path), "area": hold.area, "tree": hold.tree} for hold in lease.holds],
        "holder": printable(lease.holder),
        "reason": printable(lease.reason),
        "created": iso(lease.created),
        "until": iso_or_none(lease.until),
    }
