"""Pages of a plan's files, by a cursor: however deep a page is, it reads its own directories only.

The plan is made anew for each page, and differs a little each time: what is due grows, what is gone is missing. A
cursor therefore says where the page before ended, not how many files it had.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from shelflife.run.preview import by_directory

if TYPE_CHECKING:
    from shelflife.policy.area import Area
    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.run.workplace import Workplace
    from shelflife.scan.planner import PlannedFile


class PlanCursor(NamedTuple):
    """Where a page of a plan's files ended."""

    area: str
    root: str
    """One of the area's directories."""
    directory: str
    """The due directory, below that."""
    path: str
    """The file, relative to the base path."""


def page_of_files(
    work: Workplace, plan: Plan, *, limit: int, after: PlanCursor | None = None
) -> tuple[list[PlannedFile], PlanCursor | None]:
    """Return at most `limit` files that a plan would remove, and the cursor after which there are more.

    They are ordered by area, directory and name. Raises OSError, StorageError.
    """
    page: list[PlannedFile] = []
    last: PlanCursor | None = None
    for due, files in by_directory(work, _areas_after(work, plan, after)):
        is_first = after is not None and (due.root, due.path) == (after.root, after.directory)
        for file in sorted(files, key=_name):
            if is_first and after is not None and _name(file) <= os.fsencode(after.path):
                continue
            if len(page) == limit:
                return page, last
            page.append(file)
            last = PlanCursor(file.area, due.root, due.path, file.path)
    return page, None


def _areas_after(work: Workplace, plan: Plan, after: PlanCursor | None) -> list[AreaPlan]:
    """Return what a plan has from the directory of a cursor on, in the order of the settings."""
    names = list(work.areas)
    areas = sorted(plan.areas, key=lambda area: names.index(area.area))
    if after is None or after.area not in names:
        return [_ordered(work.areas[area.area], area) for area in areas]
    rest = [area for area in areas if names.index(area.area) >= names.index(after.area)]
    return [
        _ordered(work.areas[area.area], area, after if area.area == after.area else None) for area in rest
    ]


def _ordered(area: Area, planned: AreaPlan, after: PlanCursor | None = None) -> AreaPlan:
    due = sorted(planned.due, key=lambda due: _place(area, due.root, due.path))
    if after is not None and after.root in area.directories:
        start = _place(area, after.root, after.directory)
        due = [found for found in due if _place(area, found.root, found.path) >= start]
    return replace(planned, due=tuple(due))


def _place(area: Area, root: str, path: str) -> tuple[int, bytes]:
    """Return where a due directory comes: by root, then by path."""
    return area.directories.index(root), os.fsencode(path)


def _name(file: PlannedFile) -> bytes:
    return os.fsencode(file.path)
