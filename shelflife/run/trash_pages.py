"""Pages of what waits in the trash, by a cursor: however deep a page is, it reads its own directories only.

A cursor is where the page before ended. What is restored or purged meanwhile is missing, and nothing comes twice.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from shelflife.files.listing import Entry, EntryKind, read_directory
from shelflife.run.trashed import Part, PartFilter, TrashedFile, parts_of, trashed_file
from shelflife.storage.areas import hold_roots
from shelflife.storage.paths import locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.run.workplace import Workplace
    from shelflife.storage.root import AreaRoot

__all__ = ["TrashCursor", "TrashFilter", "page_of_trash", "wanted_of_trash"]


class TrashCursor(NamedTuple):
    """Where a page ended."""

    area: str
    directory: str
    """The area's directory, relative to the base path."""
    part: Part
    path: str
    """The file, below what the run put there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashFilter(PartFilter):
    """What of the trash is asked for: all that fits each of these."""

    path: str | None = None
    """What was there, or below; relative to the base path, or absolute."""


def page_of_trash(
    work: Workplace, wanted: TrashFilter, *, limit: int, after: TrashCursor | None = None
) -> tuple[list[TrashedFile], TrashCursor | None]:
    """Return at most `limit` of what waits in the trash, and the cursor after which there is more.

    By area, the oldest first, what went together by path. Raises UsageError, StorageError.
    """
    found = list(islice(_found(work, wanted, after), limit + 1))
    page = found[:limit]
    return [file for file, _ in page], page[-1][1] if len(found) > limit else None


def wanted_of_trash(work: Workplace, wanted: TrashFilter) -> Iterator[TrashedFile]:
    """Yield all that is asked for, in the order of the pages. Raises as `page_of_trash`."""
    return (file for file, _ in _found(work, wanted, None))


def _found(
    work: Workplace, wanted: TrashFilter, after: TrashCursor | None
) -> Iterator[tuple[TrashedFile, TrashCursor]]:
    place = None if wanted.path is None else locate(wanted.path, work.settings.base_path, work.areas)
    below = "" if place is None else place.path
    names = [name for name in work.areas if wanted.areas is None or name in wanted.areas]
    if after is not None:
        names = names[names.index(after.area) :] if after.area in names else []
    with work.hold_base() as base:
        for name in names:
            if place is None or place.area.name == name:
                with hold_roots(base, work.areas[name]) as (roots, _):
                    for root in _from(roots, after):
                        if place is None or place.directory == root.directory:
                            yield from _Inside(root, below).files(wanted, after)


def _from(roots: Sequence[AreaRoot], after: TrashCursor | None) -> Sequence[AreaRoot]:
    """Return an area's directories from that of a cursor on."""
    for number, root in enumerate(roots):
        if after is not None and (root.area.name, root.directory) == (after.area, after.directory):
            return roots[number:]
    return roots


@dataclass(frozen=True, slots=True)
class _Inside:
    """The trash of one of an area's directories."""

    root: AreaRoot
    below: str
    """Only what was at this path below the directory, or below it; empty: anywhere."""

    def files(
        self, wanted: TrashFilter, after: TrashCursor | None
    ) -> Iterator[tuple[TrashedFile, TrashCursor]]:
        area, directory = self.root.area, self.root.directory
        if after is not None and (after.area, after.directory) != (area.name, directory):
            after = None
        for part in parts_of(self.root.anchor):
            if wanted.covers(part) and (after is None or part >= after.part):
                last = after.path if after is not None and part == after.part else None
                for path, entry in self._sorted(part, "", last):
                    file = trashed_file(area, directory, part, path, entry)
                    yield file, TrashCursor(area.name, directory, part, path)

    def _sorted(self, part: Part, directory: str, last: str | None) -> Iterator[tuple[str, Entry]]:
        """Yield (path, entry) of all files in a directory of a part and below, after the path `last`."""
        entries: list[Entry] = []
        with suppress(OSError), self.root.anchor.directory(part.top + directory) as fd:  # gone meanwhile
            for chunk in read_directory(fd):
                entries += chunk
        found = [(directory + entry.name + _slash(entry), entry) for entry in entries]
        for path, entry in sorted(found, key=lambda one: os.fsencode(one[0])):
            if not _concerns(path, self.below):
                continue
            is_after = last is None or os.fsencode(path) > os.fsencode(last)
            if entry.kind is not EntryKind.DIRECTORY:
                if is_after:
                    yield path, entry
            elif is_after or (last is not None and last.startswith(path)):
                yield from self._sorted(part, path, last)


def _slash(entry: Entry) -> str:
    return "/" if entry.kind is EntryKind.DIRECTORY else ""


def _concerns(path: str, below: str) -> bool:
    """Return whether a path is `below`, lies below it, or leads to it."""
    return (
        not below
        or path.rstrip("/") == below
        or path.startswith(f"{below}/")
        or (path.endswith("/") and f"{below}/".startswith(path))
    )
