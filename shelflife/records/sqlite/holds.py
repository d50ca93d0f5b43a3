"""Holds, as the journal keeps them: those that ended stay in the history."""

from __future__ import annotations

import os
import sqlite3
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shelflife.actor import current_actor
from shelflife.policy.holds import Hold, Holds
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    from collections.abc import Callable

_REPLACE: Final = "UPDATE hold SET ended = ?, ended_by = ? WHERE path = ? AND ended IS NULL"

_ADD: Final = """
INSERT INTO hold (path, tree, area, inode, born, created, until, reason, actor, via, request)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_END: Final = "UPDATE hold SET ended = ?, ended_by = ? WHERE id = ?"

_ALL: Final = """
SELECT id, path, tree, area, inode, born, created, until, reason, ended, actor FROM hold ORDER BY id DESC
"""


class SqliteHoldBook:
    """The holds of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def add(self, hold: Hold) -> Hold:
        """Record a hold and return it with its number. A hold on the same path that is active is replaced."""
        path, actor = os.fsencode(hold.path), current_actor()
        values = (
            path,
            hold.tree,
            hold.area,
            hold.inode,
            hold.born,
            hold.created,
            hold.until,
            hold.reason,
            *(actor.name, actor.via, actor.request),
        )
        with transaction(self._connection):
            self._connection.execute(_REPLACE, (hold.created, actor.name, path))
            cursor = self._connection.execute(_ADD, values)
        return replace(hold, id=int(cursor.lastrowid or 0), actor=actor.name)

    def end(self, path: str, at: int) -> list[Hold]:
        """End the holds on a path (relative to the base path) that are active at `at` (ns); return them."""
        ending = [hold for hold in self.all() if hold.path == path and hold.is_active(at)]
        with transaction(self._connection):
            self._connection.executemany(_END, [(at, current_actor().name, hold.id) for hold in ending])
        return [replace(hold, ended=at) for hold in ending]

    def all(self) -> list[Hold]:
        """Return every hold there ever was, the latest first."""
        rows = self._connection.execute(_ALL)
        return [
            Hold(
                id=number,
                path=os.fsdecode(path),
                tree=bool(tree),
                area=area,
                inode=inode,
                born=born,
                created=created,
                until=until,
                reason=reason,
                ended=ended,
                actor=actor,
            )
            for number, path, tree, area, inode, born, created, until, reason, ended, actor in rows.fetchall()
        ]

    def active(self, now: int) -> Holds:
        """Return the holds that are active at `now` (ns)."""
        return Holds.of(self.all(), now)


class SqliteHoldWatch:
    """The active holds, read again when somebody changed the journal."""

    def __init__(
        self, connection: sqlite3.Connection, *, clock: Callable[[], int], lock: threading.RLock
    ) -> None:
        """Use a connection to the journal; its own changes are not noticed, only those of others.

        `lock` is held whenever the connection is used, so that several threads may ask.
        """
        self._connection = connection
        self._lock = lock
        self._book = SqliteHoldBook(connection)
        self._clock = clock
        self._version = -1
        self._holds = Holds()

    def current(self) -> Holds:
        """Return the holds as they are now. Raises sqlite3.Error: unknown holds must stop a run."""
        with self._lock:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                self._holds = self._book.active(self._clock())
                self._version = version
            return self._holds
