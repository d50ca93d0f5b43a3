"""What waits in the trash, as the rest of the program sees it: counted by each run, so that nobody walks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class TrashedRun(NamedTuple):
    """What one run has put into the trash of one area, and is still there."""

    files: int = 0
    bytes: int = 0
    """Their apparent size."""


class TrashBook(Protocol):
    """What waits in the trash of a storage, area by area and run by run."""

    def known(self) -> dict[str, dict[str, TrashedRun]]:
        """Return area → name of the run's directory in the trash → what is there, as it was last counted."""

    def replace(self, area: str, waiting: Mapping[str, TrashedRun]) -> None:
        """Replace what is known of an area. What finds no room on a full disk is left out."""
