"""What waits in the trash, and what came back from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from shelflife.formats import iso, iso_or_none, printable
from shelflife.records.history import RunState
from shelflife.shapes.hold import Hold, hold_as_json
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.run import Failure, report_as_json
from shelflife.shapes.schema import Count, Time, TypedDict, shape, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shelflife.run.restored import Restored as RestoredValue
    from shelflife.run.selection import Returning as ReturningValue
    from shelflife.run.trashed import TrashedFile as FileInTrash

__all__ = [
    "MOST",
    "Restored",
    "Returning",
    "TrashedFile",
    "WouldRestore",
    "restored_as_json",
    "trashed_file_as_json",
    "would_restore_as_json",
]

MOST: Final = 1000
"""Files that one answer names."""


@shape
class TrashedFile(Path):
    """What waits in the trash; its paths are relative to the base path."""

    area: str
    place: str
    """Where it lies now."""
    run: int
    """The run that put it there."""
    trashed: Time
    until: Time | None
    """When it may be purged; null for what is displaced."""
    displaced: bool
    """Whether it could not be put back, since its name was taken; then it is never purged."""
    size: Count
    modified: Time


@shape
class Restored(TypedDict):
    """What came back from the trash."""

    run: int
    """The run that brought it back; its files have the outcome of each."""
    state: Annotated[str, words_of(RunState)]
    """`stopped`: the same request goes on."""
    files: Count
    """Files and links that came back."""
    taken: Count
    """What stays in the trash, since something of its name is there."""
    failed: Count
    """What could not be brought back, and stays in the trash."""
    restored: list[Path]
    """The first 1,000; a directory that came back as one has a slash at its end."""
    restored_truncated: bool
    failures: list[Failure]
    """Why others stay in the trash, the first 1,000."""
    errors: list[str]
    """What ended a part of it."""
    hold: Hold | None
    """What keeps all that came back from the next cleanup."""


@shape
class Returning(Path):
    """A file that would come back; `path` is where it was, relative to the base path."""

    to: str
    """Where it would come back to."""
    run: int
    """The run that put it into the trash."""
    size: Count
    taken: bool
    """Whether something of that name is there, so that it would stay in the trash."""


@shape
class WouldRestore(TypedDict):
    """What would come back from the trash."""

    dry_run: bool
    files: Count
    bytes: Count
    taken: Count
    """What would stay in the trash, since something of its name is there."""
    would_restore: list[Returning]
    """The first 1,000."""
    would_restore_truncated: bool


def trashed_file_as_json(file: FileInTrash) -> TrashedFile:
    """Return what waits in the trash."""
    return {
        **path_as_json(file.path),
        "area": file.area,
        "place": printable(file.place),
        "run": file.run,
        "trashed": iso(file.trashed),
        "until": iso_or_none(file.until),
        "displaced": file.until is None,
        "size": file.size,
        "modified": iso(file.mtime),
    }


def restored_as_json(done: RestoredValue, *, now: int) -> Restored:
    """Return what came back, as seen at `now` (ns)."""
    report = done.report
    return {
        "run": report.run,
        "state": report.state,
        "files": done.files,
        "taken": report.total("taken"),
        "failed": report.failed,
        "restored": [path_as_json(path) for path in done.paths],
        "restored_truncated": not done.is_all,
        "failures": report_as_json(report.as_json())["failures"],
        "errors": [printable(error) for error in report.errors],
        "hold": None if done.hold is None else hold_as_json(done.hold, now=now),
    }


def would_restore_as_json(files: Iterable[ReturningValue]) -> WouldRestore:
    """Return what would come back."""
    counts = {False: 0, True: 0}
    size = 0
    shown: list[Returning] = []
    for one in files:
        counts[one.is_taken] += 1
        size += 0 if one.is_taken else one.file.size
        if len(shown) < MOST:
            shown.append(returning_as_json(one))
    return {
        "dry_run": True,
        "files": counts[False],
        "bytes": size,
        "taken": counts[True],
        "would_restore": shown,
        "would_restore_truncated": sum(counts.values()) > len(shown),
    }


def returning_as_json(one: ReturningValue) -> Returning:
    """Return a file that would come back."""
    return {
        **path_as_json(one.file.path),
        "to": printable(one.home),
        "run": one.file.run,
        "size": one.file.size,
        "taken": one.is_taken,
    }
