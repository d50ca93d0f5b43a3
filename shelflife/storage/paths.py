"""Where a path that a person gave lies in the storage."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.errors import UsageError
from shelflife.policy.area import place_of
from shelflife.settings import BASE_PATH, STATE_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shelflife.policy.area import Area


@dataclass(frozen=True, slots=True)
class Place:
    """A path in one of an area's directories."""

    area: Area
    directory: str
    """The area's directory, relative to the base path."""
    path: str
    """Below that directory, without slashes at its ends; empty: the directory itself."""

    @property
    def whole(self) -> str:
        """The path relative to the base path."""
        return place_of(self.directory, self.path) if self.path else self.directory

    @property
    def is_ours(self) -> bool:
        """Whether it is in the directory of the storage's records, which is no part of the area."""
        return self.directory == BASE_PATH and self.path.partition("/")[0] == STATE_DIRECTORY

    @property
    def prefix(self) -> str:
        """What the place of everything below it begins with; empty where that is all of the storage."""
        return place_of(self.directory, f"{self.path}/" if self.path else "")


def locate(path: str, base_path: Path, areas: Mapping[str, Area]) -> Place:
    """Return where `path` lies; it need not exist. A symbolic link at its end is meant itself.

    A relative path starts from the working directory; where that leads out of the storage, from the base path,
    as paths are printed. Raises UsageError when it lies in no area.
    """
    base = os.path.realpath(base_path)
    for absolute in (absolute_of(path), absolute_of(os.path.join(base, path))):
        if (place := place_at(absolute, base, areas)) is not None:
            if place.is_ours:
                raise UsageError(f"{path} belongs to the records of the storage itself")
            return place
    raise UsageError(f"{path} lies in none of the areas ({', '.join(areas)}) below {base_path}")


def place_at(absolute: str, base: str, areas: Mapping[str, Area]) -> Place | None:
    """Return where an absolute path lies; None if in no area. In both paths, symbolic links are resolved."""
    relative = os.path.relpath(absolute, base)
    if relative.partition("/")[0] == "..":
        return None
    for area in areas.values():
        if relative in area.directories:
            return Place(area, relative, "")
        if (found := area.find(relative)) is not None:
            return Place(area, *found)
    return None


def absolute_of(path: str) -> str:
    """Return a path as an absolute one, with the directories on its way resolved. Raises UsageError."""
    if not path or "\0" in path:
        raise UsageError("not a path; give the path of a file, such as storage/uploads/clip.mp4")
    head, tail = os.path.split(path.rstrip("/") or "/")
    if tail in ("", ".", ".."):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(head), tail)
