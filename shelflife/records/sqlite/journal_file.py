"""Making and opening the journal's file: its schema and migrations, and what stands in for it on a full disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from shelflife.errors import RecordsError
from shelflife.records.sqlite.database import connect, connect_alone, insert_rows, is_full, transaction
from shelflife.records.sqlite.event_log import untold
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
    "trash",
    "run_tally",
    "failure_tally",
)
"""What a journal in memory has of the file's, and writes back."""

_ONLY_READ: Final = ("hold", "held", "token")
"""What it only reads: others may change that meanwhile."""

_FULL: Final = "the disk is full"

_EVENT_COLUMNS: Final = "at, kind, subject, data"

_ACT_COLUMNS: Final = "at, actor, via, request, kind, subject, data"

_BATCH_COLUMNS: Final = "run, area, unit, directory, at, names, facts, outcomes, errors"

_ADDED: Final = {"event": _EVENT_COLUMNS, "act": _ACT_COLUMNS, "batch": _BATCH_COLUMNS}
"""What a journal in memory begins without, and adds to the file: table → columns, without the row's number."""


@contextmanager
def open_journal(state: StateDirectory) -> Iterator[SqliteJournal]:
    """Open the journal to write, made where it is missing. Raises RecordsError.

    On a full disk, what was set aside gives way. Where that does not do, the journal goes on in memory, with
    all that it knows but single files, and is written when it is closed: the run has made room by then.
    """
    if state.is_tight():  # it could be opened, but not written
        state.release_reserve()
    connection, in_memory = _connect_or_stand_in(state)
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
        connection, version = _connect_to_read(state)
    except sqlite3.Error as error:
        raise RecordsError(f"cannot read the journal {state.journal}: {error}") from error
    with closing(connection), _translated(state):
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


def _connect_to_read(state: StateDirectory) -> tuple[sqlite3.Connection, int]:
    """Open the journal to read; return it, and the version of its schema. Raises sqlite3.Error."""
    try:
        connection = connect(state.journal, read_only=True)
        try:
            return connection, connection.execute("PRAGMA user_version").fetchone()[0]
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        if not is_full(error, state.path):
            raise
    connection = connect_alone(state.journal)
    return connection, connection.execute("PRAGMA user_version").fetchone()[0]


def _connect_or_stand_in(state: StateDirectory) -> tuple[sqlite3.Connection, bool]:
    """Open the journal; return it, and whether it is in memory for the time being."""
    if not state.is_tight():
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
    try:
        source, version = _connect_to_read(state)
        with closing(source):
            if version != len(MIGRATIONS):
                raise _no_room(state, "to bring it up to date")
            with transaction(memory), untold(memory):
                for table in (*_SHARED_TABLES, *_ONLY_READ, "sqlite_sequence"):
                    rows = source.execute(f"SELECT * FROM {table}").fetchall()
                    memory.execute(f"DELETE FROM {table}")
                    insert_rows(memory, f"INSERT INTO {table}", rows)
            for table in _ONLY_READ:  # what a person adds there must be kept, or refused
                for change in ("INSERT", "UPDATE", "DELETE"):
                    memory.execute(
                        f"CREATE TEMP TRIGGER only_read_{table}_{change} BEFORE {change} ON main.{table} "
                        f"BEGIN SELECT RAISE(ABORT, '{_FULL}'); END"
                    )
    except sqlite3.Error as error:
        raise _no_room(state, f"to read it ({error})") from error


def _write_stand_in(state: StateDirectory, memory: sqlite3.Connection) -> None:
    """Write what a journal in memory has learned. Raises RecordsError when there is still no room."""
    try:
        _write_back(state, memory)
    except (OSError, sqlite3.Error):
        state.drop_index()  # by now nobody has it open
        try:
            _write_back(state, memory)
        except (OSError, sqlite3.Error) as error:
            raise _no_room(state, "for the record of what was done") from error


def _write_back(state: StateDirectory, memory: sqlite3.Connection) -> None:
    with closing(_connect(state)):  # made and migrated, and kept open meanwhile
        memory.execute("ATTACH ? AS file", (str(state.journal),))
        try:
            with transaction(memory):
                with untold(memory, "file"):
                    for table in _SHARED_TABLES:
                        memory.execute(f"INSERT OR REPLACE INTO file.{table} SELECT * FROM main.{table}")
                for table, columns in _ADDED.items():
                    memory.execute(f"INSERT INTO file.{table} ({columns}) SELECT {columns} FROM main.{table}")
        finally:
            memory.execute("DETACH file")


@contextmanager
def _translated(state: StateDirectory) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if _FULL in str(error) or is_full(error, state.path):
            raise _no_room(state, "to write it") from error
        raise RecordsError(f"the journal {state.journal} failed: {error}") from error


def _no_room(state: StateDirectory, what: str) -> RecordsError:
    """Return the error that says what to do about a full disk."""
    return RecordsError(
        f"the disk is full: there is no room for the journal {state.journal}, {what}; make room with "
        "`shelflife cleanup --pressure` (if `pressure` is set) or `shelflife trash empty`, or move something away"
    )


def _exists(state: StateDirectory) -> bool:
    try:
        return state.journal.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RecordsError(f"cannot read the journal {state.journal}: {error.strerror}") from error
