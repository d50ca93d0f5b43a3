"""Making and opening the index's file: its schema, who may write it, and what happens to one of no use."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from shelflife.errors import RecordsError
from shelflife.records.sqlite.database import connect, is_full
from shelflife.records.sqlite.index import SqliteIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.records.state import StateDirectory

VERSION: Final = 6
"""Raised with each change of the schema: an index of another version is built anew."""

_SCHEMA: Final = """
CREATE TABLE root (
    id INTEGER PRIMARY KEY,
    directory BLOB NOT NULL UNIQUE,         -- relative to the base path
    as_of INTEGER NOT NULL DEFAULT 0,       -- time (ns) of the last completed refresh
    summed INTEGER NOT NULL DEFAULT 0,      -- whether the rest, and `total`, is as its directories are now
    special INTEGER NOT NULL DEFAULT 0,
    directories INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE total (                        -- of one class in a root: see shelflife.records.index.ClassTotals
    root INTEGER NOT NULL REFERENCES root,
    class INTEGER NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    allocated INTEGER NOT NULL,
    oldest INTEGER,
    newest INTEGER,
    first_due INTEGER,                      -- of what could be read, as all below
    readable_files INTEGER NOT NULL,
    readable_bytes INTEGER NOT NULL,
    readable_allocated INTEGER NOT NULL,
    PRIMARY KEY (root, class)
) WITHOUT ROWID;
CREATE TABLE directory (
    root INTEGER NOT NULL REFERENCES root,
    path BLOB NOT NULL,
    key BLOB NOT NULL,                      -- inode, mtime, ctime when it was listed (shelflife.files.survey.Key)
    mtime INTEGER NOT NULL,
    scatter INTEGER NOT NULL,               -- 0 to 1023: when in the second half of its time it is read again
    listed INTEGER NOT NULL,                -- time (ns) of the listing
    state INTEGER NOT NULL,                 -- shelflife.records.index.RowState
    rules INTEGER NOT NULL,                 -- fingerprint of the rules it was read under
    entries INTEGER NOT NULL,
    staying INTEGER NOT NULL,
    special INTEGER NOT NULL,
    files INTEGER NOT NULL,                 -- of the area's own class, as all below
    bytes INTEGER NOT NULL,
    allocated INTEGER NOT NULL,
    first_due INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    oldest_inode INTEGER NOT NULL,          -- 0 where it is not known
    newest INTEGER NOT NULL,
    hours BLOB NOT NULL,                    -- see shelflife.files.hours
    PRIMARY KEY (root, path)
) WITHOUT ROWID;
CREATE TABLE part (                         -- the files of another class in a directory
    root INTEGER NOT NULL,
    path BLOB NOT NULL,
    class INTEGER NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    allocated INTEGER NOT NULL,
    first_due INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    oldest_inode INTEGER NOT NULL,          -- 0 where it is not known
    newest INTEGER NOT NULL,
    hours BLOB NOT NULL,
    PRIMARY KEY (root, path, class)
) WITHOUT ROWID;
CREATE VIEW part_row AS
    SELECT part.*, key, state, rules, entries FROM part JOIN directory USING (root, path);
"""


@contextmanager
def open_index(state: StateDirectory) -> Iterator[SqliteIndex]:
    """Open the index to bring it up to date.

    One process at a time writes it. Whoever comes second, or has no write access, works on a private copy
    that ends with it: the answer is the same, only nothing is remembered. Raises RecordsError when it fails
    while it is open, which the next one to open it mends.
    """
    lock = _try_lock(state)
    try:
        with _translated(state):
            connection = _open_shared(state) if lock is not None else _open_private(state)
            with closing(SqliteIndex(connection, state.path)) as index:
                yield index
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def read_index(state: StateDirectory) -> Iterator[SqliteIndex | None]:
    """Open the index as it is, to read; None when there is none that can be read."""
    try:
        connection = connect(state.index, read_only=True)
    except sqlite3.Error:
        connection = None
    if connection is not None and not _is_current(connection):
        connection.close()
        connection = None
    try:
        with _translated(state):
            yield None if connection is None else SqliteIndex(connection, state.path)
    finally:
        if connection is not None:
            connection.close()


@contextmanager
def _translated(state: StateDirectory) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if is_full(error, state.path):  # not of the index, which goes on in memory then
            raise
        raise RecordsError(f"the index {state.index} failed: {error}; it may be deleted") from error


def _try_lock(state: StateDirectory) -> int | None:
    try:
        state.create_file(state.index_lock)
        fd = os.open(state.index_lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def _open_shared(state: StateDirectory) -> sqlite3.Connection:
    """Open the index's file, made anew where it is of no use; a private copy where there is no room for it."""
    try:
        return _open_file(state)
    except (OSError, sqlite3.Error) as error:
        if not is_full(error, state.home.parent):
            raise
        return _open_private(state)


def _open_file(state: StateDirectory) -> sqlite3.Connection:
    with suppress(sqlite3.Error):
        state.create_file(state.index)
        connection = connect(state.index)
        if (_is_current(connection) and _is_sound(connection)) or create(connection):
            return connection
        connection.close()
    for suffix in ("", "-wal", "-shm"):
        state.index.with_name(state.index.name + suffix).unlink(missing_ok=True)
    state.create_file(state.index)
    connection = connect(state.index)
    create(connection)
    return connection


def _open_private(state: StateDirectory) -> sqlite3.Connection:
    private = connect(":memory:")
    with suppress(sqlite3.Error), closing(connect(state.index, read_only=True)) as shared:
        if _is_current(shared):
            shared.backup(private)
            if _is_sound(private):
                return private
    private.close()
    private = connect(":memory:")
    create(private)
    return private


def _is_current(connection: sqlite3.Connection) -> bool:
    """Return whether the database is an index of this version, as far as a glance tells."""
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            return False
        connection.execute("SELECT count(*) FROM root").fetchone()
    except sqlite3.DatabaseError:
        return False
    return True


def _is_sound(connection: sqlite3.Connection) -> bool:
    """Return whether every page of the database can be read: a fifth of a microsecond a directory."""
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def create(connection: sqlite3.Connection) -> bool:
    """Make the schema in an empty database; return False when it is not empty."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables:
        return False
    connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    return True
