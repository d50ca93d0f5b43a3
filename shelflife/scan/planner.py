"""The planner: from the index, brought up to date, to what would go – exactly.

The index only proposes directories. Each is listed (unless the refresh has just read it), so that the plan's
counts are what a run would find at this moment.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from shelflife.files.counting import goes_with_unit, judged, survey_directory
from shelflife.files.held import held_directory, held_entry
from shelflife.files.listing import FOREVER, EntryKind
from shelflife.files.reading import DueCounts, Search
from shelflife.files.tree import walk
from shelflife.policy.plan import DueDirectory
from shelflife.policy.verdict import Reason
from shelflife.scan.due_units import due_units
from shelflife.scan.way import Ways, for_reading, read_all
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shelflife.files.counting import Stays
    from shelflife.files.listing import Entry
    from shelflife.files.reading import Flag, Reading
    from shelflife.files.survey import Survey
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.scan.context import Context
    from shelflife.storage.root import AreaRoot

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
    context: Context, root: AreaRoot, cutoffs: Cutoffs, counted: Mapping[str, DueCounts]
) -> Iterator[DueDirectory]:
    """Yield the directories of one of an area's directories in which something is before its cutoff.

    `counted` is what the refresh has counted for these cutoffs already. What is read goes into the listings.
    Raises OSError.
    """
    paths: Iterator[str] = context.index.due(context.index.root(root.directory), cutoffs)
    if root.area.expire is Expire.DIRECTORY:
        yield from due_units(context, root, cutoffs)
        paths = (path for path in paths if not path)
    counting = _Counting(context, root, cutoffs, counted)
    for path, counts in counting.count(paths):
        due = _due(root, path, counts, cutoffs)
        if due is not None:
            yield due


class _Counting:
    """Counts what is due in directories: most of them in bulk, those that somebody holds entry by entry."""

    def __init__(
        self, context: Context, root: AreaRoot, cutoffs: Cutoffs, counted: Mapping[str, DueCounts]
    ) -> None:
        self._context = context
        self._root = root
        self._cutoffs = cutoffs
        self._counted = counted
        self._number = context.index.root(root.directory)
        self._holds = context.holds()
        self._looks_for_inodes = bool(self._holds.files_of(root.area.name))
        self._ways = Ways(root, context.index, self._holds)

    def count(self, paths: Iterator[str]) -> Iterator[tuple[str, DueCounts]]:
        """Yield what is due in each directory of which that is known, in order."""
        pool = self._context.pool.suited_to(for_reading(self._root.anchor))

        def take() -> tuple[list[str], list[str], Search] | None:
            piece = list(islice(paths, _PIECE))
            unread = [path for path in piece if self._is_to_be_read(path)]
            plain = self._context.index.plain(
                self._number, unread, self._cutoffs, self._root.area.rules.fingerprint
            )
            search = Search(self._root.area, self._cutoffs, pool.workers, plain)
            return (piece, unread, search) if piece else None

        def read(work: tuple[list[str], list[str], Search], stop: Flag) -> list[tuple[str, Reading | None]]:
            piece, unread, search = work
            found = dict(zip(unread, read_all(self._root.anchor, unread, search, stop), strict=False))
            return [(path, found.get(path)) for path in piece]

        for piece in pool.run(read, take, between=self._context.between):
            for path, reading in piece:
                counts = self._counts(path, reading)
                if counts is not None:
                    yield path, counts

    def _is_to_be_read(self, path: str) -> bool:
        if self._ways.concern(path, self._holds):
            return False
        # The refresh counts held files, too: where some are held by their inodes, its readings must be at hand.
        is_known = path in self._counted
        return not is_known or (self._looks_for_inodes and self._noted(path) is None)

    def _noted(self, path: str) -> Reading | None:
        return self._context.listings.seen(self._number, path)

    def _counts(self, path: str, reading: Reading | None) -> DueCounts | None:
        """Return what is due in a directory; None when that is not known, or nothing is."""
        if self._ways.concern(path, self._holds):
            return self._one_by_one(path)
        if reading is None:  # it was read by the refresh; or a stop came first, which is raised next
            return self._counts_of_refresh(path)
        if reading.error or self._ways.is_held(reading.due, self._holds):
            return self._one_by_one(path)
        if not reading.is_complete:
            return None
        self._context.listings.put(self._number, path, reading)
        return reading.counts

    def _counts_of_refresh(self, path: str) -> DueCounts | None:
        noted = self._noted(path) if self._looks_for_inodes else None
        if noted is not None:
            is_held = self._ways.is_held(noted.due, self._holds)
            noted.fold()
            if is_held:
                return self._one_by_one(path)
        return self._counted.get(path)

    def _one_by_one(self, path: str) -> DueCounts | None:
        """Count what is due in a directory, and nobody holds; None when it is gone, or held as a whole."""
        root = self._root
        if held_directory(self._holds, root.anchor, root.area.name, root.directory, path) is not None:
            return None
        try:
            with root.anchor.directory(path) as fd:
                survey = survey_directory(fd, path, root.area, settled_before=-FOREVER)
                self._count_due(survey, fd, path)
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise
        return DueCounts.of(survey) if survey.complete else None

    def _count_due(self, survey: Survey, fd: int, path: str) -> None:
        stays = _held_in(self._root, fd, path, self._holds)
        for chunk in judged(fd, path, self._root.area, self._cutoffs, stays):
            for entry, due in chunk:
                if due and not stays(entry):
                    survey.add_due(entry, self._root.area.rules.class_of(path + entry.name))


def due_files(root: AreaRoot, cutoffs: Cutoffs, due: DueDirectory, holds: Holds) -> Iterator[PlannedFile]:
    """Yield the files of a due directory that would go, as they are now. Raises OSError."""
    for path, fd, chunk in _members(root, cutoffs, due, holds):
        stays = _held_in(root, fd, path, holds)
        for entry, goes in chunk:
            if not goes or stays(entry):
                continue
            yield PlannedFile(
                area=root.area.name,
                path=root.place(path + entry.name),
                size=entry.size,
                mtime=entry.mtime,
                time=entry.time,
                link=entry.kind is EntryKind.LINK,
            )


def _members(
    root: AreaRoot, cutoffs: Cutoffs, due: DueDirectory, holds: Holds
) -> Iterator[tuple[str, int, list[tuple[Entry, bool]]]]:
    """Yield path, descriptor and entries of a due directory, each with whether it goes; of a unit all do."""
    if due.unit:
        for path, fd, entries in walk(root.anchor, due.path, age=root.area.rules.age_from):
            yield path, fd, [(entry, goes_with_unit(entry, path, root.area, cutoffs)) for entry in entries]
        return
    with root.anchor.directory(due.path) as fd:
        for chunk in judged(fd, due.path, root.area, cutoffs, _held_in(root, fd, due.path, holds)):
            yield due.path, fd, chunk


def _held_in(root: AreaRoot, fd: int, path: str, holds: Holds) -> Stays:
    """Return what says whether somebody holds an entry of the open directory `fd` at `path`."""

    def stays(entry: Entry) -> Reason | None:
        place = root.place(path + entry.name)
        return Reason.HELD if held_entry(holds, root.area.name, place, fd, entry) else None

    return stays


def _due(root: AreaRoot, path: str, counts: DueCounts, cutoffs: Cutoffs) -> DueDirectory | None:
    prune = counts.empty is not None and root.area.rules.empty_goes(path, counts.empty, cutoffs)
    if not (counts.due_files or counts.due_links or prune):
        return None
    return DueDirectory(
        root=root.directory,
        path=path,
        files=counts.due_files,
        bytes=counts.due_bytes,
        links=counts.due_links,
        prune=prune,
        others=tuple((number, *load) for number, load in counts.others.items()),
    )
