"""Opening SQLite: WAL, so that readers never wait for the writer; explicit transactions.

`synchronous=NORMAL` in WAL mode survives a crash of the program without loss and a power failure without
corruption (https://www.sqlite.org/pragma.html#pragma_synchronous); the last transactions before a power
failure may be gone, which the journal's recovery allows for.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shelflife.files.mounts import room_of
from shelflife.records.state import NO_ROOM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LITTLE: Final = 1024 * 1024
"""Bytes with which SQLite can work."""

_FEW: Final = 4
"""Inodes with which SQLite can work: the database and the two files beside it."""

_PARAMETERS: Final = 999
"""Values that a statement may take, whatever SQLite was built with: https://www.sqlite.org/limits.html."""

BUSY_TIMEOUT: Final = 10.0
"""Seconds that a writer waits for another one."""

_BUSY_PAUSE: Final = 0.005
"""Seconds between two tries at what SQLite does not wait for by itself."""


def connect(path: Path | str, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the database at `path`, which exists; ":memory:" is a private one that ends with the connection.

    Raises sqlite3.Error. Connections may be handed from thread to thread, but not shared.
    """
    is_file = not isinstance(path, str)
    target = path
    if not isinstance(path, str):
        mode = ("ro&immutable=1" if _is_at_rest(path) else "ro") if read_only else "rw"
        target = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        target, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        if is_file and not read_only:
            _write_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cache_size=-8000")
        connection.execute("PRAGMA temp_store=MEMORY")  # there may be no room for a temporary file
    except BaseException:
        connection.close()
        raise
    return connection


def connect_alone(path: Path) -> sqlite3.Connection:
    """Open the database at `path` to read it on a full disk, while nobody else has it open.

    SQLite then needs none of the files beside a database that it would have to make or enlarge. Raises
    sqlite3.Error.
    """
    # Without last changes beside it, it is all there is: then not even an inode is needed.
    mode = "rw" if has_wal(path) else "ro&immutable=1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # before it is read: no shared memory is made
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA user_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn WAL on, which a database remembers.

    Whoever does it first needs the file for itself for a moment, and who finds it taken is refused at once:
    SQLite, which cannot tell whether both wait for each other, does not honour its own timeout there.
    """
    until = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return


def _is_at_rest(path: Path) -> bool:
    """Return whether a database can be read without its shared memory: we cannot make one, and need none.

    A writer has a WAL as long as it is there.
    """
    return not os.access(path.parent, os.W_OK, effective_ids=True) and not os.path.exists(f"{path}-wal")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a block as one transaction that writes; within another one, as a part of that.

    `BEGIN IMMEDIATE`: a transaction that reads first and writes later would fail at once, without waiting,
    when another one wrote in between (SQLITE_BUSY_SNAPSHOT).
    """
    is_inner = connection.in_transaction
    if is_inner:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise


def insert_rows(connection: sqlite3.Connection, insert: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows of equal length, many to a statement: `insert` is all of it before VALUES.

    Python lets go of the GIL for each step of a statement, and may wait for it afterwards: `executemany` would
    do that for each row.
    """
    if not rows:
        return
    width = len(rows[0])
    size = max(1, _PARAMETERS // width)
    row = f"({', '.join('?' * width)})"
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        connection.execute(f"{insert} VALUES {', '.join([row] * len(some))}", list(chain.from_iterable(some)))


def is_full(error: BaseException, directory: Path) -> bool:
    """Return whether an error means that the file system of `directory` has no room left.

    SQLite says so in several ways: it may also fail to make, or to enlarge, one of the files beside the
    database.
    """
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return True
    return code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and not _has_room(directory)


def _has_room(directory: Path) -> bool:
    try:
        return room_of(os.statvfs(directory)).has(bytes=_LITTLE, inodes=_FEW)
    except OSError:
        return True


def state_of(path: Path) -> tuple[bool, int, int] | None:
    """Return what changes when somebody writes to a database; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return has_wal(path), status.st_size, status.st_mtime_ns


def has_wal(path: Path) -> bool:
    """Return whether there are changes that are not in the database itself yet."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size > 0
    except OSError:
        return False
