"""Empty directories: each takes an inode, and holds nothing that could be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.files.held import held_directory
from shelflife.policy.choose import at_least, by_retention_of_classes
from shelflife.policy.cutoff import Cause, Cutoff
from shelflife.policy.pressure import Empty
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.scan.context import Context
    from shelflife.storage.root import AreaRoot


def empty_directories(context: Context, root: AreaRoot, cutoffs: Cutoffs) -> Iterator[tuple[str, int]]:
    """Yield path and mtime (ns) of what is empty and before its cutoff, as the index has it, in preorder.

    What is protected or held is left out, and what lies inside a unit: that goes with the unit.
    """
    index, area, holds = context.index, root.area, context.holds()
    for path, mtime in index.empty(index.root(root.directory)):
        if area.expire is Expire.DIRECTORY and path.count("/") > 1:
            continue
        if not area.rules.empty_goes(path, mtime, cutoffs):
            continue
        if held_directory(holds, root.anchor, area.name, root.directory, path) is None:
            yield path, mtime


def empty_of(context: Context, area: Area, roots: Iterable[AreaRoot], now: int) -> Empty:
    """Return the empty directories that an area could give at `now` (ns), not expired ones only by a priority."""
    retention = by_retention_of_classes(area, now)
    youngest = Cutoff(at=now - area.min_age, cause=Cause.PRESSURE)
    cutoffs = retention if area.priority is None else at_least(area, now, youngest)
    found = [one for root in roots for one in empty_directories(context, root, cutoffs)]
    others = [mtime for path, mtime in found if not area.rules.empty_goes(path, mtime, retention)]
    return Empty(len(found) - len(others), tuple(sorted(others)))
