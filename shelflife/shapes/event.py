"""Events: what changed, in the order in which it was recorded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from shelflife.formats import iso, printable
from shelflife.shapes.path import path_as_json
from shelflife.shapes.schema import Time, TypedDict, open_shape, shape

if TYPE_CHECKING:
    from shelflife.records.event_log import EventRecord
    from shelflife.records.event_log import Progress as ProgressValue

__all__ = ["Event", "Events", "Progress", "event_as_json", "progress_as_json"]


@open_shape
class Event(TypedDict):
    """One thing that happened; further keys depend on `kind`."""

    id: int
    """Grows with each event."""
    at: Time
    kind: str
    """What happened: `run.planning`, `run.progress`, `run.done`, `hold.added`, `alert.begun` and so on."""
    subject: str
    """Of what: the number of a run or hold, the id of a plan, the key of an alert."""


@shape
class Events(TypedDict):
    """Some events, in order."""

    events: list[Event]
    first: int
    """Number of the earliest event that is known; what was before is known no more."""
    next_after: int | None
    """The `after` that gives the next page; null at the end."""


@shape
class Progress(TypedDict):
    """How far a run is."""

    at: Time
    phase: str
    area: str
    done: int
    """Files."""
    total: int | None
    """Of so many; null while that is not known."""
    failed: int


def event_as_json(event: EventRecord, *, with_paths: bool) -> dict[str, Any]:
    """Return an event; names of files and texts that may have some are left out unless `with_paths`."""
    data = dict(event.data)
    path = data.pop("path_hex", None)
    text = data.pop("text", None)
    if with_paths:
        if path is not None:
            data |= path_as_json(os.fsdecode(bytes.fromhex(path)))
        if text is not None:
            data["text"] = printable(text)
    return {"id": event.id, "at": iso(event.at), "kind": event.kind, "subject": event.subject, **data}


def progress_as_json(progress: ProgressValue) -> Progress:
    """Return how far a run is."""
    return {
        "at": iso(progress.at),
        "phase": progress.phase,
        "area": progress.area,
        "done": progress.done,
        "total": progress.total,
        "failed": progress.failed,
    }
