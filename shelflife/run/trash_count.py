"""Counting what waits in the trash, after whatever changes it.

A run knows what it has put there. What earlier runs put there is known from their time, so long as their
directory is there; it is walked only where something may have gone from it, or where nobody has counted it yet.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import ShelflifeError
from shelflife.files.trash import trash_names
from shelflife.records.trash import TrashedRun
from shelflife.scan.trash import count_run, together
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Mapping

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
            for _, _, anchor in roots:
                for trashed in trash_names(anchor):
                    run = str(trashed)
                    if report is not None and own is not None and trashed.run == report.run:
                        found[run] = TrashedRun(own.trashed, own.trashed_bytes)
                    else:
                        found[run] = before.get(run) or together(found.get(run), count_run(anchor, trashed))
            if found != known.get(name, {}):
                book.replace(name, found)
