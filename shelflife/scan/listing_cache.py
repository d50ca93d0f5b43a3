"""The cache of listings: what a run has read and will need again, up to a bound on memory.

A cleanup lists each due directory to plan, and needs the same names a moment later to act. They are cached while
they take little memory; what is not cached is read again. A cached name proposes, like the index, and decides
nothing: every entry is looked at once more before it goes, and a directory that has changed is read anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shelflife.files.reading import Reading
    from shelflife.policy.cutoff import Cutoffs

MOST: Final = 24 * 1024 * 1024
"""Bytes that the readings in a listings take, at the most."""


class ListingCache:
    """Readings by root (its number in the index) and path."""

    def __init__(self, most: int = MOST) -> None:
        """Note up to `most` bytes."""
        self._left = most
        self._readings: dict[tuple[int, str], Reading] = {}

    def put(self, root: int, path: str, reading: Reading) -> None:
        """Note a reading, if there is room."""
        if reading.error == 0 and reading.weight <= self._left and (root, path) not in self._readings:
            self._left -= reading.weight
            self._readings[root, path] = reading
            reading.fold()

    def seen(self, root: int, path: str) -> Reading | None:
        """Return what was read of a directory, which stays noted; None when it was not noted."""
        return self._readings.get((root, path))

    def take(self, root: int, path: str, cutoffs: Cutoffs) -> Reading | None:
        """Return what was read of a directory for these cutoffs, and forget it; None when it was not noted."""
        reading = self._readings.pop((root, path), None)
        if reading is None:
            return None
        self._left += reading.weight
        return reading if reading.cutoffs == cutoffs else None
