"""What a cleanup needs of its storage, in one list.

`check` tells what is missing of it, and every run refuses by it before it does anything: so the one says ✗ where
the other refuses, and nowhere else. Looking creates nothing. What is told here can change until the run gets
there, and is then told by whatever fails.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.errors import RecordsError, StorageError
from shelflife.records.marker import marker_fault
from shelflife.storage.areas import hold_base, hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shelflife.policy.area import Area
    from shelflife.records.records import Records
    from shelflife.records.state import StateDirectory
    from shelflife.settings import Settings

_USE = os.R_OK | os.W_OK | os.X_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Something that a cleanup needs and that is not so."""

    subject: str
    """What is at fault, in a word or two: base path, state directory, journal."""

    message: str
    """What is wrong, and what to do about it."""


def base_obstacle(settings: Settings) -> Obstacle | None:
    """Return what is wrong with the base path, if anything is."""
    try:
        with hold_base(settings.base_path, require_mount=settings.require_mount):
            return None
    except StorageError as error:
        return Obstacle(subject="base path", message=str(error))


def records_obstacles(records: Records) -> list[Obstacle]:
    """Return what is wrong with the place of the records and with the journal. The base path must be there."""
    state = records.state
    found = [Obstacle(subject="state directory", message=message) for message in _place_faults(state)]
    if not found and (message := _journal_fault(records)):
        found.append(Obstacle(subject="journal", message=message))
    return found


def require_records(records: Records) -> None:
    """Raise StorageError where the records cannot be kept. What is in them is seen when they are opened."""
    for message in _place_faults(records.state):
        raise StorageError(message)


def area_obstacles(base: int, area: Area) -> list[str]:
    """Return why a cleanup leaves an area out, or a directory of it; `base` is the open base path."""
    try:
        with hold_roots(base, area) as (roots, faults):
            unusable = [
                f"{directory}: {reason}" for _, directory, anchor in roots if (reason := _unusable(anchor.fd))
            ]
            return [*faults, *unusable]
    except StorageError as error:
        return [str(error)]


def _unusable(place: int | Path) -> str | None:
    """Say why entries cannot come and go in a directory, by its path or open; None if they can."""
    if _may(place, _USE):
        return None
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return "on a file system that is mounted read-only"
    lacking = "writable" if _may(place, os.R_OK | os.X_OK) else "readable"
    owner = os.stat(place).st_uid
    return f"not {lacking} for user {os.geteuid()} (Permission denied); it belongs to user {owner}"


def _may(place: int | Path, mode: int) -> bool:
    """Ask for the ids that open(2) goes by."""
    if isinstance(place, int):
        return os.access(".", mode, dir_fd=place, effective_ids=True)
    return os.access(place, mode, effective_ids=True)


def _place_faults(state: StateDirectory) -> Iterator[str]:
    """Yield why the files of the records can be neither used nor made, the first thing that is wrong first."""
    for directory in dict.fromkeys((state.path, state.home)):
        if reason := _no_place(directory):
            yield reason
            return
    if reason := state.unfit():
        yield reason
    for file in (state.journal, state.lock, state.marker):
        if os.path.lexists(file) and not (file.is_file() and _may(file, os.R_OK | os.W_OK)):
            yield f"{file}: not a file that user {os.geteuid()} may read and write"


def _no_place(directory: Path) -> str | None:
    """Say why a directory can be neither used nor made; None if it can."""
    place = directory
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        return f"{place} is in the way: it is not a directory"
    if reason := _unusable(place):
        return f"{place}: {reason}"
    return None


def _journal_fault(records: Records) -> str | None:
    try:
        with records.read_journal() as journal:
            return marker_fault(records.state, journal)
    except RecordsError as error:
        return str(error)
