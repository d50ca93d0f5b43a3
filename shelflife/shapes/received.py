"""What is being received, and what was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.formats import iso_or_none
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.schema import Time, shape

if TYPE_CHECKING:
    from shelflife.receive.resumable import ReservationRecord

__all__ = ["Received", "Reservation", "received_as_json", "reservation_as_json"]


@shape
class Received(Path):
    """A file that was received; `path` is relative to the base path."""

    bytes: int


@shape
class Reservation(Path):
    """Room that is promised to a file; `path` is where it is to be, relative to the base path."""

    id: str
    """Its name, never used again."""
    area: str
    promised: int
    """Bytes."""
    offset: int | None
    """How many of them are there; null where a process of its own writes it."""
    until: Time | None
    """When it is given up unless somebody goes on; null: with its process."""


def received_as_json(path: str, size: int) -> Received:
    """Return a file that was received."""
    return {**path_as_json(path), "bytes": size}


def reservation_as_json(record: ReservationRecord) -> Reservation:
    """Return a reservation."""
    return {
        **path_as_json(record.path),
        "id": record.name,
        "area": record.area,
        "promised": record.promised,
        "offset": record.offset,
        "until": iso_or_none(record.until),
    }
