"""What waits in the trash, in SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shelflife.records.sqlite.database import transaction
from shelflife.records.trash import TrashedRun

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA: Final = """
    CREATE TABLE trash (
        area TEXT NOT NULL,
        run TEXT NOT NULL,                  -- name of its directory in the trash
        files INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (area, run)
    );
    """


class SqliteTrashBook:
    """What waits in the trash of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def known(self) -> dict[str, dict[str, TrashedRun]]:
        """See `TrashBook`."""
        found: dict[str, dict[str, TrashedRun]] = {}
        for area, run, files, size in self._connection.execute("SELECT area, run, files, bytes FROM trash"):
            found.setdefault(area, {})[run] = TrashedRun(files, size)
        return found

    def replace(self, area: str, waiting: Mapping[str, TrashedRun]) -> None:
        """See `TrashBook`."""
        with suppress(sqlite3.OperationalError), transaction(self._connection):
            self._connection.execute("DELETE FROM trash WHERE area = ?", (area,))
            self._connection.executemany(
                "INSERT INTO trash VALUES (?, ?, ?, ?)",
                [(area, run, files, size) for run, (files, size) in waiting.items()],
            )
