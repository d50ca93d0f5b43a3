"""What ended runs add up to, in SQLite.

Triggers count, as they tell events: so each end is counted once, in its own transaction, whichever line of code
and whichever process records it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.records.tallies import BOUNDS, FailureTally, RunTally

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SCHEMA", "SqliteTallyBook"]


def _within(run: str) -> str:
    """Return what gives the bound within which a run ended."""
    took = f"{run}.finished - {run}.started"
    cases = " ".join(f"WHEN {took} <= {bound * SECOND} THEN {bound}" for bound in BOUNDS)
    return f"CASE {cases} ELSE 0 END"


def _trigger(name: str, event: str, condition: str) -> str:
    """Return a trigger that counts a run which has ended; rows that are only copied are counted already."""
    return f"""
    CREATE TRIGGER tally_{name} AFTER {event} ON run
    WHEN new.finished IS NOT NULL AND {condition} AND NOT EXISTS (SELECT 1 FROM event_pause) BEGIN
        INSERT INTO run_tally
        VALUES (new.trigger, new.state, {_within("new")}, 1, max(0, new.finished - new.started))
        ON CONFLICT DO UPDATE SET runs = runs + 1, nanoseconds = nanoseconds + excluded.nanoseconds;
        INSERT INTO failure_tally
        SELECT area.key, CAST(error.key AS INTEGER), error.value
        FROM json_each(new.report, '$.areas') AS area, json_each(area.value, '$.errnos') AS error
        WHERE true
        ON CONFLICT DO UPDATE SET failures = failures + excluded.failures;
    END;
    """


SCHEMA: Final = (
    """
    CREATE TABLE run_tally (
        trigger TEXT NOT NULL,
        state TEXT NOT NULL,
        within INTEGER NOT NULL,            -- seconds; 0: longer than the largest bound
        runs INTEGER NOT NULL,
        nanoseconds INTEGER NOT NULL,       -- of all of them together
        PRIMARY KEY (trigger, state, within)
    );
    CREATE TABLE failure_tally (
        area TEXT NOT NULL,
        errno INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        PRIMARY KEY (area, errno)
    );
    """
    + _trigger("inserted", "INSERT", "1")
    + _trigger("ended", "UPDATE OF finished", "old.finished IS NULL")
    + f"""
    INSERT INTO run_tally
    SELECT trigger, state, {_within("run")} AS bound, count(*), sum(max(0, finished - started))
    FROM run WHERE finished IS NOT NULL GROUP BY trigger, state, bound;
    """
)
"""Begins with the runs that are still remembered."""


class SqliteTallyBook:
    """What all ended runs of one storage add up to."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def runs(self) -> list[RunTally]:
        """See `TallyBook`."""
        rows = self._connection.execute("SELECT trigger, state, within, runs, nanoseconds FROM run_tally")
        return [RunTally(*row) for row in rows]

    def failures(self) -> list[FailureTally]:
        """See `TallyBook`."""
        rows = self._connection.execute("SELECT area, errno, failures FROM failure_tally")
        return [FailureTally(*row) for row in rows]
