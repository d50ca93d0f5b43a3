"""Loads: how much there is, and how old it is.

A histogram counts what an area could lose by its time: bucket `n` of a width holds what has a time from
`n * width` up to the next bucket. The index has hours; finer buckets come from listing the directories of one
hour. A unit (`expire: directory`) counts as one, at the time of its newest file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Load(NamedTuple):
    """An amount of files; also what is to be freed, where what is enough or too much counts as zero."""

    files: int = 0
    """Regular files; inodes, where a file system is meant."""
    bytes: int = 0
    """Their apparent size."""
    allocated: int = 0
    """Their blocks on disk, in bytes."""

    def plus(self, other: Load) -> Load:
        """Return the sum."""
        return Load(self.files + other.files, self.bytes + other.bytes, self.allocated + other.allocated)

    def less(self, other: Load) -> Load:
        """Return what is left when `other` is taken away, never below zero."""
        return Load(
            max(0, self.files - other.files),
            max(0, self.bytes - other.bytes),
            max(0, self.allocated - other.allocated),
        )

    def times(self, factor: int) -> Load:
        """Return so many times as much."""
        return Load(self.files * factor, self.bytes * factor, self.allocated * factor)

    def covers(self, need: Load) -> bool:
        """Return whether this is at least `need`, in every way."""
        return self.files >= need.files and self.bytes >= need.bytes and self.allocated >= need.allocated


NOTHING: Final = Load()


class Sample(NamedTuple):
    """An area, or what is outside of all of them, at one moment."""

    at: int
    """ns since the epoch."""
    files: int
    bytes: int
    gone_files: int = 0
    """What cleanups had removed since the first sample."""
    gone_bytes: int = 0


Histogram = dict[int, Load]
"""Bucket number → what has its time in there."""


def total(loads: Iterable[Load]) -> Load:
    """Return the sum of loads."""
    files = size = allocated = 0
    for load in loads:
        files += load.files
        size += load.bytes
        allocated += load.allocated
    return Load(files, size, allocated)


def before(histogram: Mapping[int, Load], moment: int, *, width: int = HOUR) -> Load:
    """Return what has a time before `moment` (ns), counting whole buckets that begin before it."""
    return total(load for bucket, load in histogram.items() if bucket * width < moment)
