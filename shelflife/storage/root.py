"""A root: one of an area's directories, held open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shelflife.policy.area import place_of

if TYPE_CHECKING:
    from shelflife.files.anchor import Anchor
    from shelflife.policy.area import Area


class AreaRoot(NamedTuple):
    """One of an area's directories."""

    area: Area

    directory: str
    """Relative to the base path."""

    anchor: Anchor
    """Holds it open."""

    def place(self, path: str) -> str:
        """Return `path`, which is below it, relative to the base path."""
        return place_of(self.directory, path)
