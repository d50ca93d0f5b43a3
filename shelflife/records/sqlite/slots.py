"""Slots of the schedule in SQLite."""

from __future__ import annotations

import sqlite3
from typing import Final

from shelflife.records.sqlite.database import transaction

_CLAIM: Final = "INSERT OR IGNORE INTO slot VALUES (?, ?, NULL)"

_BEGIN: Final = """
INSERT OR IGNORE INTO slot SELECT ?, ?, NULL WHERE NOT EXISTS (SELECT 1 FROM slot WHERE at <= ?)
"""

_ONE: Final = "SELECT 1 FROM slot WHERE at = ?"

_LAST: Final = "SELECT max(at) FROM slot WHERE at <= ?"


class SqliteSlots:
    """Which slots of the schedule somebody has taken."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def claim(self, slot: int, *, at: int) -> bool:
        """Take a slot (ns); False if somebody has it already."""
        with transaction(self._connection):
            return self._connection.execute(_CLAIM, (slot, at)).rowcount == 1

    def begin(self, slot: int, *, at: int) -> None:
        """Let the schedule count from a slot (ns), if none up to now (`at`, ns) was ever taken."""
        with transaction(self._connection):
            self._connection.execute(_BEGIN, (slot, at, at))

    def is_claimed(self, slot: int) -> bool:
        """Return whether a slot is taken."""
        return self._connection.execute(_ONE, (slot,)).fetchone() is not None

    def last(self, *, until: int | None = None) -> int | None:
        """Return the time (ns) of the latest slot that was taken; of those up to `until` (ns), if given."""
        (slot,) = self._connection.execute(_LAST, (2**62 if until is None else until,)).fetchone()
        return None if slot is None else int(slot)
