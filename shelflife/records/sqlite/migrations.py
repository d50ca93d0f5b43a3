"""The journal's schema, as the steps that led to it."""

from __future__ import annotations

import sqlite3
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

from shelflife.errors import RecordsError
from shelflife.records.sqlite import acts, event_log, holds, pressure, replies, tallies, tokens, trash
from shelflife.records.sqlite.database import transaction

MIGRATIONS: Final = (
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        plan TEXT NOT NULL,
        trigger TEXT NOT NULL,              -- Trigger
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        started INTEGER NOT NULL,           -- ns since the epoch
        finished INTEGER,
        state TEXT NOT NULL,                -- RunState
        reason TEXT NOT NULL DEFAULT '',    -- why it was refused or failed
        cutoffs TEXT NOT NULL DEFAULT '{}', -- JSON: area -> {at, cause}
        report TEXT NOT NULL DEFAULT '{}'   -- JSON: the run's report
    );
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        area TEXT NOT NULL,
        unit INTEGER NOT NULL,              -- 1: the one name is a directory that goes as one
        directory BLOB NOT NULL,            -- relative to the base path, with a trailing slash
        at INTEGER NOT NULL,                -- ns since the epoch
        names BLOB NOT NULL,                -- joined by slashes
        facts BLOB NOT NULL,                -- 64-bit integers: inodes, sizes, mtimes
        outcomes BLOB,                      -- one byte a file, NULL while not known
        errors TEXT NOT NULL DEFAULT ''     -- JSON: position -> errno
    );
    CREATE INDEX batch_directory ON batch (directory);
    CREATE INDEX batch_run ON batch (run);
    CREATE TABLE slot (
        at INTEGER PRIMARY KEY,             -- the slot's time, ns since the epoch
        claimed INTEGER NOT NULL,
        run INTEGER
    );
    CREATE TABLE total (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    );
    """,
    """
    CREATE TABLE hold (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL,                 -- relative to the base path
        tree INTEGER NOT NULL,
        area TEXT NOT NULL,
        inode INTEGER,
        born INTEGER,                       -- birth time of the inode, ns since the epoch
        created INTEGER NOT NULL,
        until INTEGER,
        reason TEXT NOT NULL,
        ended INTEGER
    );
    CREATE TABLE area (
        name TEXT PRIMARY KEY,
        settings TEXT NOT NULL,             -- JSON: those of its last completed run
        at INTEGER NOT NULL                 -- when that ended, ns since the epoch
    );
    CREATE TABLE plan (
        id TEXT PRIMARY KEY,                -- plans that a person may approve
        made INTEGER NOT NULL,
        cutoffs TEXT NOT NULL,
        settings TEXT NOT NULL,
        used INTEGER                        -- the run that it served
    );
    CREATE TABLE identity (
        uuid TEXT NOT NULL                  -- one row, the same as in the marker of the storage
    );
    """,
    """
    CREATE TABLE area_usage (
        area TEXT NOT NULL,
        at INTEGER NOT NULL,                -- ns since the epoch
        files INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        gone_files INTEGER NOT NULL,        -- removed by cleanups since the first sample
        gone_bytes INTEGER NOT NULL,
        PRIMARY KEY (area, at)
    );
    CREATE TABLE disk_usage (
        disk TEXT NOT NULL,                 -- the first of the areas' directories on it
        at INTEGER NOT NULL,
        used INTEGER NOT NULL,              -- bytes
        available INTEGER NOT NULL,
        outside INTEGER NOT NULL,           -- bytes in use that belong to no area
        PRIMARY KEY (disk, at)
    );
    """,
    """
    CREATE TABLE alert (
        key TEXT PRIMARY KEY,               -- kind, and what of
        kind TEXT NOT NULL,
        stage TEXT NOT NULL,                -- told again when it changes
        text TEXT NOT NULL,
        since INTEGER NOT NULL              -- ns since the epoch
    );
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        event TEXT NOT NULL,                -- begun, changed, ended, test
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        text TEXT NOT NULL,
        claimed INTEGER NOT NULL DEFAULT 0, -- when somebody last set out to deliver it
        done INTEGER                        -- when it was delivered, or given up
    );
    """,
    event_log.SCHEMA + tokens.SCHEMA + replies.SCHEMA,
    pressure.SCHEMA,
    """
    -- No comment behind a new column: SQLite takes it into the table's definition.
    -- area.memory: JSON, the rest of LastRun. plan.arrivals: JSON, area -> percent. plan.approved: ns.
    ALTER TABLE area ADD COLUMN memory TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE plan ADD COLUMN arrivals TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE plan ADD COLUMN approved INTEGER
    """,
    trash.SCHEMA,
    tallies.SCHEMA,
    holds.SCHEMA,
    acts.SCHEMA,
)
"""Applied in order, each in one transaction with its record (`user_version`); a new journal gets all in one.
Only ever append."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a journal up to date, from an empty database on. Raises RecordsError if a newer version wrote it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise RecordsError(
            f"the journal was written by a newer version (schema {version}; this one knows {len(MIGRATIONS)})"
        )
    with transaction(connection) if version == 0 else nullcontext():  # a new one at one go
        for number in range(version, len(MIGRATIONS)):
            with transaction(connection):
                (current,) = connection.execute("PRAGMA user_version").fetchone()
                if current == number:  # nobody else migrated it meanwhile
                    for statement in _statements(MIGRATIONS[number]):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {number + 1}")


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; a trigger has semicolons of its own."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
