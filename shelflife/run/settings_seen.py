"""Telling everybody that other settings are in force than before.

Nobody announces that they edit a file. So whoever acts by settings – a run, a service that starts, the watch that
looks after the disks while a service runs – has the journal compare them with those that were seen last.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.records.journal import Journal
    from shelflife.run.workplace import Workplace
    from shelflife.settings import Settings

__all__ = ["see_settings", "tell_changed_settings"]

_encode: Final = json.JSONEncoder(sort_keys=True, default=str).encode

_DIGITS: Final = 16
"""Of a value's fingerprint: 64 bits."""


def tell_changed_settings(work: Workplace) -> None:
    """Tell of it when a storage's settings are others than those seen last. Raises RecordsError, StorageError."""
    with work.records.open_journal() as journal:
        see_settings(journal, work.settings, at=work.clock())


def see_settings(journal: Journal, settings: Settings, *, at: int) -> None:
    """Have the journal compare the settings in force at `at` (ns) with those seen last. Raises RecordsError."""
    values = {key: value for key, value in _values("", settings.plain()) if key != "source"}
    journal.events.see_settings({key: _fingerprint(value) for key, value in values.items()}, at)


def _values(above: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:  # plain settings have no other mappings
        for name, part in value.items():
            yield from _values(f"{above}.{name}" if above else str(name), part)
    else:
        yield above, value


def _fingerprint(value: object) -> str:
    return sha256(_encode(value).encode()).hexdigest()[:_DIGITS]
