"""Runs in SQLite: their beginnings and ends, and what is told of them afterwards."""

from __future__ import annotations

import json
import sqlite3
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from shelflife.actor import current_actor
from shelflife.records.history import NO_CLEANUPS, RunRecord, RunState, Totals, Trigger
from shelflife.records.journal import KeyTaken
from shelflife.records.sqlite.acts import note
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BEGIN: Final = """
INSERT INTO run (plan, trigger, host, pid, started, state, actor, via, request, key)
VALUES ('', ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_CARRY_OUT: Final = "UPDATE run SET state = ?, plan = ?, cutoffs = ? WHERE id = ? RETURNING trigger, started"

_WITHDRAW: Final = "DELETE FROM run WHERE id = ?"

_DROP: Final = """
UPDATE run SET finished = ?, state = ?, plan = ?, reason = ?, report = ?, key = NULL WHERE id = ?
RETURNING trigger
"""
"""Nothing was done, so whoever asked may ask again with the same key."""

_OF_KEY: Final = "SELECT id FROM run WHERE key = ?"

_REFUSE: Final = """
INSERT INTO run (plan, trigger, host, pid, started, finished, state, reason, actor, via, request)
VALUES ('', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_FINISH: Final = "UPDATE run SET finished = ?, state = ?, reason = ?, report = ? WHERE id = ?"

_IS_OF: Final = "SELECT 1 FROM run WHERE id = ? AND trigger = ?"

_ADD_TO_TOTALS: Final = (
    "INSERT INTO total VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value"
)

_STAMP_TOTALS: Final = "INSERT OR REPLACE INTO total VALUES (?, ?)"

_RUNS: Final = """
SELECT id, plan, trigger, host, pid, started, finished, state, reason, actor, via, request, cutoffs, report
FROM run
"""

_UNFINISHED: Final = f"{_RUNS} WHERE state IN (?, ?) ORDER BY id"

_LATEST: Final = f"{_RUNS} WHERE id < ? ORDER BY id DESC LIMIT ?"

_ONE: Final = f"{_RUNS} WHERE id = ?"

_LAST_CLEANUP: Final = f"""
{_RUNS} WHERE state NOT IN (SELECT value FROM json_each(?)) AND trigger NOT IN (?, ?, ?) ORDER BY id DESC LIMIT 1
"""


class SqliteRuns:
    """The beginning and the end of each run."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def begin(self, *, trigger: Trigger, host: str, pid: int, at: int) -> int:
        """Record that a run begins, by planning, for whoever acts; return its number. Raises KeyTaken."""
        actor = current_actor()
        who = (actor.name, actor.via, actor.request, actor.key)
        values = (trigger, host, pid, at, RunState.PLANNING, *who)
        with transaction(self._connection):
            taken = self._connection.execute(_OF_KEY, (actor.key,)).fetchone()
            if taken is not None:
                raise KeyTaken(taken[0])
            cursor = self._connection.execute(_BEGIN, values)
        return int(cursor.lastrowid or 0)

    def carry_out(self, run: int, *, plan: str, cutoffs: dict[str, Any]) -> None:
        """Record that what a run has planned is carried out from now on."""
        with transaction(self._connection):
            values = (RunState.RUNNING, plan, json.dumps(cutoffs), run)
            for trigger, started in self._connection.execute(_CARRY_OUT, values).fetchall():
                note(self._connection, "run.begun", run, at=started, trigger=trigger, plan=plan)

    def withdraw(self, run: int) -> None:
        """Forget a run that found nothing to do."""
        with transaction(self._connection):
            self._connection.execute(_WITHDRAW, (run,))

    def drop(
        self,
        run: int,
        *,
        at: int,
        state: RunState,
        plan: str = "",
        reason: str,
        report: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Record that a run ended before it changed anything. It counts in no totals."""
        with transaction(self._connection):
            values = (at, state, plan, reason, json.dumps(dict(report)), run)
            for (trigger,) in self._connection.execute(_DROP, values).fetchall():
                note(self._connection, f"run.{state}", run, at=at, trigger=trigger, plan=plan)

    def refuse(self, *, trigger: Trigger, host: str, pid: int, at: int, reason: str) -> int:
        """Record that a run did not start; return its number."""
        actor = current_actor()
        values = (trigger, host, pid, at, at, RunState.REFUSED, reason, actor.name, actor.via, actor.request)
        with transaction(self._connection):
            number = int(self._connection.execute(_REFUSE, values).lastrowid or 0)
            note(self._connection, "run.refused", number, at=at, trigger=trigger)
        return number

    def finish(self, run: int, *, at: int, state: RunState, report: dict[str, Any], reason: str = "") -> None:
        """Record that a run ended, and add it to the totals, unless it only brought something back."""
        counts = {
            "runs": 1,
            "removed": report.get("removed", 0) + report.get("trashed", 0),
            "bytes": report.get("bytes", 0) + report.get("purged_bytes", 0),
        }
        stamps = {"last_run": at} | ({"last_success": at} if state is RunState.DONE else {})
        with transaction(self._connection):
            self._connection.execute(_FINISH, (at, state, reason, json.dumps(report), run))
            if self._connection.execute(_IS_OF, (run, Trigger.RESTORE)).fetchone() is not None:
                return
            self._connection.executemany(_ADD_TO_TOTALS, counts.items())
            self._connection.executemany(_STAMP_TOTALS, stamps.items())


class SqliteHistory:
    """What is remembered of runs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def runs(self, *, limit: int = 50, before: int | None = None) -> list[RunRecord]:
        """Return runs, the latest first; those before run number `before`."""
        return list(_records(self._connection, _LATEST, (before or 2**62, limit)))

    def run(self, number: int) -> RunRecord | None:
        """Return one run."""
        return next(_records(self._connection, _ONE, (number,)), None)

    def unfinished(self) -> list[RunRecord]:
        """Return the runs without an end."""
        return list(_records(self._connection, _UNFINISHED, (RunState.PLANNING, RunState.RUNNING)))

    def last_cleanup(self) -> RunRecord | None:
        """Return the latest cleanup that is not going on, however it ended."""
        return self._last(())

    def last_started(self) -> RunRecord | None:
        """Return the latest cleanup that started and is not going on, however it ended."""
        return self._last((RunState.REFUSED,))

    def _last(self, other_than: tuple[RunState, ...]) -> RunRecord | None:
        """Return the latest cleanup that is not going on, and in none of these states."""
        values = json.dumps([RunState.PLANNING, RunState.RUNNING, *other_than]), *NO_CLEANUPS
        return next(_records(self._connection, _LAST_CLEANUP, values), None)

    def totals(self) -> Totals:
        """Return what all executed runs together did."""
        return Totals(**dict(self._connection.execute("SELECT name, value FROM total").fetchall()))


def _records(connection: sqlite3.Connection, query: str, values: tuple[object, ...]) -> Iterator[RunRecord]:
    for *columns, cutoffs, report in connection.execute(query, values).fetchall():
        fields = dict(zip(RunRecord.__slots__, columns, strict=False))
        yield RunRecord(**fields, cutoffs=json.loads(cutoffs), report=json.loads(report))
