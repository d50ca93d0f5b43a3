"""Samples of how much the areas and disks contain, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shelflife.policy.load import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSample:
    """A file system at one moment, in bytes."""

    disk: str
    """The first of the areas' directories on it."""
    used: int
    available: int
    outside: int
    """What belongs to no area."""


class UsageBook(Protocol):
    """The samples of one storage; the older, the fewer."""

    def add(
        self,
        at: int,
        areas: Mapping[str, tuple[int, int]],
        gone: Mapping[str, tuple[int, int]],
        disks: Sequence[DiskSample],
    ) -> None:
        """Record what areas contain (files, bytes) at `at` (ns), and what went of them since the last sample.

        A sample that finds no room on a full disk is left out.
        """

    def last(self) -> int:
        """Return when the last sample was taken (ns); 0 before the first."""

    def latest(self) -> dict[str, int]:
        """Return when the last sample of each area was taken (ns)."""

    def areas(self, *, since: int) -> dict[str, list[Sample]]:
        """Return the samples of each area from `since` (ns) on, in the order of time."""

    def outside(self, *, since: int) -> dict[str, list[Sample]]:
        """Return likewise, for each disk, what of it belongs to no area."""
