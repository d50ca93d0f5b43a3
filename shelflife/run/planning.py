"""Planning: the index brought up to date, area by area, and what would go by cutoffs that are chosen then.

It changes nothing but the index. Nothing of what removes is needed here, nor imported: a command that only looks
does not wait for it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.policy.area import place_of
from shelflife.policy.choose import by_quota, by_retention_of_classes
from shelflife.policy.cutoff import KEEP_ALL, Cutoffs
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan
from shelflife.scan.measure import size_of, stocks_of
from shelflife.scan.newest import keeping_newest
from shelflife.scan.planner import due_directories
from shelflife.scan.refresh import Refresh, Refreshed
from shelflife.storage.areas import hold_roots
from shelflife.storage.root import AreaRoot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shelflife.policy.area import Area
    from shelflife.scan.context import Context


@dataclass(slots=True)
class _Found:
    """What looking at an area found."""

    cutoffs: Cutoffs = KEEP_ALL
    due: list[DueDirectory] = field(default_factory=list)
    scanned: int = 0
    special: int = 0
    errors: list[str] = field(default_factory=list)


def make_plan(
    context: Context,
    areas: Iterable[Area],
    *,
    at: int,
    cutoffs: Mapping[str, Cutoffs] | None = None,
) -> Plan:
    """Bring the index up to date and return what would go from `areas` at the moment `at` (ns).

    With `cutoffs` by area's name, what is before these, instead of those that are due at that moment.
    Raises Stopped.
    """
    plans = []
    for area in areas:
        if cutoffs is None:
            found = _look(context, area, at=at)
        else:
            found = _look(context, area, at=None, cutoffs=cutoffs[area.name])
        plans.append(
            AreaPlan(
                area=area.name,
                cutoffs=found.cutoffs,
                scanned=found.scanned,
                special=found.special,
                due=tuple(found.due),
                errors=tuple(found.errors),
                patterns=area.rules.patterns,
            )
        )
    return Plan(made=at, areas=tuple(plans))


def refresh_areas(context: Context, areas: Iterable[Area]) -> dict[str, list[str]]:
    """Bring the index up to date; return by area what could not be looked at. Raises as `make_plan`."""
    return {area.name: _look(context, area, at=None).errors for area in areas}


def _look(context: Context, area: Area, *, at: int | None, cutoffs: Cutoffs = KEEP_ALL) -> _Found:
    """Bring the index up to date for an area, and find what is before the cutoffs that are chosen at `at` (ns).

    Without `at`, before `cutoffs`; without either, nothing is looked for.
    """
    found = _Found(cutoffs=cutoffs if at is None else by_retention_of_classes(area, at))
    try:
        with hold_roots(context.base, area) as (roots, faults):
            found.errors.extend(faults)
            looked = {root: _refresh(context, root, found) for root in roots}
            if roots and not faults:
                _forget_others(context, area, {root.directory for root in looked})
            if found.cutoffs:
                _find_due(context, area, looked, found, at)
    except StorageError as error:  # this area leads away: nothing of it is touched, and the others go on
        found.errors.append(str(error))
    return found


def _refresh(context: Context, root: AreaRoot, found: _Found) -> Refreshed | None:
    """Bring the index up to date for one of an area's directories; None when it cannot be read."""
    try:
        refreshed = Refresh(context, root, cutoffs=found.cutoffs).run()
    except OSError as error:
        found.errors.append(f"{root.directory}: {error.strerror}")
        return None
    found.errors.extend(_errors(root.directory, refreshed))
    totals = context.index.totals(root.directory)
    found.scanned += totals.scanned
    found.special += totals.special
    return refreshed


def _find_due(
    context: Context,
    area: Area,
    looked: Mapping[AreaRoot, Refreshed | None],
    found: _Found,
    at: int | None,
) -> None:
    """Find what is before the area's cutoffs, which are chosen at `at` (ns) unless that is None."""
    counted = found.cutoffs
    readable = {root: refreshed for root, refreshed in looked.items() if refreshed is not None}
    if at is not None:
        found.cutoffs = _cutoffs_of(context, area, list(readable), at)
    found.cutoffs = keeping_newest(context, area, list(readable), found.cutoffs)
    for root, refreshed in readable.items():
        # what was counted before other cutoffs says nothing
        due = refreshed.due if found.cutoffs == counted else {}
        try:
            found.due.extend(due_directories(context, root, found.cutoffs, due))
        except OSError as error:
            found.errors.append(f"{root.directory}: {error.strerror}")


def _cutoffs_of(context: Context, area: Area, roots: Sequence[AreaRoot], at: int) -> Cutoffs:
    """Return the cutoffs of an area: by its quota, where that asks for more than its retentions."""
    if area.quota is None and area.max_files is None:
        return by_retention_of_classes(area, at)
    size = size_of(context.index, [root.directory for root in roots])
    return by_quota(area, at, size, stocks_of(context, area, roots, before=at - area.min_age))


def _forget_others(context: Context, area: Area, there: set[str]) -> None:
    """Forget those of an area's directories that are gone while another one is there.

    An area without any directory keeps its last known numbers: its volume may come back.
    """
    for directory in area.directories:
        if directory not in there and context.index.totals(directory).as_of:
            root = context.index.root(directory)
            context.index.drop(root, "")
            context.index.complete(root, as_of=0)


def _errors(directory: str, refreshed: Refreshed) -> list[str]:
    unreadable = [
        f"{place_of(directory, found.path) or directory}: {os.strerror(found.errno)}"
        for found in refreshed.unreadable
    ]
    return unreadable + [
        f"{place_of(directory, path)}: a volume of its own (a mount or a subvolume); it is not entered"
        for path in refreshed.mounts
    ]
