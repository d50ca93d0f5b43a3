"""The planner: from the index, brought up to date, to what would go – exactly.

The index only proposes directories. Each is listed (unless the refresh has just read it), so that the plan's
counts are what a run would find at this moment.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from shelflife.files.held import held_directory, held_entry
from shelflife.files.in_use import Guard, Writers, is_locked
from shelflife.files.kernel import birth_time
from shelflife.files.listing import FOREVER, Kind, read_directory, signed
from shelflife.files.mounts import knows_writers
from shelflife.files.primitives import for_reading, read_all
from shelflife.files.reading import Counts, Search
from shelflife.files.survey import is_due, managed, survey_directory
from shelflife.files.tree import walk
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.holds import Holds
from shelflife.policy.plan import DueDirectory
from shelflife.policy.rules import File, Unit, judge_unit
from shelflife.policy.verdict import Reason
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shelflife.files.anchor import Anchor
    from shelflife.files.reading import Flag, Reading
    from shelflife.files.survey import Survey
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff
    from shelflife.records.sqlite.index import UnitRow
    from shelflife.scan.context import Context
    from shelflife.scan.refresh import Refreshed

_PIECE = 32
"""Directories that are handed to a thread at once."""

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
    context: Context, anchor: Anchor, area: Area, directory: str, cutoff: Cutoff, refreshed: Refreshed
) -> Iterator[DueDirectory]:
    """Yield the directories of one of an area's directories in which something is before the cutoff.

    What is read goes into the listings. Raises OSError.
    """
    index, holds = context.index, context.holds()
    paths: Iterator[str] = index.due(index.root(directory), cutoff.at)
    if area.expire is Expire.DIRECTORY:
        yield from _due_units(context, anchor, area, directory, cutoff, holds)
        paths = (path for path in paths if not path)
    found: Iterator[tuple[str, Counts]]
    if holds:
        found = _count_one_by_one(anchor, area, directory, cutoff, holds, paths)
    else:
        found = _count(context, anchor, area, directory, cutoff, refreshed, paths)
    for path, counts in found:
        due = _due(directory, path, counts, cutoff)
        if due is not None:
            yield due


def _count_one_by_one(
    anchor: Anchor, area: Area, directory: str, cutoff: Cutoff, holds: Holds, paths: Iterator[str]
) -> Iterator[tuple[str, Counts]]:
    """Count what is due in directories, and leave out what is held."""
    for path in paths:
        if held_directory(holds, anchor, area.name, directory, path) is not None:
            continue
        survey = _survey(anchor, directory, path, area, cutoff, holds)
        if survey is not None:
            yield path, Counts.of(survey)


def _count(
    context: Context,
    anchor: Anchor,
    area: Area,
    directory: str,
    cutoff: Cutoff,
    refreshed: Refreshed,
    paths: Iterator[str],
) -> Iterator[tuple[str, Counts]]:
    """Count what is due in directories that nobody holds; those that the refresh has read are known."""
    pool = context.pool.suited_to(for_reading(area, anchor))
    root = context.index.root(directory)

    def take() -> tuple[list[str], list[str], Search] | None:
        piece = list(islice(paths, _PIECE))
        unread = [path for path in piece if path not in refreshed.due]
        plain = context.index.plain(root, unread, cutoff.at, area.rules.fingerprint)
        return (piece, unread, Search(area, cutoff.at, pool.workers, plain)) if piece else None

    def read(work: tuple[list[str], list[str], Search], stop: Flag) -> list[tuple[str, Reading | None]]:
        piece, unread, search = work
        found = dict(zip(unread, read_all(anchor, unread, search, stop), strict=False))
        return [(path, found.get(path)) for path in piece]

    for piece in pool.run(read, take, between=context.between):
        for path, reading in piece:
            counts = refreshed.due.get(path)
            if counts is None and reading is not None:  # without either, a stop came first: it is raised next
                counts = _counts(context, anchor, area, directory, path, cutoff, reading)
            if counts is not None:
                yield path, counts


def _counts(
    context: Context, anchor: Anchor, area: Area, directory: str, path: str, cutoff: Cutoff, reading: Reading
) -> Counts | None:
    """Return what is due in a directory, by its reading, which is kept for the run; None when it is not known."""
    if reading.error:
        survey = _survey(anchor, directory, path, area, cutoff, Holds())
        return None if survey is None else Counts.of(survey)
    if not reading.is_complete:
        return None
    context.listings.put(context.index.root(directory), path, reading)
    return reading.counts


def due_files(
    anchor: Anchor, area: Area, cutoff: Cutoff, due: DueDirectory, holds: Holds
) -> Iterator[PlannedFile]:
    """Yield the files of a due directory that would go, as they are now. Raises OSError."""
    for path, fd, entries in walk(anchor, due.path, deep=due.unit, age=area.rules.age_from):
        for entry in entries:
            place = f"{due.root}/{path}{entry.name}"
            if not is_due(entry, path, area, cutoff) or held_entry(holds, area.name, place, fd, entry):
                continue
            yield PlannedFile(
                area=area.name,
                path=place,
                size=entry.size,
                mtime=entry.mtime,
                time=entry.time,
                link=entry.kind is Kind.LINK,
            )


def unit_is_due(row: UnitRow, cutoff: Cutoff) -> bool:
    """Return whether the index proposes a unit: all of it could be read, and it is expired."""
    unit = Unit(
        newest=None if row.newest == -FOREVER else row.newest,
        changed=row.changed,
        protected=row.protected_files,
        staying=row.staying,
    )
    return row.state <= 1 and judge_unit(unit, cutoff).remove


@dataclass(slots=True)
class UnitReading:
    """A unit as it was read, file by file."""

    unit: Unit
    files: int
    bytes: int


def is_held_by_path(holds: Holds, place: str) -> bool:
    """Return whether somebody holds the directory at `place`, or something in it."""
    return bool(holds.covering(place) or holds.below(f"{place}/"))


def read_unit(
    anchor: Anchor,
    path: str,
    area: Area,
    *,
    directory: str,
    holds: Holds,
    guarded: bool,
    between: Callable[[], None] = lambda: None,
) -> UnitReading:
    """Read the unit at `path` below an anchor; its original place is the same path below `directory`.

    `guarded` asks for each file whether it is open for writing. `between` is called now and then, and may raise
    to end it. Raises OSError, also for an entry that cannot be looked at: what is not known to be expired keeps
    the unit.
    """
    newest, changed, protected, staying, files, size, in_use = None, -FOREVER, 0, 0, 0, 0, False
    held = is_held_by_path(holds, f"{directory}/{path}".rstrip("/"))
    writers = Writers(leases=knows_writers(anchor.fd))
    for place, fd, entries in walk(anchor, path, age=area.rules.age_from):
        between()
        in_use = in_use or (guarded and is_locked(fd))
        changed = max(changed, os.fstat(fd).st_mtime_ns)
        held = held or _is_held_by_inode(holds, area, fd)
        for entry in entries:
            if entry.kind is Kind.UNKNOWN:
                raise OSError(entry.size, os.strerror(entry.size), place + entry.name)
            if entry.kind is Kind.DIRECTORY:
                continue
            verdict = area.rules.judge(File(place + entry.name, 0), Cutoffs.only(None))
            protected += verdict.pattern is not None
            staying += entry.kind is Kind.OTHER or verdict.reason is Reason.KEEP_FILE
            held = (
                held
                or held_entry(holds, area.name, f"{directory}/{place}{entry.name}", fd, entry) is not None
            )
            newest = entry.time if newest is None else max(newest, entry.time)
            files += entry.is_file
            size += entry.size if entry.is_file else 0
            if guarded and entry.is_file and not in_use:
                with Guard(fd, entry, writers) as guard:
                    in_use = guard.in_use
    unit = Unit(
        newest=newest, changed=changed, protected=protected, staying=staying, held=held, in_use=in_use
    )
    return UnitReading(unit, files, size)


def _is_held_by_inode(holds: Holds, area: Area, fd: int) -> bool:
    if not holds.has_trees:
        return False
    hold = holds.inodes.get((area.name, signed(os.fstat(fd).st_ino)))
    return hold is not None and birth_time(fd, ".") == hold.born


def _due_units(
    context: Context, anchor: Anchor, area: Area, directory: str, cutoff: Cutoff, holds: Holds
) -> Iterator[DueDirectory]:
    index, between = context.index, context.between
    for row in index.units(index.root(directory)):
        if not unit_is_due(row, cutoff):
            continue
        try:
            found = read_unit(
                anchor, row.path, area, directory=directory, holds=holds, guarded=False, between=between
            )
        except OSError:
            continue
        if judge_unit(found.unit, cutoff).remove:
            yield DueDirectory(root=directory, path=row.path, files=found.files, bytes=found.bytes, unit=True)


def _survey(
    anchor: Anchor, directory: str, path: str, area: Area, cutoff: Cutoff, holds: Holds
) -> Survey | None:
    try:
        with anchor.directory(path) as fd:
            survey = survey_directory(fd, path, area, settled_before=-FOREVER, cutoff=cutoff)
            if holds:
                _leave_out_held(survey, fd, directory, path, area, cutoff, holds)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    return survey if survey.complete else None


def _leave_out_held(
    survey: Survey, fd: int, directory: str, path: str, area: Area, cutoff: Cutoff, holds: Holds
) -> None:
    """Count out of a survey's due files those that a person holds."""
    for chunk in read_directory(fd, area.rules.age_from):
        for entry in managed(chunk, path):
            place = f"{directory}/{path}{entry.name}"
            if is_due(entry, path, area, cutoff) and held_entry(holds, area.name, place, fd, entry):
                survey.due_files -= entry.is_file
                survey.due_bytes -= entry.size if entry.is_file else 0
                survey.due_links -= not entry.is_file


def _due(directory: str, path: str, counts: Counts, cutoff: Cutoff) -> DueDirectory | None:
    prune = bool(path) and counts.empty is not None and counts.empty < cutoff.at
    if not (counts.due_files or counts.due_links or prune):
        return None
    return DueDirectory(
        root=directory,
        path=path,
        files=counts.due_files,
        bytes=counts.due_bytes,
        links=counts.due_links,
        prune=prune,
    )
