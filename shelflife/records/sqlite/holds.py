"""Holds, as the journal keeps them: those that ended stay in the history."""

from __future__ import annotations

import os
import sqlite3
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from shelflife.actor import current_actor
from shelflife.files.removal import Result
from shelflife.policy.holds import EVERYTHING, Hold, Holds, Members
from shelflife.policy.verdict import Reason
from shelflife.records.history import BYTES, Code
from shelflife.records.holds import HoldChanged
from shelflife.records.journal import JournalFull
from shelflife.records.sqlite.acts import note
from shelflife.records.sqlite.database import insert_rows, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BACK: Final = BYTES[Code(Result.RESTORED, Reason.RESTORED)]
"""The stored outcome of what came back."""

SCHEMA: Final = """
    -- No comment behind a new column: SQLite takes it into the table's definition.
    -- hold.run: the run that brought back what is held. hold.members: NULL, it is a hold on its path; 0, it waits
    -- for them, and all below its path is held; 1, they are in the table held, and its path is what they share.
    ALTER TABLE hold ADD COLUMN run INTEGER;
    ALTER TABLE hold ADD COLUMN members INTEGER;
    CREATE TABLE held (
        hold INTEGER NOT NULL REFERENCES hold ON DELETE CASCADE,
        directory BLOB NOT NULL,            -- relative to the base path, with a trailing slash
        tree INTEGER NOT NULL,              -- 1: directories, with all below them
        names BLOB NOT NULL                 -- joined by slashes
    );
    CREATE INDEX held_hold ON held (hold);
    """

_REPLACE: Final = "UPDATE hold SET ended = ?, ended_by = ? WHERE path = ? AND ended IS NULL AND run IS NULL"

_ADD: Final = """
INSERT INTO hold (path, tree, area, inode, born, created, until, reason, actor, via, request, run, members)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_OPEN: Final = "SELECT id, run FROM hold WHERE members = 0 AND run IS NOT NULL"

_CAME_BACK: Final = """
SELECT directory, unit = 5, names, outcomes FROM batch
WHERE run = ? AND unit IN (4, 5) AND outcomes IS NOT NULL
"""

_MEMBER: Final = "INSERT INTO held (hold, directory, tree, names)"

_CLOSE: Final = "UPDATE hold SET path = ?, tree = ?, members = ? WHERE id = ?"

_DROP: Final = "DELETE FROM hold WHERE id = ?"

_FOLLOW: Final = "UPDATE hold SET inode = ?, born = ? WHERE id = ?"

_FORGET_MEMBERS: Final = (
    "DELETE FROM held WHERE hold IN (SELECT id FROM hold WHERE ended IS NOT NULL OR until < ?)"
)

_MEMBERS: Final = "SELECT hold, directory, tree, names FROM held"

_END: Final = "UPDATE hold SET ended = ?, ended_by = ? WHERE id = ? AND ended IS NULL"

_HOLDS: Final = """
SELECT id, path, tree, area, inode, born, created, until, reason, ended, actor, run, members, ended_by FROM hold
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
            *(hold.run, None if hold.run is None else 0),
        )
        with transaction(self._connection):
            if instead_of is not None and not any(
                known.id == instead_of for known in self.on(hold.path, hold.created)
            ):
                raise HoldChanged(hold.path)
            if hold.run is None:
                self._connection.execute(_REPLACE, (hold.created, actor.name, path))
            number = int(self._connection.execute(_ADD, values).lastrowid or 0)
            if hold.run is None:  # else it is known only in the end what is held
                note(self._connection, "hold.added", number, at=hold.created, path=hold.path, area=hold.area)
        return replace(hold, id=number, actor=actor.name)

    def end(self, path: str, at: int, *, only: int | None = None) -> list[Hold]:
        """End the holds on a path (relative to the base path) that are active at `at` (ns); return them."""
        with transaction(self._connection):
            return self._end([hold for hold in self.on(path, at) if only in (None, hold.id)], at)

    def end_of_run(self, run: int, at: int) -> list[Hold]:
        """End the hold on what a run brought back, if it is active at `at` (ns); return it."""
        with transaction(self._connection):
            found = self._holds(f"{_HOLDS} WHERE run = ?", (run,))
            return self._end([hold for hold in found if hold.is_active(at)], at)

    def _end(self, ending: list[Hold], at: int) -> list[Hold]:
        """End holds, within a transaction; return them as they are then."""
        by = current_actor().name
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

    def open_runs(self) -> list[int]:
        """Return the runs whose holds wait for `close`: that what they brought back is known."""
        return [run for _, run in self._connection.execute(_OPEN).fetchall()]

    def close(self, run: int) -> Hold | None:
        """Let the hold of a run be on what the run brought back, and nothing else; return it.

        None where there is no such hold, or nothing came back: then there is no such hold any more.
        """
        found = self._connection.execute(f"{_OPEN} AND run = ?", (run,)).fetchone()
        if found is None:
            return None
        (number, _) = found
        try:
            return self._close(number, run)
        except sqlite3.IntegrityError as error:  # a journal in memory, while there is no room on the disk
            raise JournalFull("no room for the journal") from error

    def _close(self, number: int, run: int) -> Hold | None:
        rows = self._connection.execute(_CAME_BACK, (run,)).fetchall()
        back = [(number, directory, tree, _came_back(names, codes)) for directory, tree, names, codes in rows]
        members = [row for row in back if row[-1]]
        with transaction(self._connection):
            if not members:
                self._connection.execute(_DROP, (number,))
                return None
            path, tree, is_one = _place_of(members)
            self._connection.execute(_CLOSE, (path, tree, None if is_one else 1, number))
            if not is_one:
                insert_rows(self._connection, _MEMBER, members)
            (hold,) = self._holds(_ONE, (number,))
            note(self._connection, "hold.added", number, at=hold.created, path=hold.path, area=hold.area)
        return hold

    def follow(self, hold: Hold, inode: int, born: int | None) -> None:
        """Let a hold also be on the inode that is at its path now, made at `born` (ns), wherever it goes."""
        with transaction(self._connection):
            self._connection.execute(_FOLLOW, (inode, born, hold.id))

    def trim(self, before: int) -> None:
        """Forget what holds had that ended by a person, or by themselves before `before` (ns)."""
        with transaction(self._connection):
            self._connection.execute(_FORGET_MEMBERS, (before,))

    def all(self) -> list[Hold]:
        """Return every hold there ever was, the latest first."""
        return self._holds(_ALL, ())

    def _holds(self, query: str, values: Sequence[object]) -> list[Hold]:
        return [_hold(row) for row in self._connection.execute(query, values).fetchall()]

    def active(self, now: int) -> Holds:
        """Return the holds that are active at `now` (ns)."""
        found = {hold.id: hold for hold in self.all() if hold.is_active(now)}
        if not any(hold.of_members for hold in found.values()):
            return Holds(found.values())
        members = [
            Members(found[number], os.fsdecode(directory)[:-1], bool(tree), os.fsdecode(names))
            for number, directory, tree, names in self._connection.execute(_MEMBERS)
            if number in found
        ]
        return Holds(found.values(), members)


def _hold(row: tuple[Any, ...]) -> Hold:
    number, path, tree, area, inode, born, created, until, reason, ended, actor, run, members, ended_by = row
    return Hold(
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
        run=run,
        of_members=members == 1,
        ended_by=ended_by,
    )


def _came_back(names: bytes, codes: bytes) -> bytes:
    """Return those of the names of a batch that are back, joined by slashes."""
    if codes.count(_BACK) == len(codes) == names.count(b"/") + 1:
        return names
    # A batch that was cut short has fewer outcomes than names.
    return b"/".join(name for name, code in zip(names.split(b"/"), codes, strict=False) if code == _BACK)


def _place_of(members: Sequence[tuple[int, bytes, int, bytes]]) -> tuple[bytes, int, bool]:
    """Return the path of a hold with such members, whether it holds a tree, and whether it is the one member."""
    _, directory, tree, names = members[0]
    if len(members) == 1 and b"/" not in names:
        return directory + names, tree, True
    common = os.path.commonpath([directory for _, directory, _, _ in members])
    return common or os.fsencode(EVERYTHING), 0, False


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
