"""Taking samples of how much there is, from which the forecast learns what comes in a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.clock import SECOND
from shelflife.policy.load import total
from shelflife.records.usage import DiskSample
from shelflife.scan.measure import size_of
from shelflife.storage.disks import disks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.policy.area import Area
    from shelflife.records.index import Index
    from shelflife.records.usage import UsageBook
    from shelflife.remove.report import RunReport
    from shelflife.run.workplace import Workplace


def sample(work: Workplace, *, at_most_every: float = 0.0) -> bool:
    """Record how much there is, unless that was done within so many seconds; return whether it was recorded.

    Raises RecordsError, StorageError.
    """
    now, records = work.clock(), work.records
    with records.read_journal() as journal:
        if journal is not None and now - journal.usage.last() < at_most_every * SECOND:
            return False
    with work.hold_base() as base, records.read_index() as index:
        if index is None:
            return False
        with records.open_journal() as writable:
            take_sample(writable.usage, base, index, work.areas, now)
    return True


def take_sample(
    book: UsageBook,
    base: int,
    index: Index,
    areas: Mapping[str, Area],
    now: int,
    report: RunReport | None = None,
) -> None:
    """Record what the areas and their disks hold at `now` (ns), and what a run has just removed.

    An area that was not looked at since its last sample gets none: it would seem that nothing came.
    """
    gone = {
        area.area: (area.removed + area.trashed + area.displaced, area.bytes + area.trashed_bytes)
        for area in (report.areas if report is not None else ())
    }
    loads = {
        directory: size_of(index, [directory]) for area in areas.values() for directory in area.directories
    }
    sizes = {name: total(loads[directory] for directory in area.directories) for name, area in areas.items()}
    seen = book.latest()
    book.add(
        now,
        {
            name: (size.files, size.bytes)
            for name, size in sizes.items()
            if name in gone or _looked_at(index, areas[name]) > seen.get(name, 0)
        },
        gone,
        [
            DiskSample(
                disk=disk.name,
                used=disk.usage.space.used,
                available=disk.usage.space.available,
                outside=disk.usage.space.used
                - sum(loads[directory].allocated for there in disk.areas.values() for directory in there),
            )
            for disk in disks_of(base, areas.values())
        ],
    )


def _looked_at(index: Index, area: Area) -> int:
    """Return when an area was last looked at (ns); 0 when it never was."""
    stamps = [index.totals(directory).as_of for directory in area.directories]
    return min((stamp for stamp in stamps if stamp), default=0)
