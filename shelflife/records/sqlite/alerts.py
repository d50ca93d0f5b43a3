"""Alerts in SQLite.

Several processes may look at the same time: what begins is recorded in one transaction, and a message is claimed
before it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shelflife.clock import DAY
from shelflife.records.alerts import CLAIM_LASTS, GIVEN_UP_AFTER, ActiveAlert, Condition, Message
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

_KEEP: Final = 90 * DAY

_ACTIVE: Final = "SELECT kind, key, text, stage, since FROM alert ORDER BY since DESC"

_PUT: Final = "INSERT OR REPLACE INTO alert VALUES (?, ?, ?, ?, ?)"

_END: Final = "DELETE FROM alert WHERE key = ?"

_FORGET: Final = "DELETE FROM message WHERE at < ?"

_GIVE_UP: Final = "UPDATE message SET done = ? WHERE done IS NULL AND at < ?"

_WAITING: Final = """
SELECT id, at, event, kind, key, text FROM message
WHERE done IS NULL AND (claimed <= ? OR claimed > ?) ORDER BY id
"""
"""Beyond the second moment: the clock was set back."""

_CLAIM: Final = "UPDATE message SET claimed = ? WHERE id = ?"

_DELIVERED: Final = "UPDATE message SET done = ? WHERE id = ?"

_COUNT: Final = "SELECT count(*) FROM message WHERE done IS NULL"

_SAY: Final = "INSERT INTO message (at, event, kind, key, text, done) VALUES (?, ?, ?, ?, ?, ?)"


class SqliteAlertBook:
    """The alerts of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def active(self) -> list[ActiveAlert]:
        """Return the alerts that have not ended, the latest first."""
        rows = self._connection.execute(_ACTIVE)
        return [
            ActiveAlert(kind=kind, key=key, text=text, stage=stage, since=since)
            for kind, key, text, stage, since in rows.fetchall()
        ]

    def update(
        self, found: Sequence[Condition], *, at: int, told: Mapping[str, str], tell: bool = True
    ) -> int:
        """See `AlertBook`. What is sent to nobody is recorded as done: a later receiver gets nothing old."""
        count, done = 0, None if tell else at
        with transaction(self._connection):
            active = {alert.key: alert for alert in self.active()}
            for condition in found:
                alert = active.pop(condition.key, None)
                if alert is not None and alert.stage == condition.stage:
                    continue
                event, since = ("begun", condition.since or at) if alert is None else ("changed", alert.since)
                self._connection.execute(
                    _PUT,
                    (condition.key, condition.kind, condition.stage, condition.text, since),
                )
                self._say(at, event, condition.kind, condition.key, condition.text, done)
                count += tell
            for alert in active.values():
                self._connection.execute(_END, (alert.key,))
                ended = told.get(alert.kind, "it has ended")
                self._say(at, "ended", alert.kind, alert.key, f"{ended} (it was: {alert.text})", done)
                count += tell
            self._connection.execute(_FORGET, (at - _KEEP,))
        return count

    def say(self, *, at: int, event: str, kind: str, key: str, text: str) -> None:
        """Have something told that is over already."""
        with transaction(self._connection):
            self._say(at, event, kind, key, text, None)

    def claim(self, *, at: int) -> list[Message]:
        """Take the messages that nobody delivers, the oldest first; they are ours for `CLAIM_LASTS`."""
        with transaction(self._connection):
            self._connection.execute(_GIVE_UP, (at, at - GIVEN_UP_AFTER))
            rows = self._connection.execute(_WAITING, (at - CLAIM_LASTS, at + CLAIM_LASTS)).fetchall()
            self._connection.executemany(_CLAIM, [(at, row[0]) for row in rows])
        names = ("id", "at", "event", "kind", "key", "text")
        return [Message(**dict(zip(names, row, strict=True))) for row in rows]

    def delivered(self, message: int, *, at: int) -> None:
        """Record that a message was delivered."""
        with transaction(self._connection):
            self._connection.execute(_DELIVERED, (at, message))

    def waiting(self) -> int:
        """Return how many messages are not delivered yet."""
        (count,) = self._connection.execute(_COUNT).fetchone()
        return int(count)

    def _say(self, at: int, event: str, kind: str, key: str, text: str, done: int | None) -> None:
        self._connection.execute(_SAY, (at, event, kind, key, text, done))
