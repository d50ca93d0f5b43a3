"""The planner: from the index, brought up to date, to what would go – exactly.

The index only proposes directories. Each is listed (unless the refresh has just read it), so that the plan's
counts are what a run would find at this moment.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.files.listing import Entry, Kind
from shelflife.files.survey import FOREVER, survey_directory
from shelflife.files.tree import listed, walk
from shelflife.policy.plan import DueDirectory
from shelflife.policy.verdict import Unit, judge, judge_unit
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.files.anchor import Anchor
    from shelflife.files.survey import Survey
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff
    from shelflife.records.index import Index, UnitRow
    from shelflife.records.refresh import Refreshed

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """A file or link that would go."""

    area: str
    path: str
    """Relative to the base path."""
    size: int
    """Apparent size in bytes."""
    mtime: int
    """Nanoseconds since the epoch."""
    time: int
    """What its age is counted from, in ns since the epoch."""
    link: bool
    """Whether it is a symbolic link, removed as such."""


def due_directories(
    index: Index, anchor: Anchor, area: Area, directory: str, cutoff: Cutoff, refreshed: Refreshed
) -> Iterator[DueDirectory]:
    """Yield the directories of one of an area's directories in which something is before the cutoff."""
    root = index.root(directory)
    if area.expire is Expire.DIRECTORY:
        yield from _due_units(index, anchor, area, directory, cutoff)
        paths: Iterator[str] = (path for path in index.due(root, cutoff.at) if not path)
    else:
        paths = index.due(root, cutoff.at)
    for path in paths:
        survey = refreshed.due.get(path) or _survey(anchor, path, area, cutoff)
        if survey is None:
            continue
        due = _due(directory, path, survey, cutoff)
        if due is not None:
            yield due


def due_files(anchor: Anchor, area: Area, cutoff: Cutoff, due: DueDirectory) -> Iterator[PlannedFile]:
    """Yield the files of a due directory that would go, as they are now. Raises OSError."""
    listing = walk(anchor, due.path) if due.unit else [(due.path, list(listed(anchor, due.path)))]
    for path, entries in listing:
        for entry in entries:
            if is_due(entry, path, area, cutoff):
                yield PlannedFile(
                    area=area.name,
                    path=f"{due.root}/{path}{entry.name}",
                    size=entry.size,
                    mtime=entry.mtime,
                    time=area.file_time(entry.mtime, entry.ctime),
                    link=entry.kind is Kind.LINK,
                )


def is_due(entry: Entry, path: str, area: Area, cutoff: Cutoff) -> bool:
    """Return whether an entry of the directory at `path` goes by itself."""
    if entry.kind > Kind.LINK:
        return False
    moment = area.file_time(entry.mtime, entry.ctime)
    return moment < cutoff.at and judge(path + entry.name, moment, area, cutoff).remove


def unit_is_due(row: UnitRow, cutoff: Cutoff) -> bool:
    """Return whether the index proposes a unit: all of it could be read, and it is expired."""
    unit = Unit(
        newest=None if row.newest == -FOREVER else row.newest,
        changed=row.changed,
        protected=row.protected_files,
        staying=row.staying,
    )
    return row.state <= 1 and judge_unit(unit, cutoff).remove


def read_unit(anchor: Anchor, path: str, area: Area) -> tuple[Unit, int, int]:
    """Read a unit as it is now; return it with its files and their bytes. Raises OSError.

    An entry that cannot be looked at is an error: what is not known to be expired keeps the unit.
    """
    newest, changed, protected, staying, files, size = None, -FOREVER, 0, 0, 0, 0
    for directory, entries in walk(anchor, path):
        changed = max(changed, anchor.stat(directory).st_mtime_ns)
        for entry in entries:
            if entry.kind is Kind.UNKNOWN:
                raise OSError(entry.size, os.strerror(entry.size), directory + entry.name)
            if entry.kind is Kind.DIRECTORY:
                continue
            verdict = judge(directory + entry.name, 0, area, None)
            protected += verdict.pattern is not None
            staying += entry.kind is Kind.OTHER or entry.name == ".gitkeep"
            moment = area.file_time(entry.mtime, entry.ctime)
            newest = moment if newest is None else max(newest, moment)
            files += entry.is_file
            size += entry.size if entry.is_file else 0
    return Unit(newest=newest, changed=changed, protected=protected, staying=staying), files, size


def _due_units(
    index: Index, anchor: Anchor, area: Area, directory: str, cutoff: Cutoff
) -> Iterator[DueDirectory]:
    for row in index.units(index.root(directory)):
        if not unit_is_due(row, cutoff):
            continue
        try:
            unit, files, size = read_unit(anchor, row.path, area)
        except OSError:
            continue
        if judge_unit(unit, cutoff).remove:
            yield DueDirectory(root=directory, path=row.path, files=files, bytes=size, unit=True)


def _survey(anchor: Anchor, path: str, area: Area, cutoff: Cutoff) -> Survey | None:
    try:
        with anchor.directory(path) as fd:
            survey = survey_directory(fd, path, area, settled_before=-FOREVER, cutoff=cutoff)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    return survey if survey.complete else None


def _due(directory: str, path: str, survey: Survey, cutoff: Cutoff) -> DueDirectory | None:
    prune = bool(path) and survey.entries == 0 and survey.key.mtime < cutoff.at
    if not (survey.due_files or survey.due_links or prune):
        return None
    return DueDirectory(
        root=directory,
        path=path,
        files=survey.due_files,
        bytes=survey.due_bytes,
        links=survey.due_links,
        prune=prune,
    )
