"""The trash, looked at: what waits there, and how much of that has waited long enough."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import ShelflifeError
from shelflife.files.trash import trash_names
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.plan import Purge
from shelflife.records.trash import TrashedRun
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from shelflife.files.anchor import Anchor
    from shelflife.files.trash import TrashName
    from shelflife.policy.area import Area


def due_in_trash(base: int, area: Area, now: int) -> Purge:
    """Return what waits in an area's trash, and how much of that has waited long enough at `now` (ns).

    A trash that was switched off keeps what is not expired; that is counted, too.
    """
    due = waiting = TrashedRun()
    with suppress(ShelflifeError), hold_roots(base, area) as (roots, _):
        for _, _, anchor in roots:
            for trashed in trash_names(anchor):
                found = count_run(anchor, trashed)
                waiting = together(waiting, found)
                if trashed.at < now - (area.trash or 0):
                    due = together(due, found)
    return Purge(due.files, due.bytes, waiting.files)


def count_run(anchor: Anchor, trashed: TrashName) -> TrashedRun:
    """Return what one run put into the trash and is still there, as far as it can be read."""
    files = size = 0
    with suppress(OSError):
        for _, _, entries in walk(anchor, f"{TRASH_DIRECTORY}/{trashed}/"):
            for entry in entries:
                files += entry.is_file
                size += entry.size if entry.is_file else 0
    return TrashedRun(files, size)


def together(one: TrashedRun | None, other: TrashedRun) -> TrashedRun:
    """Return the sum."""
    return other if one is None else TrashedRun(one.files + other.files, one.bytes + other.bytes)
