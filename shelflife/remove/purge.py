"""Purging: removing from the trash what has waited there long enough.

What a person holds stays, as everywhere, by its former path, by where it waits, or as the file that it is; what
was displaced is never purged. An area without a trash has something there only after its trash was switched
off, or when a run could not finish with it: of that only goes what is expired in the area, too.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from shelflife.files.anchor import Anchor, identity_of, parent_of
from shelflife.files.held import held_directory, held_entry
from shelflife.files.listing import Entry, Kind
from shelflife.files.removal import Outcome, Removal, Result, Wanted
from shelflife.files.trash import DISPLACED_PREFIX, TrashName
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.choose import by_retention
from shelflife.policy.load import NOTHING, Load
from shelflife.policy.verdict import Reason
from shelflife.remove.batch import Site, in_place, is_denied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.policy.cutoff import Cutoff
    from shelflife.scan.context import Context


def purge(site: Site, *, before: int | None = None) -> None:
    """Remove what went into an area's trash before `before` (ns); by default, what waited for `area.trash`."""
    area, now = site.area, site.context.freshness.now
    if area.trash is None and area.retention is None and before is None:
        return
    limit = now - (area.trash or 0) if before is None else before
    cutoff = by_retention(area, now) if area.trash is None and before is None else None
    for name in trash_names(site.anchor):
        if name.at < limit:
            _Purge(site, name, cutoff).run()
    with suppress(OSError):  # where nothing waits any more, or a run was killed before it did this
        os.rmdir(TRASH_DIRECTORY, dir_fd=site.anchor.fd)


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


def purge_run(site: Site, name: TrashName) -> None:
    """Remove all that one run put into an area's trash. Raises Stopped, and AreaLost on a read-only disk."""
    _Purge(site, name, None).run()


def trash_load(context: Context, anchor: Anchor, directory: str, name: TrashName) -> Load:
    """Return what purging one run's trash would free. What a person holds by its path is not counted."""
    top = f"{TRASH_DIRECTORY}/{name}/"
    load = NOTHING
    with suppress(OSError):
        for path, _, entries in walk(anchor, top):
            original = f"{directory}/{path[len(top) :]}"
            for entry in entries:
                last = entry.kind in (Kind.FILE, Kind.LINK) and entry.links == 1
                kept = f"/{DISPLACED_PREFIX}" in f"{path}{entry.name}"
                if last and not kept and not context.holds().covering(original + entry.name):
                    load = load.plus(Load(1, entry.size, entry.allocated))
    return load


class _Purge:
    """Removing what one run put into the trash of one of an area's directories."""

    def __init__(self, site: Site, name: TrashName, cutoff: Cutoff | None) -> None:
        """Prepare to remove what is before `cutoff`; all, if None."""
        self._site = site
        self._top = f"{TRASH_DIRECTORY}/{name}/"
        self._cutoff = cutoff

    def run(self) -> None:
        """Remove it. Raises Stopped, and AreaLost when the disk is read-only."""
        directories: list[str] = []
        try:
            for path, fd, entries in walk(self._site.anchor, self._top):
                if f"/{DISPLACED_PREFIX}" in path:
                    continue
                if not entries:
                    directories.append(path)
                self._purge(path, fd, [entry for entry in entries if self._goes(entry)])
        except OSError as error:
            self._site.report.note(self._site.failure(self._top, error.errno or 0))
        self._remove_empty(directories)

    def _goes(self, entry: Entry) -> bool:
        return entry.kind in (Kind.FILE, Kind.LINK) and not entry.name.startswith(DISPLACED_PREFIX)

    def _purge(self, path: str, fd: int, files: list[Entry]) -> None:
        identity = identity_of(fd)
        removal = Removal(
            area=self._site.area,
            cutoff=None if self._cutoff is None else self._cutoff.at,
            dispose=_purge_one,
            held=partial(self._held, self._former(path)),
            in_use=self._site.area.in_use,
            retries=self._site.means.retries,
            in_place=partial(in_place, self._site.anchor, path, identity),
        )
        while files:
            with self._site.batch():
                if not self._site.anchor.verify(path, identity) or self._held_directory(path):
                    return
                outcomes = self._site.remove(fd, path, files[: self._site.batch_size], removal)
            self._tell(path, outcomes)
            if is_denied(outcomes):
                return
            files = files[len(outcomes) :]

    def _tell(self, path: str, outcomes: list[Outcome]) -> None:
        self._site.tell(path, outcomes)
        if any(outcome.errno == errno.EROFS for outcome in outcomes):
            self._site.watch_disk(errno.EROFS)

    def _former(self, path: str) -> str:
        """Return where the directory at `path` in the trash was, relative to the base path."""
        return f"{self._site.directory}/{path[len(self._top) :]}"

    def _held_directory(self, path: str) -> bool:
        holds = self._site.context.holds()
        return (
            held_directory(holds, self._site.anchor, self._site.area.name, self._site.directory, path)
            is not None
            or holds.covering(self._former(path).rstrip("/")) is not None
        )

    def _held(self, former: str, fd: int, entry: Entry) -> bool:
        return (
            held_entry(self._site.context.holds(), self._site.area.name, former + entry.name, fd, entry)
            is not None
        )

    def _remove_empty(self, directories: list[str]) -> None:
        for path in reversed(directories):
            parent, own = parent_of(path)
            with suppress(OSError), self._site.anchor.directory(parent) as fd:
                os.rmdir(own, dir_fd=fd)


def _purge_one(fd: int, entry: Entry, _wanted: Wanted) -> Outcome:
    os.unlink(entry.name, dir_fd=fd)
    return Outcome(entry, Result.REMOVED, Reason.PURGED)
