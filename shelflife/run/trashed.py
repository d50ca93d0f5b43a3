"""What waits in the trash, read from the disk and not from a record: also without the journal it can be told."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.files.listing import Entry, EntryKind, entry_at
from shelflife.files.trash import DISPLACED, TrashName, trash_names
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY, place_of
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shelflife.files.anchor import Anchor
    from shelflife.policy.area import Area
    from shelflife.run.workplace import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashedFile:
    """A file, or link, that waits in the trash. Times in ns since the epoch."""

    area: str
    path: str
    """Where it was, relative to the base path."""
    place: str
    """Where it is, relative to the base path."""
    run: int
    """The run that put it there."""
    trashed: int
    """When that run began."""
    until: int | None
    """When it is purged; None: never, since it was displaced."""
    size: int
    """Bytes."""
    mtime: int


def trashed_files(work: Workplace, areas: Iterable[Area]) -> Iterator[TrashedFile]:
    """Yield what waits in the trash, by area, the oldest first. Raises StorageError."""
    with work.hold_base() as base:
        for area in areas:
            with hold_roots(base, area) as (roots, _):
                for _, directory, anchor in roots:
                    for part in parts_of(anchor):
                        yield from files_of(area, directory, anchor, part)


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """What one run put into the trash of one of an area's directories; the latest compares as the greatest."""

    at: int
    """When the run began, in ns since the epoch, to the second."""
    displaced: bool
    """Whether it is what could not be put back."""
    run: int

    @property
    def name(self) -> str:
        """The name of its directory."""
        return str(TrashName(self.run, self.at))

    @property
    def top(self) -> str:
        """The path of its directory below the area's, with a trailing slash."""
        above = f"{TRASH_DIRECTORY}/{DISPLACED}" if self.displaced else TRASH_DIRECTORY
        return f"{above}/{self.name}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFilter:
    """Which parts of the trash are meant: those that fit each of these. Times in ns since the epoch."""

    runs: tuple[int, ...] = ()
    """What these put into the trash; empty: any."""
    areas: tuple[str, ...] | None = None
    """What was in these; None: in any."""
    since: int | None = None
    """What went then or later, by when its run began."""
    until: int | None = None
    """What went before then."""

    def covers(self, part: Part) -> bool:
        """Return whether a part of the trash is of the runs and times."""
        return (
            (not self.runs or part.run in self.runs)
            and (self.since is None or part.at >= self.since)
            and (self.until is None or part.at < self.until)
        )


def parts_of(anchor: Anchor) -> list[Part]:
    """Return the parts of the trash of one of an area's directories, the earliest first."""
    parts = [Part(name.at, False, name.run) for name in trash_names(anchor)]
    with suppress(OSError), anchor.directory(f"{TRASH_DIRECTORY}/{DISPLACED}/") as fd:
        names = map(TrashName.parse, os.listdir(fd))
        parts += [Part(name.at, True, name.run) for name in names if name is not None]
    return sorted(parts)


def files_of(
    area: Area, directory: str, anchor: Anchor, part: Part, start: str = ""
) -> Iterator[TrashedFile]:
    """Yield the files of a part at `start`, a path below the area's `directory`, and below."""
    with suppress(OSError):
        for path, entries in _walk(anchor, part.top + start):
            for entry in entries:
                if entry.kind is not EntryKind.DIRECTORY:
                    yield trashed_file(area, directory, part, path[len(part.top) :] + entry.name, entry)


def trashed_file(area: Area, directory: str, part: Part, path: str, entry: Entry) -> TrashedFile:
    """Return what waits at a path of a part of the trash of an area's `directory`."""
    return TrashedFile(
        area=area.name,
        path=place_of(directory, path),
        place=place_of(directory, part.top + path),
        run=part.run,
        trashed=part.at,
        until=None if part.displaced else part.at + (area.trash or 0),
        size=entry.size,
        mtime=entry.mtime,
    )


def _walk(anchor: Anchor, path: str) -> Iterator[tuple[str, list[Entry]]]:
    """Yield (directory, entries) of what is at a path and below; of a file its directory, and itself."""
    parent, slash, name = path.rpartition("/")
    if name:
        with anchor.directory(parent + slash) as fd:
            entry = entry_at(fd, name)
        if entry.kind is not EntryKind.DIRECTORY:
            yield parent + slash, [entry]
            return
        path += "/"
    for directory, _, entries in walk(anchor, path):
        yield directory, entries
