"""Counting what waits in the trash, after whatever changes it.

A run knows what it has put there. What earlier runs put there is known from their time, so long as their
directory is there; it is walked only where something may have gone from it, or where nobody has counted it yet.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import ShelflifeError
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.records.trash import TrashedRun
from shelflife.remove.purge import trash_names
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.files.anchor import Anchor
    from shelflife.files.trash import TrashName
    from shelflife.policy.area import Area
    from shelflife.records.trash import TrashBook
    from shelflife.remove.report import RunReport


def count_trash(
    book: TrashBook, base: int, areas: Mapping[str, Area], report: RunReport | None = None
) -> None:
    """Record what waits in the trash of the areas now, after a run that `report` tells of; if none, anew."""
    known = book.known()
    put = {} if report is None else {area.area: area for area in report.areas}
    for name, area in areas.items():
        before = known.get(name, {}) if report is not None else {}
        own = put.get(name)
        if own is not None and own.purged:
            before = {}  # something has gone from there
        found: dict[str, TrashedRun] = {}
        with suppress(ShelflifeError), hold_roots(base, area) as (roots, _):
            for _, anchor in roots:
                for trashed in trash_names(anchor):
                    run = str(trashed)
                    if report is not None and own is not None and trashed.run == report.run:
                        found[run] = TrashedRun(own.trashed, own.trashed_bytes)
                    else:
                        found[run] = before.get(run) or _plus(found.get(run), _count(anchor, trashed))
            if found != known.get(name, {}):
                book.replace(name, found)


def _count(anchor: Anchor, trashed: TrashName) -> TrashedRun:
    files = size = 0
    with suppress(OSError):
        for _, _, entries in walk(anchor, f"{TRASH_DIRECTORY}/{trashed}/"):
            for entry in entries:
                files += entry.is_file
                size += entry.size if entry.is_file else 0
    return TrashedRun(files, size)


def _plus(one: TrashedRun | None, other: TrashedRun) -> TrashedRun:
    return other if one is None else TrashedRun(one.files + other.files, one.bytes + other.bytes)
