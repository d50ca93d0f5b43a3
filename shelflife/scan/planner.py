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
from shelflife.files.listing import FOREVER, Entry, Kind, read_directory, signed
from shelflife.files.mounts import knows_writers
from shelflife.files.primitives import for_reading, read_all
from shelflife.files.reading import Counts, Search
from shelflife.files.survey import goes_with_unit, is_due, managed, survey_directory
from shelflife.files.tree import walk
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.holds import Holds
from shelflife.policy.plan import DueDirectory
from shelflife.policy.rules import Unit, directory_time, judge_unit
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

_AGE_DECIDES = (Reason.EXPIRED, Reason.INDEFINITE)
"""What the verdict on a file is that goes, or would, when it is old enough."""

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
        due = _due(area, directory, path, counts, cutoff)
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
            goes = goes_with_unit if due.unit else is_due
            if not goes(entry, path, area, cutoff) or held_entry(holds, area.name, place, fd, entry):
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
    has_files = row.newest != -FOREVER
    unit = Unit(
        newest=row.newest if has_files else None,
        # Whether noise made a directory young is seen when the unit is read: it must not be found too late here.
        changed=-FOREVER if has_files else row.changed,
        protected=row.protected_files,
        staying=row.staying,
    )
    return row.state <= 1 and judge_unit(unit, Cutoffs.only(cutoff)).remove


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
    reader = _UnitReader(
        area, directory, holds, Writers(leases=knows_writers(anchor.fd)) if guarded else None
    )
    reader.held = is_held_by_path(holds, f"{directory}/{path}".rstrip("/"))
    for place, fd, entries in walk(anchor, path, age=area.rules.age_from):
        between()
        reader.add(place, fd, entries)
    return UnitReading(reader.unit(), reader.files, reader.bytes)


class _UnitReader:
    """Adds up what a unit holds, directory by directory."""

    def __init__(self, area: Area, directory: str, holds: Holds, writers: Writers | None) -> None:
        """Ask `writers` whether somebody uses it; None: nobody is asked."""
        self._area = area
        self._directory = directory
        self._holds = holds
        self._writers = writers
        self._newest: int | None = None
        self._changed = -FOREVER
        self._classes: set[int] = set()
        self._protected = self._staying = self.files = self.bytes = 0
        self._in_use = False
        self._place, self._modified, self._noise = "", -FOREVER, -FOREVER
        self.held = False
        """Whether somebody holds it."""

    def unit(self) -> Unit:
        """Return it in the numbers that decide."""
        self._leave_directory()
        return Unit(
            newest=self._newest,
            changed=self._changed,
            classes=frozenset(self._classes or {0}),
            protected=self._protected,
            staying=self._staying,
            held=self.held,
            in_use=self._in_use,
        )

    def add(self, place: str, fd: int, entries: list[Entry]) -> None:
        """Add a chunk of the entries of the open directory `fd` at `place`. Raises OSError."""
        if place != self._place:
            self._leave_directory()
            self._place, self._modified, self._noise = place, os.fstat(fd).st_mtime_ns, -FOREVER
            self._protected += self._area.rules.keeping(place) is not None
            self._in_use = self._in_use or (self._writers is not None and is_locked(fd))
        self.held = self.held or _is_held_by_inode(self._holds, self._area, fd)
        for entry in entries:
            if entry.kind is Kind.UNKNOWN:
                raise OSError(entry.size, os.strerror(entry.size), place + entry.name)
            is_tree = entry.kind is Kind.DIRECTORY
            is_noise = self._area.rules.is_noise(place + entry.name + "/" * is_tree)
            if is_noise:
                self._noise = max(self._noise, _change_of(fd, entry))
            if not is_tree:
                self._add_entry(place, fd, entry, is_noise=is_noise)

    def _leave_directory(self) -> None:
        if not self._area.rules.is_noise(self._place):
            self._changed = max(self._changed, directory_time(self._modified, self._noise))

    def _add_entry(self, place: str, fd: int, entry: Entry, *, is_noise: bool) -> None:
        path = place + entry.name
        reason = self._area.rules.judge_whatever_its_age(path).reason
        is_protected = reason is Reason.PROTECTED
        self._protected += is_protected
        self._staying += entry.kind is Kind.OTHER or (reason not in _AGE_DECIDES and not is_protected)
        self.held = self.held or (
            held_entry(self._holds, self._area.name, f"{self._directory}/{path}", fd, entry) is not None
        )
        self.files += entry.is_file
        self.bytes += entry.size if entry.is_file else 0
        if self._writers is not None and entry.is_file and not self._in_use:
            with Guard(fd, entry, self._writers) as guard:
                self._in_use = guard.in_use
        if not is_noise:
            self._newest = entry.time if self._newest is None else max(self._newest, entry.time)
            if not is_protected:
                self._classes.add(self._area.rules.class_of(path))


def _change_of(fd: int, entry: Entry) -> int:
    """Return when an entry of the open directory `fd` was last changed (ns). Raises OSError."""
    if entry.kind is Kind.DIRECTORY:  # of which only name and inode were read
        return os.stat(entry.name, dir_fd=fd, follow_symlinks=False).st_ctime_ns
    return entry.ctime


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
        if judge_unit(found.unit, Cutoffs.only(cutoff)).remove:
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


def _due(area: Area, directory: str, path: str, counts: Counts, cutoff: Cutoff) -> DueDirectory | None:
    prune = area.rules.may_prune(path) and counts.empty is not None and counts.empty < cutoff.at
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
