"""Purging: removing from the trash what has waited there long enough.

What a person holds stays, as everywhere, by its former path, by where it waits, or as the file that it is; what
was displaced is never purged. An area without a trash has something there only after its trash was switched
off, or when a run could not finish with it: of that only goes what is expired in the area, too.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from shelflife.events import BatchFinished
from shelflife.execute.executor import LONGEST_BATCH, AreaLost, in_place, is_denied
from shelflife.execute.holding import held_directory, held_entry
from shelflife.execute.parcels import LARGEST_BATCH
from shelflife.execute.report import AreaReport, Failure
from shelflife.files.anchor import Anchor, identity_of, parent_of
from shelflife.files.listing import Entry, Kind
from shelflife.files.removal import Outcome, Removal, Result, Wanted
from shelflife.files.trash import DISPLACED_PREFIX, TrashName
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.cutoff import by_retention
from shelflife.policy.load import NOTHING, Load
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.execute.context import Context, Means
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff


def purge(
    context: Context,
    means: Means,
    anchor: Anchor,
    area: Area,
    directory: str,
    report: AreaReport,
    *,
    before: int | None = None,
) -> None:
    """Remove what went into an area's trash before `before` (ns); by default, what waited for `area.trash`."""
    if area.trash is None and area.retention is None and before is None:
        return
    limit = context.freshness.now - (area.trash or 0) if before is None else before
    cutoff = by_retention(area, context.freshness.now) if area.trash is None and before is None else None
    for name in trash_names(anchor):
        if name.at < limit:
            _Purge(context, means, anchor, area, directory, report, name, cutoff).run()
    with suppress(OSError):  # where nothing waits any more, or a run was killed before it did this
        os.rmdir(TRASH_DIRECTORY, dir_fd=anchor.fd)


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


def purge_run(
    context: Context,
    means: Means,
    anchor: Anchor,
    area: Area,
    directory: str,
    name: TrashName,
    report: AreaReport,
) -> None:
    """Remove all that one run put into an area's trash. Raises Stopped, and AreaLost on a read-only disk."""
    _Purge(context, means, anchor, area, directory, report, name, None).run()


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

    def __init__(
        self,
        context: Context,
        means: Means,
        anchor: Anchor,
        area: Area,
        directory: str,
        report: AreaReport,
        name: TrashName,
        cutoff: Cutoff | None,
    ) -> None:
        """Prepare to remove what is before `cutoff`; all, if None."""
        self._context = context
        self._means = means
        self._anchor = anchor
        self._area = area
        self._directory = directory
        self._report = report
        self._top = f"{TRASH_DIRECTORY}/{name}/"
        self._cutoff = cutoff

    def run(self) -> None:
        """Remove it. Raises Stopped, and AreaLost when the disk is read-only."""
        directories: list[str] = []
        try:
            for path, fd, entries in walk(self._anchor, self._top):
                if f"/{DISPLACED_PREFIX}" in path:
                    continue
                if not entries:
                    directories.append(path)
                self._purge(path, fd, [entry for entry in entries if self._goes(entry)])
        except OSError as error:
            code = error.errno or 0
            place = f"{self._directory}/{self._top}"
            self._report.note(Failure(path=place, errno=code, error=os.strerror(code)))
        self._remove_empty(directories)

    def _goes(self, entry: Entry) -> bool:
        return entry.kind in (Kind.FILE, Kind.LINK) and not entry.name.startswith(DISPLACED_PREFIX)

    def _purge(self, path: str, fd: int, files: list[Entry]) -> None:
        identity = identity_of(fd)
        removal = Removal(
            area=self._area,
            cutoff=None if self._cutoff is None else self._cutoff.at,
            dispose=_purge_one,
            held=partial(self._held, self._former(path)),
            in_use=self._area.in_use,
            retries=self._means.retries,
            in_place=partial(in_place, self._anchor, path, identity),
        )
        size = min(self._means.batch_size, LARGEST_BATCH)
        while files:
            self._context.between()
            with self._means.gate():
                if not self._anchor.verify(path, identity) or self._held_directory(path):
                    return
                outcomes = self._batch(path, fd, files[:size], removal)
            self._tell(path, outcomes)
            if is_denied(outcomes):
                return
            files = files[len(outcomes) :]

    def _batch(self, path: str, fd: int, files: list[Entry], removal: Removal) -> list[Outcome]:
        place = f"{self._directory}/{path}"
        number = self._means.recorder.intend(self._area.name, place, files)
        outcomes = removal.batch(fd, files, until=time.monotonic() + LONGEST_BATCH)
        self._means.recorder.settle(number, outcomes)
        for outcome in outcomes:
            self._report.add(outcome)
            if outcome.result is Result.FAILED:
                code = outcome.errno
                self._report.fail(Failure(path=place + outcome.name, errno=code, error=os.strerror(code)))
        return outcomes

    def _tell(self, path: str, outcomes: list[Outcome]) -> None:
        place = f"{self._directory}/{path}"
        self._context.listener(BatchFinished(area=self._area.name, directory=place, outcomes=outcomes))
        if any(outcome.errno == errno.EROFS for outcome in outcomes):
            raise AreaLost(f"{self._directory}: {os.strerror(errno.EROFS)}")

    def _former(self, path: str) -> str:
        """Return where the directory at `path` in the trash was, relative to the base path."""
        return f"{self._directory}/{path[len(self._top) :]}"

    def _held_directory(self, path: str) -> bool:
        holds = self._context.holds()
        return (
            held_directory(holds, self._anchor, self._area.name, self._directory, path) is not None
            or holds.covering(self._former(path).rstrip("/")) is not None
        )

    def _held(self, former: str, fd: int, entry: Entry) -> bool:
        return held_entry(self._context.holds(), self._area.name, former + entry.name, fd, entry) is not None

    def _remove_empty(self, directories: list[str]) -> None:
        for path in reversed(directories):
            parent, own = parent_of(path)
            with suppress(OSError), self._anchor.directory(parent) as fd:
                os.rmdir(own, dir_fd=fd)


def _purge_one(fd: int, entry: Entry, _wanted: Wanted) -> Outcome:
    os.unlink(entry.name, dir_fd=fd)
    return Outcome(entry, Result.REMOVED, Reason.PURGED)
