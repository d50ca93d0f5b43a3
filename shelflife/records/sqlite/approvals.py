"""Approvals in SQLite: plans that a person may approve, and the last run of each area."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Final

from shelflife.policy.changes import upgraded
from shelflife.policy.limits import LastRun
from shelflife.records.history import NO_CLEANUPS, OfferedPlan
from shelflife.records.sqlite.acts import note
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LAST_RUNS: Final = "SELECT name, settings, at, memory FROM area"

_REMEMBER: Final = "INSERT OR REPLACE INTO area (name, settings, at, memory) VALUES (?, ?, ?, ?)"

_REPORTS: Final = "SELECT report FROM run WHERE trigger NOT IN (?, ?, ?)"

_OFFER: Final = "INSERT OR IGNORE INTO plan (id, made, cutoffs, settings, arrivals) VALUES (?, ?, ?, ?, ?)"

_OPEN: Final = "SELECT id, made, cutoffs, settings, arrivals FROM plan WHERE used IS NULL"
"""Plans that have not served a run to its end."""

_APPROVE: Final = "UPDATE plan SET approved = ? WHERE id = ?"

_USE: Final = "UPDATE plan SET used = ? WHERE id = ?"


class SqliteApprovals:
    """Plans that a person may approve, and what a plan is compared with."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def last_runs(self) -> dict[str, LastRun]:
        """Return what is remembered of each area that was ever cleaned."""
        found = {}
        for name, settings, at, memory in self._connection.execute(_LAST_RUNS).fetchall():
            known = json.loads(memory) or {"has_lost": self._has_lost(name)}
            found[name] = LastRun(at=at, settings=upgraded(json.loads(settings)), **known)
        return found

    def _has_lost(self, area: str) -> bool:
        """Return whether a cleanup removed anything from an area, where an older version did not note it."""
        rows = self._connection.execute(_REPORTS, NO_CLEANUPS).fetchall()
        reports = (json.loads(report).get("areas", {}).get(area, {}) for (report,) in rows)
        return any(report.get("removed", 0) or report.get("trashed", 0) for report in reports)

    def remember(self, areas: Mapping[str, LastRun]) -> None:
        """Record by what the next cleanups of areas are judged."""
        rows = [(name, json.dumps(last.settings), last.at, _memory(last)) for name, last in areas.items()]
        with transaction(self._connection):
            self._connection.executemany(_REMEMBER, rows)

    def offer(self, plan: OfferedPlan) -> None:
        """Record a plan that a person may approve."""
        values = (json.dumps(plan.cutoffs), json.dumps(plan.settings), json.dumps(plan.arrivals))
        with transaction(self._connection):
            self._connection.execute(_OFFER, (plan.id, plan.made, *values))

    def offered(self, plan: str) -> OfferedPlan | None:
        """Return a plan that a person may approve, until it has served a run to its end."""
        return next(self._plans(f"{_OPEN} AND id = ?", plan), None)

    def waiting(self, since: int) -> list[OfferedPlan]:
        """Return the plans made since a moment (ns) that have not served a run to its end, the latest first."""
        return list(self._plans(f"{_OPEN} AND made >= ? ORDER BY made DESC", since))

    def approved_since(self, since: int) -> list[OfferedPlan]:
        """Return the plans that were approved from a moment (ns) on and have not served a run to its end."""
        return list(self._plans(f"{_OPEN} AND approved >= ? ORDER BY approved DESC", since))

    def approve(self, plan: str, *, at: int) -> None:
        """Record that a person approved a plan at a moment (ns)."""
        with transaction(self._connection):
            is_new = self._connection.execute(f"{_OPEN} AND id = ? AND approved IS NULL", (plan,)).fetchone()
            self._connection.execute(_APPROVE, (at, plan))
            if is_new:  # else an approved run that was interrupted goes on, and nobody approves anything
                note(self._connection, "plan.approved", plan, at=at)

    def use(self, plan: str, run: int) -> None:
        """Record that an approved plan served a run to its end: it serves no other."""
        with transaction(self._connection):
            self._connection.execute(_USE, (run, plan))

    def _plans(self, query: str, value: object) -> Iterator[OfferedPlan]:
        for number, made, *values in self._connection.execute(query, (value,)).fetchall():
            yield OfferedPlan(number, made, *map(json.loads, values))


def _memory(last: LastRun) -> str:
    return json.dumps(
        {
            "cutoffs": dict(last.cutoffs),
            "left": last.left,
            "has_lost": last.has_lost,
            "arrivals": last.arrivals,
        }
    )
