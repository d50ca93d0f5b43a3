"""Purging: removing from the trash what has waited there long enough.

What a person holds stays, as everywhere, by its former path, by where it waits, or as the file that it is; what
was displaced is never purged. Most of it is ordinary and goes by the compiled way, many directories at a time;
what that leaves, entry by entry. An area without a trash has something there only after its trash was switched
off, or when a run could not finish with it: of that only goes what is expired in the area, too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from shelflife.files.anchor import Anchor
from shelflife.files.candidates import Going
from shelflife.files.held import held_directory
from shelflife.files.listing import FOREVER, Entry, EntryKind
from shelflife.files.reading import Search
from shelflife.files.removal import Outcome, Result, Wanted
from shelflife.files.trash import DISPLACED_PREFIX, TrashName, trash_names
from shelflife.files.tree import remove_empty, walk
from shelflife.files.worker_pool import WorkerPool
from shelflife.policy.area import TRASH_DIRECTORY, place_of
from shelflife.policy.choose import by_retention_of_classes
from shelflife.policy.load import NOTHING, Load
from shelflife.policy.rules import NativeRules
from shelflife.policy.rules.times import AgeKind
from shelflife.policy.verdict import Reason
from shelflife.remove.batch import BatchLoop
from shelflife.remove.compiled import Compiled
from shelflife.remove.opened import OpenDirectory, batches_of, run_entries
from shelflife.remove.share import ENDS_A_RUN, Directory, groups_of
from shelflife.scan.way import for_removing, read_alike

if TYPE_CHECKING:
    from shelflife.files.reading import Flag
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.remove.root import Root
    from shelflife.scan.context import Context

_LOT: Final = 16
"""Directories that are handed to a thread at once."""

_ALL: Final = NativeRules(0, FOREVER, AgeKind.MODIFIED)
"""What the compiled code is told of a directory in the trash: whatever its age, all goes."""


def purge(root: Root, *, before: int | None = None) -> None:
    """Remove what went into an area's trash before `before` (ns); by default, what waited for `area.trash`."""
    area, now = root.area, root.context.freshness.now
    if area.trash is None and not by_retention_of_classes(area, now) and before is None:
        return
    limit = now - (area.trash or 0) if before is None else before
    cutoffs = by_retention_of_classes(area, now) if area.trash is None and before is None else None
    for name in trash_names(root.anchor):
        if name.at < limit:
            _Purge(root, name, cutoffs).run()
    with suppress(OSError):  # where nothing waits any more, or a run was killed before it did this
        os.rmdir(TRASH_DIRECTORY, dir_fd=root.anchor.fd)


def purge_run(root: Root, name: TrashName) -> None:
    """Remove all that one run put into an area's trash. Raises Stopped, and AreaLost on a read-only disk."""
    _Purge(root, name, None).run()


def trash_load(context: Context, anchor: Anchor, directory: str, name: TrashName) -> Load:
    """Return what purging one run's trash would free. What a person holds by its path is not counted."""
    top = f"{TRASH_DIRECTORY}/{name}/"
    load = NOTHING
    with suppress(OSError):
        for path, _, entries in walk(anchor, top):
            original = place_of(directory, path[len(top) :])
            for entry in entries:
                last = entry.kind in (EntryKind.FILE, EntryKind.LINK) and entry.links == 1
                kept = f"/{DISPLACED_PREFIX}" in f"{path}{entry.name}"
                if last and not kept and not context.holds().covering(original + entry.name):
                    load = load.plus(Load(1, entry.size, entry.allocated))
    return load


class _Purge:
    """Removing what one run put into the trash of one of an area's directories."""

    def __init__(self, root: Root, name: TrashName, cutoffs: Cutoffs | None) -> None:
        """Prepare to remove what is before the `cutoffs` of its class; all, if None."""
        self._root = root
        self._loop = BatchLoop(root)
        self._top = f"{TRASH_DIRECTORY}/{name}/"
        self._cutoffs = cutoffs
        self._way = Compiled(root, _Tree(root), None, going=Going.PURGED)

    def run(self) -> None:
        """Remove it, and the directories that are empty then. Raises Stopped, AreaLost when the disk fails."""
        if self._cutoffs is None and for_removing(self._root.anchor).is_compiled:
            self._purge_in_bulk()
        directories: list[str] = []
        try:
            for path, fd, entries in walk(self._root.anchor, self._top):
                if not entries:
                    directories.append(path)
                with suppress(FileNotFoundError):  # somebody took the directory out of the trash
                    self._purge(_Waiting(self._root, fd, path), entries)
        except FileNotFoundError:
            pass  # nothing waits there any more
        except OSError as error:
            code = error.errno or 0
            self._root.report.note(self._root.failure(self._top, code))
            self._root.watch_disk(code)
        remove_empty(self._root.anchor, directories)

    def _purge_in_bulk(self) -> None:
        """Remove what is ordinary, and the directories in which that is all. Raises Stopped."""
        root, waiting = self._root, [self._top]
        pool = WorkerPool() if root.options.one_by_one else root.context.pool

        def take() -> list[str] | None:
            return [waiting.pop() for _ in range(min(_LOT, len(waiting)))] or None

        for more in pool.run(self._clear, take, between=root.context.between):
            waiting += more

    def _clear(self, paths: list[str], stop: Flag) -> list[str]:
        """Remove what is ordinary in directories; return those that are to be done next. Called in any thread."""
        anchor = self._root.anchor
        search = Search(self._root.area, native=_ALL)
        readings = read_alike(for_removing(anchor), anchor, paths, search, stop)
        found = [
            Directory(path, reading)
            for path, reading in zip(paths, readings, strict=False)
            if not reading.error and reading.is_complete
        ]
        ordinary = [directory for directory in found if not _has_displaced(directory.reading.due.names)]
        size = self._root.batch_size
        shares = [share for directory in ordinary for share in directory.divide(FOREVER, size, prune=True)]
        with suppress(*ENDS_A_RUN):
            for group in groups_of(shares, stop):
                self._loop.run(group, self._way)
        again = [one.path for one in ordinary if one.reading.more and one.has_acted and not one.careful]
        return again + [f"{one.path}{name}/" for one in found for name in one.reading.survey.children]

    def _purge(self, directory: _Waiting, entries: list[Entry]) -> None:
        files = [entry for entry in entries if _goes(entry)]
        batches = takewhile(lambda _: not directory.is_held(), batches_of(files, self._root.batch_size))
        for _ in run_entries(self._loop, directory, directory.removal(self._cutoffs, _purge_one), batches):
            pass


class _Tree:
    """What one run put into the trash, as a `Ground`."""

    def __init__(self, root: Root) -> None:
        self.anchor = root.anchor
        self._root = root

    def concern(self, path: str, holds: Holds) -> bool:
        """See `Ground`: where the directory waits, and where it was."""
        root = self._root
        if holds.concern(root.place(path).rstrip("/")) or holds.concern(_former(root, path).rstrip("/")):
            return True
        return held_directory(holds, root.anchor, root.area.name, root.directory, path) is not None


class _Waiting(OpenDirectory):
    """A directory in the trash."""

    def __init__(self, root: Root, fd: int, path: str) -> None:
        super().__init__(root, fd, path, former=_former(root, path))

    def is_held(self) -> bool:
        """Return whether somebody holds the directory as a whole, where it waits or where it was."""
        return super().is_held() or self.root.context.holds().covering(self.former.rstrip("/")) is not None

    def is_locked(self) -> bool:
        """Return False: nobody works in the trash."""
        return False


def _former(root: Root, path: str) -> str:
    """Return where the directory at `path` in a run's trash was, relative to the base path."""
    return root.place(path.split("/", 2)[2])


def _has_displaced(names: bytes) -> bool:
    prefix = os.fsencode(DISPLACED_PREFIX)
    return names.startswith(prefix) or b"/" + prefix in names


def _goes(entry: Entry) -> bool:
    return entry.kind in (EntryKind.FILE, EntryKind.LINK) and not entry.name.startswith(DISPLACED_PREFIX)


def _purge_one(fd: int, entry: Entry, _wanted: Wanted) -> Outcome:
    os.unlink(entry.name, dir_fd=fd)
    return Outcome(entry, Result.REMOVED, Reason.PURGED)
