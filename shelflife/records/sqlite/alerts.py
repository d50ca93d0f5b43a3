"""What people were told, and what they are still to be told.

An alert is active from when it begins until it ends. Each beginning, change and end is a message; messages wait
here until they are delivered, so that a receiver that is down for a while, or a process that dies, loses none.
Several processes may look at the same time: what begins is recorded in one transaction, and a message is
claimed before it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

SCHEMA: Final = """
    CREATE TABLE alert (
        key TEXT PRIMARY KEY,               -- kind, and what of
        kind TEXT NOT NULL,
        stage TEXT NOT NULL,                -- told again when it changes
        text TEXT NOT NULL,
        since INTEGER NOT NULL              -- ns since the epoch
    );
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        event TEXT NOT NULL,                -- begun, changed, ended, test
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        text TEXT NOT NULL,
        claimed INTEGER NOT NULL DEFAULT 0, -- when somebody last set out to deliver it
        done INTEGER                        -- when it was delivered, or given up
    );
    """

CLAIM_LASTS: Final = 600 * 10**9
"""Nanoseconds after which a message that was claimed and not delivered may be tried by another."""

GIVEN_UP_AFTER: Final = 24 * 3600 * 10**9
"""Age (ns) at which a message is no longer worth sending."""

_KEEP: Final = 90 * 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that needs a person."""

    kind: str
    key: str
    """The kind, and what of: told once for each key."""
    text: str
    """What is the case, and what to do."""
    stage: str = ""
    """It is told again when this changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlert:
    """A condition that was found and has not ended."""

    kind: str
    key: str
    text: str
    stage: str
    since: int
    """ns since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that people are to be told."""

    id: int
    at: int
    """ns since the epoch."""
    event: str
    """begun, changed, ended; test."""
    kind: str
    key: str
    text: str


class AlertBook:
    """The alerts of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def active(self) -> list[ActiveAlert]:
        """Return the alerts that have not ended, the latest first."""
        rows = self._connection.execute("SELECT kind, key, text, stage, since FROM alert ORDER BY since DESC")
        return [
            ActiveAlert(kind=kind, key=key, text=text, stage=stage, since=since)
            for kind, key, text, stage, since in rows.fetchall()
        ]

    def update(self, found: Sequence[Condition], *, at: int, told: Mapping[str, str]) -> int:
        """Take what was found at `at` (ns); return how many messages that made.

        `told` has the texts of ends by kind. Active alerts that were not found have ended.
        """
        count = 0
        with transaction(self._connection):
            active = {alert.key: alert for alert in self.active()}
            for condition in found:
                alert = active.pop(condition.key, None)
                if alert is not None and alert.stage == condition.stage:
                    continue
                event, since = ("begun", at) if alert is None else ("changed", alert.since)
                self._connection.execute(
                    "INSERT OR REPLACE INTO alert VALUES (?, ?, ?, ?, ?)",
                    (condition.key, condition.kind, condition.stage, condition.text, since),
                )
                self._say(at, event, condition.kind, condition.key, condition.text)
                count += 1
            for alert in active.values():
                self._connection.execute("DELETE FROM alert WHERE key = ?", (alert.key,))
                ended = told.get(alert.kind, "it has ended")
                self._say(at, "ended", alert.kind, alert.key, f"{ended} (it was: {alert.text})")
                count += 1
            self._connection.execute("DELETE FROM message WHERE at < ?", (at - _KEEP,))
        return count

    def say(self, *, at: int, event: str, kind: str, key: str, text: str) -> None:
        """Have something told that is over already."""
        with transaction(self._connection):
            self._say(at, event, kind, key, text)

    def claim(self, *, at: int) -> list[Message]:
        """Take the messages that nobody delivers, the oldest first; they are ours for `CLAIM_LASTS`."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE message SET done = ? WHERE done IS NULL AND at < ?", (at, at - GIVEN_UP_AFTER)
            )
            rows = self._connection.execute(
                "SELECT id, at, event, kind, key, text FROM message "
                "WHERE done IS NULL AND (claimed <= ? OR claimed > ?) ORDER BY id",
                (at - CLAIM_LASTS, at + CLAIM_LASTS),  # beyond: the clock was set back
            ).fetchall()
            self._connection.executemany(
                "UPDATE message SET claimed = ? WHERE id = ?", [(at, row[0]) for row in rows]
            )
        names = ("id", "at", "event", "kind", "key", "text")
        return [Message(**dict(zip(names, row, strict=True))) for row in rows]

    def delivered(self, message: int, *, at: int) -> None:
        """Record that a message was delivered."""
        with transaction(self._connection):
            self._connection.execute("UPDATE message SET done = ? WHERE id = ?", (at, message))

    def waiting(self) -> int:
        """Return how many messages are not delivered yet."""
        (count,) = self._connection.execute("SELECT count(*) FROM message WHERE done IS NULL").fetchone()
        return int(count)

    def _say(self, at: int, event: str, kind: str, key: str, text: str) -> None:
        self._connection.execute(
            "INSERT INTO message (at, event, kind, key, text) VALUES (?, ?, ?, ?, ?)",
            (at, event, kind, key, text),
        )
