"""The sequence of events: everything that changed, in the order in which it was committed.

Triggers write it. So an event is in the same transaction as what it tells of, whichever process made the change
and whichever line of code: none is missing after a kill, none tells of what did not happen, and no writer has to
remember to tell. SQLite lets one transaction write at a time, so numbers are given in the order of commits, and
whoever has seen number n has seen all before it.

Only numbers of runs and the like are kept here; what they were about is read from their own rows.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import astuple
from typing import TYPE_CHECKING, Final

from shelflife.records.event_log import EventRecord, Progress
from shelflife.records.sqlite.acts import note
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    import sqlite3
    import threading
    from collections.abc import Iterator, Mapping

__all__ = ["SCHEMA", "SqliteEventBook", "untold"]

_NOW: Final = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000"
"""Now in ns since the epoch, to the millisecond, for triggers, which have no other clock."""


def _trigger(name: str, when: str, kind: str, subject: str, data: str, condition: str = "1") -> str:
    return f"""
    CREATE TRIGGER event_{name} AFTER {when} WHEN {condition} AND NOT EXISTS (SELECT 1 FROM event_pause) BEGIN
        INSERT INTO event (at, kind, subject, data) VALUES ({_NOW}, {kind}, {subject}, json_object({data}));
    END;
    """


_RUN: Final = "'trigger', new.trigger, 'state', new.state, 'actor', new.actor"
_HOLD: Final = (
    "'area', new.area, 'path_hex', hex(new.path), 'tree', new.tree, 'until', new.until, 'actor', new.actor"
)

SCHEMA: Final = (
    """
    ALTER TABLE run ADD COLUMN actor TEXT NOT NULL DEFAULT '';   -- who asked for it, if somebody was named
    ALTER TABLE run ADD COLUMN via TEXT NOT NULL DEFAULT '';     -- http, cli, schedule, program
    ALTER TABLE run ADD COLUMN request TEXT NOT NULL DEFAULT ''; -- id of the HTTP request
    ALTER TABLE run ADD COLUMN key TEXT;                         -- the caller's name for this very run
    ALTER TABLE run ADD COLUMN stop_asked TEXT;                  -- by whom; NULL: nobody
    CREATE UNIQUE INDEX run_key ON run (key) WHERE key IS NOT NULL;
    ALTER TABLE hold ADD COLUMN actor TEXT NOT NULL DEFAULT '';
    ALTER TABLE hold ADD COLUMN via TEXT NOT NULL DEFAULT '';
    ALTER TABLE hold ADD COLUMN request TEXT NOT NULL DEFAULT '';
    ALTER TABLE hold ADD COLUMN ended_by TEXT NOT NULL DEFAULT '';
    CREATE TABLE progress (
        run INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
        at INTEGER NOT NULL,                -- ns since the epoch
        phase TEXT NOT NULL,
        area TEXT NOT NULL,
        done INTEGER NOT NULL,              -- files
        total INTEGER,                      -- of so many, where that is known
        failed INTEGER NOT NULL,
        directory BLOB NOT NULL             -- where it is, relative to the base path
    );
    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,                -- ns since the epoch
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,              -- number of the run or hold, id of the plan, key of the alert
        data TEXT NOT NULL                  -- JSON
    );
    CREATE TABLE event_pause (on_purpose INTEGER);               -- a row in it keeps triggers from telling
    CREATE TABLE settings_seen (
        fingerprint TEXT NOT NULL,          -- of the settings that are in force
        at INTEGER NOT NULL
    );
    """
    + _trigger("run_begins", "INSERT ON run", "'run.' || new.state", "new.id", _RUN)
    + _trigger(
        "run_changes",
        "UPDATE OF state ON run",
        "'run.' || new.state",
        "new.id",
        _RUN,
        "new.state IS NOT old.state",
    )
    + _trigger(
        "run_withdrawn",
        "DELETE ON run",
        "'run.withdrawn'",
        "old.id",
        "'trigger', old.trigger",
        "old.finished IS NULL",
    )
    + _trigger(
        "run_stops",
        "UPDATE OF stop_asked ON run",
        "'run.stop-asked'",
        "new.id",
        "'by', new.stop_asked",
        "new.stop_asked IS NOT NULL AND old.stop_asked IS NULL",
    )
    + _trigger(
        "run_goes_on",
        "INSERT ON progress",
        "'run.progress'",
        "new.run",
        "'phase', new.phase, 'area', new.area, 'done', new.done, 'total', new.total, 'failed', new.failed",
    )
    + _trigger("hold_begins", "INSERT ON hold", "'hold.added'", "new.id", _HOLD)
    + _trigger(
        "hold_ends",
        "UPDATE OF ended ON hold",
        "'hold.ended'",
        "new.id",
        _HOLD + ", 'by', new.ended_by",
        "new.ended IS NOT NULL AND old.ended IS NULL",
    )
    + _trigger("plan_waits", "INSERT ON plan", "'plan.offered'", "new.id", "'made', new.made")
    + _trigger(
        "plan_serves",
        "UPDATE OF used ON plan",
        "'plan.used'",
        "new.id",
        "'run', new.used",
        "new.used IS NOT NULL AND old.used IS NULL",
    )
    + _trigger(
        "alert_told",
        "INSERT ON message",
        "'alert.' || new.event",
        "new.key",
        "'alert', new.kind, 'text', new.text",
        "new.event <> 'test'",
    )
    + _trigger("settings_change", "INSERT ON settings_seen", "'settings.changed'", "new.fingerprint", "")
)

_TELL: Final = "INSERT INTO event (at, kind, subject, data) VALUES (?, ?, ?, ?)"


@contextmanager
def untold(connection: sqlite3.Connection, schema: str = "main") -> Iterator[None]:
    """Have changes within, in the transaction at hand, be told by no event: rows are only copied."""
    connection.execute(f"INSERT INTO {schema}.event_pause VALUES (1)")
    yield
    connection.execute(f"DELETE FROM {schema}.event_pause")


class SqliteEventBook:
    """The events of one storage, and how far its runs are."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock) -> None:
        """Use a connection to the journal, holding `lock`, so that threads of a run may tell and ask, too."""
        self._connection = connection
        self._lock = lock

    def version(self) -> int:
        """Return a number that differs when another connection has written since; costs microseconds."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def last(self) -> int:
        """Return the number of the latest event; 0 if there was none."""
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        return int(row[0]) if row else 0

    def first(self) -> int:
        """Return the number of the earliest event that is kept; one more than the last, if none is."""
        (first,) = self._connection.execute("SELECT min(id) FROM event").fetchone()
        return self.last() + 1 if first is None else int(first)

    def since(self, number: int, *, limit: int = 1000) -> list[EventRecord]:
        """Return the events after number `number`, in order, at most `limit`."""
        rows = self._connection.execute(
            "SELECT id, at, kind, subject, data FROM event WHERE id > ? ORDER BY id LIMIT ?", (number, limit)
        )
        return [
            EventRecord(id=number, at=at, kind=kind, subject=subject, data=json.loads(data))
            for number, at, kind, subject, data in rows.fetchall()
        ]

    def progress(self, run: int) -> Progress | None:
        """Return how far a run is; None when it has not said so."""
        row = self._connection.execute(
            "SELECT at, phase, area, done, total, failed, directory FROM progress WHERE run = ?",
            (run,),
        ).fetchone()
        if row is None:
            return None
        at, phase, area, done, total, failed, directory = row
        return Progress(at, phase, area, done, total, failed, os.fsdecode(directory))

    def tell_progress(self, run: int, progress: Progress) -> None:
        """Record how far a run is; seldom, since each call is a transaction and an event."""
        values = (*astuple(progress)[:-1], os.fsencode(progress.directory))
        with self._lock, transaction(self._connection):
            self._connection.execute(
                "INSERT OR REPLACE INTO progress "
                "(run, at, phase, area, done, total, failed, directory) VALUES (?,?,?,?,?,?,?,?)",
                (run, *values),
            )

    def ask_to_stop(self, run: int, by: str, *, at: int) -> bool:
        """Ask a run that goes on to stop, wherever it is; return whether it does go on."""
        with transaction(self._connection):
            query = "SELECT stop_asked FROM run WHERE id = ? AND finished IS NULL"
            row = self._connection.execute(query, (run,)).fetchone()
            if row is None:
                return False
            if row[0] is None:
                self._connection.execute("UPDATE run SET stop_asked = ? WHERE id = ?", (by, run))
                note(self._connection, "run.stop-asked", run, at=at)
        return True

    def is_asked_to_stop(self, run: int) -> bool:
        """Return whether somebody asked a run to stop."""
        query = "SELECT 1 FROM run WHERE id = ? AND stop_asked IS NOT NULL"
        with self._lock:
            return self._connection.execute(query, (run,)).fetchone() is not None

    def see_settings(self, fingerprints: Mapping[str, str], at: int) -> tuple[str, ...]:
        """See `EventBook`."""
        query, now = "SELECT fingerprint FROM settings_seen", json.dumps(fingerprints, sort_keys=True)
        if self._connection.execute(query).fetchone() == (now,):  # as nearly always, and nothing is written
            return ()
        with transaction(self._connection):
            row = self._connection.execute(query).fetchone()
            before = fingerprints if row is None else json.loads(row[0])
            keys = sorted(
                key for key in before.keys() | fingerprints.keys() if before.get(key) != fingerprints.get(key)
            )
            with untold(self._connection):  # a trigger does not know which keys
                self._connection.execute("DELETE FROM settings_seen")
                self._connection.execute("INSERT INTO settings_seen VALUES (?, ?)", (now, at))
            if keys:
                data = json.dumps({"keys": keys})
                self._connection.execute(_TELL, (at, "settings.changed", "", data))
        return tuple(keys)

    def trim(self, before: int, *, most: int = 100_000) -> None:
        """Forget events from before `before` (ns), and all but the latest `most`."""
        with transaction(self._connection):
            self._connection.execute(
                "DELETE FROM event WHERE at < ? OR id <= ?", (before, self.last() - most)
            )
