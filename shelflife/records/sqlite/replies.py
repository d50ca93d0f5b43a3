"""Replies in SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shelflife.records.replies import KEPT, Claim, Reply
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["SCHEMA", "SqliteReplyBook"]

SCHEMA: Final = """
    CREATE TABLE reply (
        key TEXT PRIMARY KEY,               -- the caller's name, a space, and his key
        request BLOB NOT NULL,              -- SHA-256 of method, path and body
        owner TEXT NOT NULL,                -- the process that is on it
        at INTEGER NOT NULL,                -- when it was claimed, ns since the epoch
        status INTEGER,                     -- NULL while it is going on
        headers TEXT,
        body BLOB
    );
    """


class SqliteReplyBook:
    """The replies of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def claim(
        self, key: str, request: bytes, *, owner: str, at: int, is_alive: Callable[[str], bool]
    ) -> Claim:
        """Claim a key at `at` (ns) for a request (its hash); `is_alive` tells whether another owner still is."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM reply WHERE at < ?", (at - KEPT,))
            row = self._connection.execute(
                "SELECT request, owner, status, headers, body FROM reply WHERE key = ?", (key,)
            ).fetchone()
            if row is not None:
                known, other, status, headers, body = row
                if known != request:
                    return Claim(is_same=False)
                if status is not None:
                    return Claim(reply=Reply(status=status, headers=headers, body=body))
                if is_alive(other):
                    return Claim()
            self._connection.execute(
                "INSERT OR REPLACE INTO reply (key, request, owner, at) VALUES (?, ?, ?, ?)",
                (key, request, owner, at),
            )
        return Claim(is_mine=True)

    def keep(self, key: str, reply: Reply) -> None:
        """Keep the reply to the request that has claimed the key."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE reply SET status = ?, headers = ?, body = ? WHERE key = ?",
                (reply.status, reply.headers, reply.body, key),
            )

    def give_up(self, key: str) -> None:
        """Free a key whose request was not carried out, so that it may be sent again."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM reply WHERE key = ? AND status IS NULL", (key,))
