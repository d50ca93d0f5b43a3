"""Acts: who did what, when and by which way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from shelflife.formats import iso, printable
from shelflife.shapes.path import path_as_json
from shelflife.shapes.schema import Time, TypedDict, open_shape, shape

if TYPE_CHECKING:
    from collections.abc import Collection

    from shelflife.records.acts import ActRecord

__all__ = ["Act", "Acts", "act_as_json"]


@open_shape
class Act(TypedDict):
    """One thing that somebody did; further keys depend on `kind`, such as `area` and `path`."""

    id: int
    """Grows with each act."""
    at: Time
    actor: str
    """Who; empty if nobody was named."""
    via: str
    """By which way: http, cli, schedule, program; empty in records of versions before."""
    request: str
    """Id of the HTTP request, if it was one."""
    kind: str
    """What: `run.begun`, `run.stop-asked`, `plan.approved`, `hold.added`, `token.revoked` and so on."""
    subject: str
    """To what: the number of a run or hold, the id of a plan, the name of a token."""


@shape
class Acts(TypedDict):
    """Some acts, the latest first."""

    acts: list[Act]
    next_before: int | None
    """The `before` that gives the next page; null on the last one."""


def act_as_json(act: ActRecord, *, areas: Collection[str] = ()) -> dict[str, Any]:
    """Return an act; with `areas`, paths in others are left out."""
    data = dict(act.data)
    path = data.pop("path_hex", None)
    if path is not None and (not areas or data.get("area") in areas):
        data |= path_as_json(os.fsdecode(bytes.fromhex(path)))
    return {
        "id": act.id,
        "at": iso(act.at),
        "actor": printable(act.actor),
        "via": act.via,
        "request": act.request,
        "kind": act.kind,
        "subject": printable(act.subject),
        **data,
    }
