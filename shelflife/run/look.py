"""Looking at a storage: its index brought up to date, and its areas in numbers."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import RecordsError
from shelflife.records.statistics import Statistics, statistics_of
from shelflife.run import planning
from shelflife.scan.context import Stopped, StopWatch

if TYPE_CHECKING:
    import threading

    from shelflife.run.workplace import Workplace


def refresh(work: Workplace, *, stop: threading.Event | None = None) -> dict[str, list[str]]:
    """Bring the index up to date; return by area what could not be looked at. Raises StorageError.

    Setting `stop` ends it at the next directory, with nothing to report.
    """
    with work.context(watch=StopWatch(stop)) as context:
        try:
            return planning.refresh_areas(context, work.areas.values())
        except Stopped:
            return {}


def stats(work: Workplace, *, refreshed: bool) -> Statistics:
    """Return the storage in numbers, as of the last scan, or scanned now. Raises StorageError."""
    areas = work.areas.values()
    if refreshed:
        with work.context() as context:
            errors = planning.refresh_areas(context, areas)
            found = statistics_of(areas, context.index, errors)
    else:
        with work.records.read_index() as index:
            found = statistics_of(areas, index)
    with suppress(RecordsError), work.records.read_journal() as journal:  # the areas are known without it
        return found if journal is None else found.with_trash(journal.trash.known())
    return found
