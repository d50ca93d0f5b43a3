"""Purging: removing from the trash what has waited there long enough.

What a person holds stays, as everywhere; what was displaced is never purged.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.events import BatchFinished
from shelflife.execute.executor import LARGEST_BATCH, LONGEST_BATCH
from shelflife.execute.holding import held_entry
from shelflife.execute.report import AreaReport, Failure
from shelflife.files.anchor import Anchor, parent_of
from shelflife.files.listing import Entry, Kind
from shelflife.files.removal import Outcome, Removal, Result
from shelflife.files.trash import TrashName
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.execute.context import Context, Means
    from shelflife.policy.area import Area


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
    limit = context.freshness.now - (area.trash or 0) if before is None else before
    for name in trash_names(anchor):
        if name.at < limit:
            _purge_run(context, means, anchor, area, directory, name, report)


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


def _purge_run(
    context: Context,
    means: Means,
    anchor: Anchor,
    area: Area,
    directory: str,
    name: TrashName,
    report: AreaReport,
) -> None:
    top = f"{TRASH_DIRECTORY}/{name}/"
    directories: list[str] = []
    try:
        for path, fd, entries in walk(anchor, top):
            if not entries:
                directories.append(path)
            files = [entry for entry in entries if entry.kind in (Kind.FILE, Kind.LINK)]
            original = f"{directory}/{path[len(top) :]}"
            if not context.holds().covering(original.rstrip("/")):
                _purge_files(context, means, area, f"{directory}/{path}", original, fd, files, report)
    except OSError as error:
        failed = Failure(
            path=f"{directory}/{top}", errno=error.errno or 0, error=os.strerror(error.errno or 0)
        )
        report.note(failed)
    for path in reversed(directories):
        parent, own = parent_of(path)
        with suppress(OSError), anchor.directory(parent) as fd:
            os.rmdir(own, dir_fd=fd)
    with suppress(OSError):
        os.rmdir(TRASH_DIRECTORY, dir_fd=anchor.fd)


def _purge_files(
    context: Context,
    means: Means,
    area: Area,
    place: str,
    original: str,
    fd: int,
    files: list[Entry],
    report: AreaReport,
) -> None:
    def held(directory: int, entry: Entry) -> bool:
        found = held_entry(context.holds(), area.name, original + entry.name, directory, entry)
        return found is not None

    removal = Removal(
        area=area,
        cutoff=None,
        dispose=_purge_one,
        held=held,
        in_use=area.in_use,
        retries=means.retries,
    )
    size = min(means.batch_size, LARGEST_BATCH)
    while files:
        context.between()
        with means.gate():
            number = means.recorder.intend(area.name, place, files[:size])
            outcomes = removal.batch(fd, files[:size], until=time.monotonic() + LONGEST_BATCH)
            means.recorder.settle(number, outcomes)
        for outcome in outcomes:
            report.add(outcome)
            if outcome.result is Result.FAILED:
                report.fail(
                    Failure(path=place + outcome.name, errno=outcome.errno, error=os.strerror(outcome.errno))
                )
        context.listener(BatchFinished(area=area.name, directory=place, outcomes=outcomes))
        files = files[len(outcomes) :]


def _purge_one(fd: int, entry: Entry) -> Outcome:
    os.unlink(entry.name, dir_fd=fd)
    return Outcome(entry, Result.REMOVED, Reason.PURGED)
