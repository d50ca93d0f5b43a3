"""Statistics: the areas in numbers, as sums over the index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shelflife.policy.area import Area
    from shelflife.records.index import Index
    from shelflife.records.trash import TrashedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaStatistics:
    """One area in numbers. Sizes in bytes, times in ns since the epoch."""

    area: str
    directory: str
    """Where it is, relative to the base path: its own directory, or the alias that is used instead."""
    as_of: int | None
    """When its last scan was completed; None before the first."""
    files: int
    """Regular files, protected ones included."""
    bytes: int
    """Their apparent size."""
    directories: int
    """Directories, its own included."""
    protected_files: int
    oldest: int | None
    """Time of the oldest file that may expire."""
    newest: int | None
    """Time of the newest file."""
    trash_files: int = 0
    """Regular files in its trash, as the last run left it; part of no other number here."""
    trash_bytes: int = 0
    """Their apparent size."""
    errors: tuple[str, ...] = ()
    """What this scan could not look at; the numbers hold what was known of it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A storage in numbers."""

    areas: tuple[AreaStatistics, ...]

    @property
    def complete(self) -> bool:
        """Whether every area was scanned at least once."""
        return all(area.as_of is not None for area in self.areas)

    @property
    def as_of(self) -> int | None:
        """When the oldest of the scans was completed (ns); None before the first."""
        stamps = [area.as_of for area in self.areas]
        return min((stamp for stamp in stamps if stamp is not None), default=None) if self.complete else None

    @property
    def files(self) -> int:
        """Regular files of all areas."""
        return sum(area.files for area in self.areas)

    @property
    def bytes(self) -> int:
        """Their apparent size."""
        return sum(area.bytes for area in self.areas)

    @property
    def trash_files(self) -> int:
        """Regular files in the trash of all areas."""
        return sum(area.trash_files for area in self.areas)

    @property
    def trash_bytes(self) -> int:
        """Their apparent size."""
        return sum(area.trash_bytes for area in self.areas)

    def with_trash(self, waiting: Mapping[str, Mapping[str, TrashedRun]]) -> Statistics:
        """Return likewise, with what waits in the trash: by area, and there by run."""
        return Statistics(
            areas=tuple(
                replace(
                    area,
                    trash_files=sum(one.files for one in waiting.get(area.area, {}).values()),
                    trash_bytes=sum(one.bytes for one in waiting.get(area.area, {}).values()),
                )
                for area in self.areas
            )
        )

    @property
    def directories(self) -> int:
        """Directories of all areas."""
        return sum(area.directories for area in self.areas)


def statistics_of(
    areas: Iterable[Area], index: Index | None, errors: Mapping[str, Sequence[str]] | None = None
) -> Statistics:
    """Return the areas in numbers, as the index has them; without an index, nothing is known of any.

    `errors` are what the refresh just before could not look at, by area.
    """
    faults = errors or {}
    return Statistics(
        areas=tuple(_area_statistics(area, index, tuple(faults.get(area.name, ()))) for area in areas)
    )


def _area_statistics(area: Area, index: Index | None, errors: tuple[str, ...]) -> AreaStatistics:
    roots = {directory: index.totals(directory) for directory in area.directories} if index else {}
    scanned = {directory: totals for directory, totals in roots.items() if totals.as_of}
    totals = list(scanned.values())
    classes = [found for root in totals for found in root.classes.items()]
    kept = [kind.number for kind in area.rules.classes[1:] if kind.is_kept]
    return AreaStatistics(
        area=area.name,
        directory=next(iter(scanned), area.directories[0]),
        as_of=min((root.as_of for root in totals), default=None),
        files=sum(root.files for root in totals),
        bytes=sum(root.bytes for root in totals),
        directories=sum(root.directories for root in totals),
        protected_files=sum(root.of(number).files for root in totals for number in kept),
        oldest=min(
            (sums.oldest for number, sums in classes if number not in kept and sums.oldest is not None),
            default=None,
        ),
        newest=max((root.newest for root in totals if root.newest is not None), default=None),
        errors=errors,
    )
