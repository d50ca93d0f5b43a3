"""Purging: removing from the trash what has waited there long enough.

What a person holds stays, as everywhere, by its former path, by where it waits, or as the file that it is; what
was displaced is never purged. An area without a trash has something there only after its trash was switched
off, or when a run could not finish with it: of that only goes what is expired in the area, too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.files.anchor import Anchor, parent_of
from shelflife.files.listing import Entry, EntryKind
from shelflife.files.removal import Outcome, Result, Wanted
from shelflife.files.trash import DISPLACED_PREFIX, TrashName
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY, place_of
from shelflife.policy.choose import by_retention_of_classes
from shelflife.policy.load import NOTHING, Load
from shelflife.policy.verdict import Reason
from shelflife.remove.batch import BatchLoop, Portion, is_denied
from shelflife.remove.opened import EntryByEntry, OpenDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.policy.cutoff import Cutoffs
    from shelflife.remove.root import Root
    from shelflife.scan.context import Context


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


def trash_names(anchor: Anchor) -> Iterator[TrashName]:
    """Yield the names of the runs that have something in the trash, the oldest first."""
    try:
        with anchor.directory(f"{TRASH_DIRECTORY}/") as fd:
            names = sorted(os.listdir(fd))
    except OSError:
        return
    for text in names:
        if (name := TrashName.parse(text)) is not None:
            yield name


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

    def run(self) -> None:
        """Remove it, and the directories that are empty then. Raises Stopped, AreaLost when the disk fails."""
        directories: list[str] = []
        try:
            for path, fd, entries in walk(self._root.anchor, self._top):
                if not entries:
                    directories.append(path)
                with suppress(FileNotFoundError):  # somebody took the directory out of the trash
                    self._purge(_Waiting(self._root, fd, path, self._former(path)), entries)
        except OSError as error:
            code = error.errno or 0
            self._root.report.note(self._root.failure(self._top, code))
            self._root.watch_disk(code)
        self._remove_empty(directories)

    def _purge(self, directory: _Waiting, entries: list[Entry]) -> None:
        files = [entry for entry in entries if _goes(entry)]
        way = EntryByEntry(directory, directory.removal(self._cutoffs, _purge_one))
        size = self._root.batch_size
        while files and not directory.is_held():
            portion = Portion(directory.path, files[:size])
            self._loop.run([portion], way)
            if is_denied(portion.outcomes):
                return
            files = files[size:]

    def _former(self, path: str) -> str:
        """Return where the directory at `path` in the trash was, relative to the base path."""
        return self._root.place(path[len(self._top) :])

    def _remove_empty(self, directories: list[str]) -> None:
        for path in reversed(directories):
            parent, own = parent_of(path)
            with suppress(OSError), self._root.anchor.directory(parent) as fd:
                os.rmdir(own, dir_fd=fd)


class _Waiting(OpenDirectory):
    """A directory in the trash."""

    def __init__(self, root: Root, fd: int, path: str, former: str) -> None:
        super().__init__(root, fd, path, former=former)

    def is_held(self) -> bool:
        """Return whether somebody holds the directory as a whole, where it waits or where it was."""
        return super().is_held() or self.root.context.holds().covering(self.former.rstrip("/")) is not None

    def is_locked(self) -> bool:
        """Return False: nobody works in the trash."""
        return False


def _goes(entry: Entry) -> bool:
    return entry.kind in (EntryKind.FILE, EntryKind.LINK) and not entry.name.startswith(DISPLACED_PREFIX)


def _purge_one(fd: int, entry: Entry, _wanted: Wanted) -> Outcome:
    os.unlink(entry.name, dir_fd=fd)
    return Outcome(entry, Result.REMOVED, Reason.PURGED)
