"""Making and opening the journal's file: its schema and migrations, and what stands in for it on a full disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from shelflife.errors import RecordsError
from shelflife.records.sqlite.database import connect, has_wal, is_full, transaction
from shelflife.records.sqlite.events import untold
from shelflife.records.sqlite.journal import SqliteJournal
from shelflife.records.sqlite.migrations import MIGRATIONS, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.records.state import StateDirectory

_SHARED_TABLES: Final = (
    "run",
    "slot",
    "total",
    "area",
    "plan",
    "identity",
    "area_usage",
    "disk_usage",
    "alert",
    "message",
    "pressure",
    "pressure",
)
"""What a journal in memory has of the file's, and writes back; without the holds, which it only reads."""

_EVENT_COLUMNS: Final = "at, kind, subject, data"

_BATCH_COLUMNS: Final = "run, area, unit, directory, at, names, facts, outcomes, errors"


@contextmanager
def open_journal(state: StateDirectory) -> Iterator[SqliteJournal]:
    """Open the journal to write, made where it is missing. Raises RecordsError.

    On a full disk, what was set aside gives way. Where that does not do, the journal goes on in memory, with
    all that it knows but single files, and is written when it is closed: the run has made room by then.
    """
    try:
        connection, in_memory = _connect(state), False
    except (OSError, sqlite3.Error) as error:
        if not is_full(error, state.home.parent):
            raise RecordsError(f"cannot open the journal {state.journal}: {error}") from error
        state.give_way()
        connection, in_memory = _connect_on_full_disk(state)
    with closing(connection), _translated(state):
        try:
            yield SqliteJournal(connection, state.path, stand_in_for=state.journal if in_memory else None)
        finally:
            if in_memory:
                _write_stand_in(state, connection)


@contextmanager
def read_journal(state: StateDirectory) -> Iterator[SqliteJournal | None]:
    """Open the journal to read; None when there is none yet. Raises RecordsError when it cannot be read."""
    if not _exists(state):
        yield None
        return
    try:
        connection = connect(state.journal, read_only=True)
    except sqlite3.Error as error:
        raise RecordsError(f"cannot read the journal {state.journal}: {error}") from error
    with closing(connection), _translated(state):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == len(MIGRATIONS):
            yield SqliteJournal(connection, state.path)
            return
    with open_journal(state) as journal:  # of another version: it is brought up to date, or refused
        yield journal


def _connect(state: StateDirectory) -> sqlite3.Connection:
    """Open the journal's file, made and migrated where need be. Raises OSError, sqlite3.Error, RecordsError."""
    state.create_file(state.journal)
    connection = connect(state.journal)
    try:
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_on_full_disk(state: StateDirectory) -> tuple[sqlite3.Connection, bool]:
    """Open the journal now that there may be room; return it, and whether it is in memory for the time being."""
    try:
        return _connect(state), False
    except (OSError, sqlite3.Error) as error:
        if not is_full(error, state.home.parent):
            raise RecordsError(f"cannot open the journal {state.journal}: {error}") from error
    memory = connect(":memory:")
    try:
        migrate(memory)
        if _exists(state):
            _copy_all_but_files(state, memory)
    except BaseException:
        memory.close()
        raise
    return memory, True


def _copy_all_but_files(state: StateDirectory, memory: sqlite3.Connection) -> None:
    """Copy what the journal knows into memory. Raises RecordsError where it cannot be read to the last."""
    if has_wal(state.journal):  # its last changes cannot be read without making another file
        raise RecordsError(f"no room for the journal {state.journal}, and its last changes cannot be read")
    memory.execute("ATTACH ? AS file", (f"{state.journal.absolute().as_uri()}?mode=ro&immutable=1",))
    (version,) = memory.execute("PRAGMA file.user_version").fetchone()
    if version != len(MIGRATIONS):
        raise RecordsError(f"no room to bring the journal {state.journal} up to date")
    with transaction(memory), untold(memory):
        for table in (*_SHARED_TABLES, "hold", "sqlite_sequence"):
            memory.execute(f"DELETE FROM main.{table}")
            memory.execute(f"INSERT INTO main.{table} SELECT * FROM file.{table}")
    memory.execute("DETACH file")


def _write_stand_in(state: StateDirectory, memory: sqlite3.Connection) -> None:
    """Write what a journal in memory has learned. Raises RecordsError when there is still no room."""
    try:
        with closing(_connect(state)):  # made and migrated, and kept open meanwhile
            memory.execute("ATTACH ? AS file", (str(state.journal),))
            with transaction(memory):
                with untold(memory, "file"):
                    for table in _SHARED_TABLES:
                        memory.execute(f"INSERT OR REPLACE INTO file.{table} SELECT * FROM main.{table}")
                memory.execute(
                    f"INSERT INTO file.event ({_EVENT_COLUMNS}) SELECT {_EVENT_COLUMNS} FROM main.event"
                )
                memory.execute(
                    f"INSERT INTO file.batch ({_BATCH_COLUMNS}) SELECT {_BATCH_COLUMNS} FROM main.batch"
                )
            memory.execute("DETACH file")
    except (OSError, sqlite3.Error) as error:
        raise RecordsError(f"the record of this run found no room in {state.journal}: {error}") from error


@contextmanager
def _translated(state: StateDirectory) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise RecordsError(f"the journal {state.journal} failed: {error}") from error


def _exists(state: StateDirectory) -> bool:
    try:
        return state.journal.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RecordsError(f"cannot read the journal {state.journal}: {error.strerror}") from error
