"""What waits in the trash, and what came back from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.formats import iso, iso_or_none, printable
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.schema import Count, Time, TypedDict, shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shelflife.run.trashed import TrashedFile as FileInTrash

__all__ = ["Restored", "TrashedFile", "restored_as_json", "trashed_file_as_json"]


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

    restored: list[Path]


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


def restored_as_json(paths: Iterable[str]) -> Restored:
    """Return what came back, given the paths."""
    return {"restored": [path_as_json(path) for path in paths]}
