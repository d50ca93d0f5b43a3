"""Tokens, as the journal keeps them: by their SHA-256, so that whoever reads the journal cannot use one.

A token has 256 random bits, so a plain hash is enough: there is nothing to guess, as there is with passwords.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from shelflife.errors import UsageError
from shelflife.records.access import USED_EVERY, Token
from shelflife.records.sqlite.acts import note
from shelflife.records.sqlite.database import transaction
from shelflife.scopes import Scope

if TYPE_CHECKING:
    import sqlite3

__all__ = ["PREFIX", "SCHEMA", "SqliteTokenBook"]

PREFIX: Final = "shlf_"
"""Begins every token, so that scanners for leaked secrets know one."""

SCHEMA: Final = """
    CREATE TABLE token (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE,          -- SHA-256 of the token
        scopes TEXT NOT NULL,               -- joined by spaces
        areas TEXT NOT NULL,                -- likewise; empty: all
        created INTEGER NOT NULL,           -- ns since the epoch
        created_by TEXT NOT NULL,
        expires INTEGER,
        revoked INTEGER,
        last_used INTEGER,
        parent TEXT NOT NULL                -- of a session: the name of its token, or the service's
    );
    CREATE UNIQUE INDEX token_name ON token (name) WHERE revoked IS NULL;
    """

_BYTES: Final = 32
_COLUMNS: Final = "name, scopes, areas, created, created_by, expires, revoked, last_used, parent"


class SqliteTokenBook:
    """The tokens of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def add(self, token: Token) -> str:
        """Record a new token and return its secret, which is not kept. Raises UsageError if its name is taken."""
        secret = PREFIX + secrets.token_urlsafe(_BYTES)
        reach = (" ".join(sorted(token.scopes)), " ".join(token.areas))
        with transaction(self._connection):
            if self._connection.execute(
                "SELECT 1 FROM token WHERE name = ? AND revoked IS NULL", (token.name,)
            ).fetchone():
                raise UsageError(
                    f"there is a token {token.name} already; revoke it first, or choose another name"
                )
            self._connection.execute(
                "INSERT INTO token (name, hash, scopes, areas, created, created_by, expires, parent) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    token.name,
                    _hash(secret),
                    *reach,
                    token.created,
                    token.created_by,
                    token.expires,
                    token.parent,
                ),
            )
            kind = "session.begun" if token.parent else "token.added"
            note(self._connection, kind, token.parent or token.name, at=token.created)
        return secret

    def find(self, secret: str) -> Token | None:
        """Return the token of that secret, also one that is revoked or expired; None if there is none."""
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM token WHERE hash = ?", (_hash(secret),)
        ).fetchone()
        return None if row is None else _token(row)

    def note_use(self, secret: str, at: int) -> None:
        """Record that a token was used at `at` (ns), once a minute at the most."""
        key = _hash(secret)
        (last,) = self._connection.execute(
            "SELECT coalesce(max(last_used), 0) FROM token WHERE hash = ?", (key,)
        ).fetchone()
        if at - last >= USED_EVERY:
            with transaction(self._connection):
                self._connection.execute("UPDATE token SET last_used = ? WHERE hash = ?", (at, key))

    def revoke(self, name: str, at: int) -> bool:
        """Make a token useless from now on; return whether there was one of that name."""
        with transaction(self._connection):
            cursor = self._connection.execute(
                "UPDATE token SET revoked = ? WHERE name = ? AND revoked IS NULL RETURNING parent", (at, name)
            )
            found = cursor.fetchall()
            for (parent,) in found:
                note(self._connection, "session.ended" if parent else "token.revoked", parent or name, at=at)
            self._connection.execute(
                "UPDATE token SET revoked = ? WHERE parent = ? AND revoked IS NULL", (at, name)
            )
        return bool(found)

    def all(self, *, revoked: bool = False) -> list[Token]:
        """Return the tokens by name; those that were revoked too, if asked for."""
        condition = "" if revoked else "AND revoked IS NULL"
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM token WHERE parent = '' {condition} ORDER BY name, id"
        )
        return [_token(row) for row in rows.fetchall()]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _token(row: tuple[str, str, str, int, str, int | None, int | None, int | None, str]) -> Token:
    name, scopes, areas, created, by, expires, revoked, last_used, parent = row
    return Token(
        name=name,
        scopes=frozenset(Scope(scope) for scope in scopes.split()),
        areas=tuple(areas.split()),
        created=created,
        created_by=by,
        expires=expires,
        revoked=revoked,
        last_used=last_used,
        parent=parent,
    )
