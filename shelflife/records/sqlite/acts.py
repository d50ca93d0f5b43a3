"""Acts in SQLite. The other books note theirs here, inside their own transactions."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from shelflife.actor import current_actor
from shelflife.records.acts import ActRecord
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SCHEMA", "SqliteActBook", "note"]

_HELD: Final = "json_object('area', area, 'path_hex', hex(path))"

SCHEMA: Final = f"""
    CREATE TABLE act (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,                -- ns since the epoch
        actor TEXT NOT NULL,
        via TEXT NOT NULL,                  -- Via
        request TEXT NOT NULL,              -- id of the HTTP request
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,              -- number of the run or hold, id of the plan, name of the token
        data TEXT NOT NULL                  -- JSON
    );
    INSERT INTO act (at, actor, via, request, kind, subject, data) SELECT * FROM (
        SELECT started AS at, actor, via, request, iif(state = 'refused', 'run.refused', 'run.begun'), id,
            json_object('trigger', trigger) FROM run
        UNION ALL SELECT created, actor, via, request, 'hold.added', id, {_HELD} FROM hold
        UNION ALL SELECT ended, ended_by, '', '', 'hold.ended', id, {_HELD} FROM hold WHERE ended IS NOT NULL
        UNION ALL SELECT created, created_by, '', '', 'token.added', name, '{{}}' FROM token WHERE parent = ''
        UNION ALL SELECT revoked, '', '', '', 'token.revoked', name, '{{}}' FROM token
            WHERE parent = '' AND revoked IS NOT NULL
    ) ORDER BY at;
    """
"""What is known of the time before, too."""

_NOTE: Final = "INSERT INTO act (at, actor, via, request, kind, subject, data) VALUES (?, ?, ?, ?, ?, ?, ?)"

_LATEST: Final = """
SELECT id, at, actor, via, request, kind, subject, data FROM act WHERE id < ? ORDER BY id DESC LIMIT ?
"""


def note(
    connection: sqlite3.Connection,
    kind: str,
    subject: object,
    *,
    at: int,
    path: str | None = None,
    **data: Any,
) -> None:
    """Record an act at `at` (ns) by whoever acts now; to be called within the transaction of its effect."""
    actor = current_actor()
    if path is not None:
        data["path_hex"] = os.fsencode(path).hex().upper()
    connection.execute(
        _NOTE, (at, actor.name, actor.via, actor.request, kind, str(subject), json.dumps(data))
    )


class SqliteActBook:
    """The acts of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def add(self, kind: str, subject: str = "", *, at: int) -> None:
        """See `ActBook`."""
        with transaction(self._connection):
            note(self._connection, kind, subject, at=at)

    def latest(self, *, limit: int = 50, before: int | None = None) -> list[ActRecord]:
        """See `ActBook`."""
        rows = self._connection.execute(_LATEST, (before or 2**62, limit)).fetchall()
        return [
            ActRecord(
                id=number,
                at=at,
                actor=actor,
                via=via,
                request=request,
                kind=kind,
                subject=subject,
                data=json.loads(data),
            )
            for number, at, actor, via, request, kind, subject, data in rows
        ]

    def trim(self, before: int) -> None:
        """Forget acts from before `before` (ns)."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM act WHERE at < ?", (before,))
