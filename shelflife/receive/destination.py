"""Destinations: where a file that is being received is to be, held open until it is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shelflife.errors import StorageError, UsageError
from shelflife.files.anchor import Anchor
from shelflife.policy.area import place_of

if TYPE_CHECKING:
    from shelflife.policy.area import Area
    from shelflife.records.state import StateDirectory
    from shelflife.run.workplace import Workplace

_LONGEST_NAME = 255
"""Bytes of a name, on every file system at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a file is to be."""

    area: Area
    anchor: Anchor
    """The area's own directory, held open."""
    directory: str
    """Below the area, with a trailing slash; empty for the area itself."""
    name: str
    state: StateDirectory
    clock: Callable[[], int]

    @classmethod
    def open(cls, work: Workplace, area: str, path: str) -> Self:
        """Hold where `path` below the area of that name is. Raises UsageError, StorageError."""
        found = work.areas[work.settings.area_name(area)]
        parts = _parts_of(path, found.left_out)
        state = work.records.state
        with work.hold_base() as held:
            base = os.dup(held)
        try:
            anchor = Anchor.open(base, found.directories[0])
        except OSError as error:
            os.close(base)
            where = f"{found.directories[0]}, the directory of the area {found.name}"
            raise StorageError(f"{where}: {error.strerror}") from error
        return cls(
            area=found,
            anchor=anchor,
            directory="".join(f"{part}/" for part in parts[:-1]),
            name=parts[-1],
            state=state,
            clock=work.clock,
        )

    @property
    def path(self) -> str:
        """The file's, relative to the base path."""
        return place_of(self.area.directories[0], self.directory + self.name)

    @property
    def device(self) -> int:
        """The number of its file system."""
        return self.anchor.identity.device

    @property
    def owner(self) -> tuple[int, int]:
        """The uid and gid of what root makes beside the file itself."""
        return self.state.owner.ids

    def close(self) -> None:
        """Let go of it."""
        self.anchor.close()
        os.close(self.anchor.base)


def _parts_of(path: str, ours: tuple[str, ...]) -> list[str]:
    """Return the names on the way to a path below an area. Raises UsageError."""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise UsageError(
            f"{path!r} is no name for a file in an area; allowed: a relative path, such as 4711/clip.mp4"
        )
    if parts[0] in ours:
        raise UsageError(f"{parts[0]} belongs to the storage itself; choose another name")
    if longest := next((part for part in parts if len(os.fsencode(part)) > _LONGEST_NAME), None):
        raise UsageError(f"the name {longest[:20]}… is too long; allowed: {_LONGEST_NAME} bytes")
    return parts
