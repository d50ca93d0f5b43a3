"""The slots of the schedule, as far as answers need them: when a run is due, and when one was."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from cronsim import CronSim

if TYPE_CHECKING:
    from shelflife.settings import CleanupSettings

_SECOND: Final = 10**9


def next_slot(cleanup: CleanupSettings, after: int) -> int | None:
    """Return the first slot after a time (ns since the epoch); None when nothing runs by itself."""
    return _slot(cleanup, after, reverse=False)


def last_slot(cleanup: CleanupSettings, before: int) -> int | None:
    """Return the last slot before a time (ns since the epoch); None when nothing runs by itself."""
    return _slot(cleanup, before, reverse=True)


def _slot(cleanup: CleanupSettings, ns: int, *, reverse: bool) -> int | None:
    if not cleanup.enabled:
        return None
    start = datetime.fromtimestamp(ns // _SECOND, cleanup.zone)
    slot = next(CronSim(cleanup.schedule, start, reverse=reverse), None)
    return None if slot is None else int(slot.timestamp()) * _SECOND
