"""The journal's identity in SQLite: the UUID that it shares with its storage."""

from __future__ import annotations

import sqlite3
from typing import Final

from shelflife.records.sqlite.database import transaction

_CURRENT: Final = "SELECT uuid FROM identity"

_CLAIM: Final = "INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)"

_FORGET: Final = "DELETE FROM identity"

_BLANK: Final = "SELECT NOT EXISTS (SELECT 1 FROM run) AND NOT EXISTS (SELECT 1 FROM hold)"


class SqliteIdentity:
    """The UUID that the journal shares with its storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    @property
    def is_blank(self) -> bool:
        """Whether the journal knows of no run and no hold."""
        return bool(self._connection.execute(_BLANK).fetchone()[0])

    def current(self) -> str | None:
        """Return the UUID, if there is one."""
        found = self._connection.execute(_CURRENT).fetchone()
        return found[0] if found else None

    def claim(self, identity: str) -> str:
        """Give the journal a UUID, unless it has one; return the one that it has."""
        with transaction(self._connection):
            self._connection.execute(_CLAIM, (identity,))
            return str(self._connection.execute(_CURRENT).fetchone()[0])

    def forget(self) -> None:
        """Take back the UUID: the storage could not be marked with it."""
        with transaction(self._connection):
            self._connection.execute(_FORGET)
