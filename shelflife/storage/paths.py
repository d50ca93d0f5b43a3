"""Where a path that a person gave lies in the storage."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.errors import UsageError

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
        return f"{self.directory}/{self.path}" if self.path else self.directory


def locate(path: str, base_path: Path, areas: Mapping[str, Area]) -> Place:
    """Return where `path` lies; it need not exist. A symbolic link at its end is meant itself.

    A relative path starts from the working directory; where that leads out of the storage, from the base path,
    as paths are printed. Raises UsageError when it lies in no area.
    """
    base = os.path.realpath(base_path)
    for absolute in (absolute_of(path), absolute_of(os.path.join(base, path))):
        relative = os.path.relpath(absolute, base)
        for area in areas.values():
            for directory in area.directories:
                if relative == directory:
                    return Place(area, directory, "")
                if relative.startswith(f"{directory}/"):
                    return Place(area, directory, relative[len(directory) + 1 :])
    raise UsageError(f"{path} lies in none of the areas ({', '.join(areas)}) below {base_path}")


def absolute_of(path: str) -> str:
    """Return a path as an absolute one, with the directories on its way resolved. Raises UsageError."""
    if not path or "\0" in path:
        raise UsageError("not a path; give the path of a file, such as storage/uploads/clip.mp4")
    head, tail = os.path.split(path.rstrip("/") or "/")
    if tail in ("", ".", ".."):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(head), tail)
