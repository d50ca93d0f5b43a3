"""What looks at disks that are too full tell later ones, as the rest of the program sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shelflife.policy.gain import Remembered


class PressureBook(Protocol):
    """What is remembered of the disks of one storage."""

    def recall(self, disk: str, file_system: int) -> Remembered:
        """Return what is remembered of a disk, if it still is the file system of that id; else nothing."""

    def remember(self, disk: str, remembered: Remembered) -> None:
        """Replace what is remembered of a disk. What finds no room on a full disk is left out."""
