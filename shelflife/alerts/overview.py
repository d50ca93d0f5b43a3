"""What needs a person, as findings of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shelflife.alerts.conditions import AlertKind, alerts_now
from shelflife.errors import RecordsError, StorageError
from shelflife.explain.check import Finding, Level, check_storage
from shelflife.explain.status import Status, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.run.workplace import Workplace

_ERRORS: Final = {AlertKind.NO_ROOM}
"""Without a person, cleanups do not work any more."""

_SAID: Final = {AlertKind.STUCK}
"""What the check says by itself, of the lock."""


def check(work: Workplace, *, trying: bool = False) -> list[Finding]:
    """Return whether cleanups can work on a storage as it is, and what needs a person. Creates nothing.

    With `trying`, what an uncommon file system can do is tried once, in a directory that is gone afterwards.
    """
    try:
        records = work.records
    except StorageError:
        records = None
    found = check_storage(
        settings=work.settings, areas=work.areas, records=records, now=work.clock(), trying=trying
    )
    return found if records is None else [*found, *findings_of(work)]


def status(work: Workplace) -> Status:
    """Return how it stands with a storage, on one screen. Never raises for what is wrong with it."""
    try:
        alerts = alerts_now(work)
    except (StorageError, RecordsError, OSError):  # which the status says
        alerts = []
    return status_of(work, alerts)


def findings_of(work: Workplace) -> Iterator[Finding]:
    """Yield a finding for all that needs a person now. What cannot be read the check has said already."""
    try:
        alerts = alerts_now(work)
    except (StorageError, RecordsError, OSError):
        return
    for alert in alerts:
        if alert.kind not in _SAID:
            level = Level.ERROR if alert.kind in _ERRORS else Level.WARNING
            yield Finding(check=alert.kind, level=level, message=alert.text)
