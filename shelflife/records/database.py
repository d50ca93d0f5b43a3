"""Opening SQLite: WAL, so that readers never wait for the writer; explicit transactions.

`synchronous=NORMAL` in WAL mode survives a crash of the program without loss and a power failure without
corruption (https://www.sqlite.org/pragma.html#pragma_synchronous); the last transactions before a power
failure may be gone, which the journal's recovery allows for.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_TIMEOUT: Final = 10.0
"""Seconds that a writer waits for another one."""


def connect(path: Path | str, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the database at `path`, which exists; "" is a private one that ends with the connection.

    Raises sqlite3.Error. Connections may be handed from thread to thread, but not shared.
    """
    if path:
        mode = ("ro&immutable=1" if _is_at_rest(Path(path)) else "ro") if read_only else "rw"
        target = f"{path.absolute().as_uri()}?mode={mode}" if not isinstance(path, str) else path
    else:
        target = ""
    connection = sqlite3.connect(
        target, uri=bool(target), timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        if target and not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cache_size=-8000")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_at_rest(path: Path) -> bool:
    """Return whether a database can be read without its shared memory: we cannot make one, and need none.

    A writer has a WAL as long as it is there.
    """
    return not os.access(path.parent, os.W_OK) and not os.path.exists(f"{path}-wal")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a block as one transaction that writes.

    `BEGIN IMMEDIATE`: a transaction that reads first and writes later would fail at once, without waiting,
    when another one wrote in between (SQLITE_BUSY_SNAPSHOT).
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
