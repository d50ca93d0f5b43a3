"""What nobody is likely to have meant: told by `check`, and before anything was ever cleaned, by `plan`.

Files from the future never expire, a directory of no area is never cleaned, and seconds are what a retention
without a unit is counted in.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from shelflife.clock import HOUR, SECOND
from shelflife.explain.findings import Finding, warning
from shelflife.formats import human_size, moment
from shelflife.settings import BASE_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shelflife.policy.area import Area
    from shelflife.records.index import Index

_SHORT: Final = 3600 * SECOND
"""A retention (ns) below this is likely to lack its unit."""

_VERY_SHORT: Final = 600 * SECOND
"""Likewise of other durations (ns), which may well be minutes."""

_MOST: Final = 5
"""Names that are told."""

_NOBODYS: Final = frozenset({"lost+found", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information"})
"""What file systems and their servers make for themselves; hidden directories are left out, too."""


def unexpected(base_path: Path, areas: Iterable[Area], index: Index | None, now: int) -> Iterator[Finding]:
    """Yield what is unlikely to be meant, of a storage at `now` (ns), as far as the index knows it."""
    areas = list(areas)
    for area in areas:
        for what, duration, means in _short(area):
            seconds = duration // SECOND
            unit = "second" if seconds == 1 else "seconds"
            hint = f'a number without a unit means seconds ("{seconds}d" would be days)'
            yield warning(f"area {area.name}", f"{what} is {seconds} {unit}: {means}; {hint}")
        if index is not None:
            yield from _from_the_future(area, index, now)
    yield from _of_no_area(base_path, areas)


def _short(area: Area) -> Iterator[tuple[str, int, str]]:
    """Yield what of an area is so short (ns) that its unit is likely to be missing, and what it means."""
    if area.retention is not None and area.retention < _SHORT:
        yield "retention", area.retention, "files go that soon"
    for kind in area.rules.classes[1:]:
        if kind.retention is not None and kind.retention < _SHORT:
            yield f"retention of {', '.join(kind.patterns.patterns)}", kind.retention, "files go that soon"
    if area.trash is not None and area.trash < _VERY_SHORT:
        yield "trash", area.trash, "what was removed can be brought back no longer than that"
    if 0 < area.min_age < _VERY_SHORT:
        yield "min_age", area.min_age, "anything older may go because of a quota or a full disk"


def _from_the_future(area: Area, index: Index, now: int) -> Iterator[Finding]:
    files, size, newest = 0, 0, now
    for directory in area.directories:
        totals = index.totals(directory)
        root = index.find(directory)
        if root is None or totals.newest is None or totals.newest <= now + HOUR:
            continue
        newest = max(newest, totals.newest)
        for hour, load in index.hours(root).items():
            if hour > now // HOUR + 1:
                files += load.files
                size += load.bytes
    if files:
        yield warning(
            f"area {area.name}",
            f"{files:,} {'file' if files == 1 else 'files'} ({human_size(size)}) from the future, up to "
            f"{moment(newest)}: they will not expire before then; check the clock of whatever writes them, and "
            "`touch` them",
        )


def _of_no_area(base_path: Path, areas: Iterable[Area]) -> Iterator[Finding]:
    """Tell of directories beside the areas' own, at the base path and on the way to each area."""
    owners = {directory: area.name for area in areas for directory in area.directories}
    if BASE_PATH in owners:
        return
    ways = {"", *(parent for directory in owners for parent in _parents(directory))}
    strangers = [
        directory
        for way in sorted(ways)
        for directory in _directories(base_path, way)
        if directory not in owners and directory not in ways
    ]
    keys = {area.name: area.directories[0] for area in areas}
    for directory in strangers[:_MOST]:
        own = keys.get(directory.replace("-", "_"))
        hint = f" (area {directory.replace('-', '_')} is {own}/)" if own else ""
        yield warning(
            "base path", f"{directory}/ belongs to no area{hint}: nothing in it is counted or removed"
        )
    if len(strangers) > _MOST:
        yield warning("base path", f"{len(strangers) - _MOST} more directories belong to no area")


def _parents(directory: str) -> Iterator[str]:
    while "/" in directory:
        directory = directory.rpartition("/")[0]
        yield directory


def _directories(base_path: Path, way: str) -> list[str]:
    """Return the directories right below a directory, relative to the base path; none if it cannot be read."""
    try:
        with os.scandir(base_path / way) as listing:
            names = sorted(entry.name for entry in listing if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [f"{way}/{name}" if way else name for name in names if name not in _NOBODYS and name[0] != "."]
