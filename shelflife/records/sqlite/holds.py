"""Holds, as the journal keeps them: those that ended stay in the history."""

from __future__ import annotations

import os
import sqlite3
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shelflife.actor import current_actor
from shelflife.policy.holds import Hold, Holds
from shelflife.records.holds import HoldChanged
from shelflife.records.sqlite.acts import note
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_REPLACE: Final = "UPDATE hold SET ended = ?, ended_by = ? WHERE path = ? AND ended IS NULL"

_ADD: Final = """
INSERT INTO hold (path, tree, area, inode, born, created, until, reason, actor, via, request)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_END: Final = "UPDATE hold SET ended = ?, ended_by = ? WHERE id = ? AND ended IS NULL"

_HOLDS: Final = """
SELECT id, path, tree, area, inode, born, created, until, reason, ended, actor, ended_by FROM hold
"""

_ALL: Final = f"{_HOLDS} ORDER BY id DESC"

_ONE: Final = f"{_HOLDS} WHERE id = ?"

_ON_PATH: Final = f"{_HOLDS} WHERE path = ? AND ended IS NULL ORDER BY id DESC"

_LATEST: Final = f"{_HOLDS} WHERE id < ? AND (? IS NULL OR (ended IS NULL AND coalesce(until > ?, 1)))"


class SqliteHoldBook:
    """The holds of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def add(self, hold: Hold, *, instead_of: int | None = None) -> Hold:
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
            if instead_of is not None and not any(
                known.id == instead_of for known in self.on(hold.path, hold.created)
            ):
                raise HoldChanged(hold.path)
            self._connection.execute(_REPLACE, (hold.created, actor.name, path))
            number = int(self._connection.execute(_ADD, values).lastrowid or 0)
            note(self._connection, "hold.added", number, at=hold.created, path=hold.path, area=hold.area)
        return replace(hold, id=number, actor=actor.name)

    def end(self, path: str, at: int, *, only: int | None = None) -> list[Hold]:
        """End the holds on a path (relative to the base path) that are active at `at` (ns); return them."""
        by = current_actor().name
        with transaction(self._connection):
            ending = [hold for hold in self.on(path, at) if only in (None, hold.id)]
            for hold in ending:
                self._connection.execute(_END, (at, by, hold.id))
                note(self._connection, "hold.ended", hold.id, at=at, path=hold.path, area=hold.area)
        return [replace(hold, ended=at, ended_by=by) for hold in ending]

    def on(self, path: str, at: int) -> list[Hold]:
        """See `HoldBook`."""
        found = self._holds(_ON_PATH, (os.fsencode(path),))
        return [hold for hold in found if hold.is_active(at)]

    def one(self, number: int) -> Hold | None:
        """See `HoldBook`."""
        return next(iter(self._holds(_ONE, (number,))), None)

    def latest(
        self, *, limit: int, before: int | None = None, active: int | None = None, areas: Sequence[str] = ()
    ) -> list[Hold]:
        """See `HoldBook`."""
        values = [before or 2**62, active, active, *areas, limit]
        chosen = f" AND area IN ({', '.join('?' * len(areas))})" if areas else ""
        return self._holds(f"{_LATEST}{chosen} ORDER BY id DESC LIMIT ?", values)

    def all(self) -> list[Hold]:
        """Return every hold there ever was, the latest first."""
        return self._holds(_ALL, ())

    def _holds(self, query: str, values: Sequence[object]) -> list[Hold]:
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
                ended_by=ended_by,
            )
            for number, path, tree, area, inode, born, created, until, *others in self._connection.execute(
                query, values
            ).fetchall()
            for reason, ended, actor, ended_by in [others]
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
