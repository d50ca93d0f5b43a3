"""Replies to requests with an `Idempotency-Key`, so that the same request is carried out once.

A key is claimed before anything is done, and its reply is kept once there is one. Whoever claims a key that is
taken gets its reply, if there is one; learns that it is going on, if the process that is on it lives; and
otherwise gets the claim, because that process died before it could reply. What it had begun is not begun again: a
run has the key in its own row, from the transaction that began it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["KEPT", "SCHEMA", "Claim", "Reply", "ReplyBook"]

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

KEPT: Final = 24 * 3600 * 10**9
"""Nanoseconds that a reply is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request was answered."""

    status: int
    headers: str
    """JSON."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is known of a key that somebody wants to use."""

    is_mine: bool = False
    """Whether it is the caller's to carry out."""
    is_same: bool = True
    """Whether the key was used for the very same request."""
    reply: Reply | None = None
    """What it was answered, if it was."""


class ReplyBook:
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
