"""Approvals in SQLite: plans that a person may approve, and the last run of each area."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from shelflife.policy.limits import LastRun
from shelflife.records.history import OfferedPlan
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAST_RUNS: Final = "SELECT name, settings, at FROM area"

_REMEMBER: Final = "INSERT OR REPLACE INTO area VALUES (?, ?, ?)"

_OFFER: Final = "INSERT OR IGNORE INTO plan (id, made, cutoffs, settings) VALUES (?, ?, ?, ?)"

_OFFERED: Final = "SELECT id, made, cutoffs, settings FROM plan WHERE id = ? AND used IS NULL"

_USE: Final = "UPDATE plan SET used = ? WHERE id = ?"


class SqliteApprovals:
    """Plans that a person may approve, and what a plan is compared with."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def last_runs(self) -> dict[str, LastRun]:
        """Return what is remembered of each area that was ever cleaned."""
        rows = self._connection.execute(_LAST_RUNS).fetchall()
        return {name: LastRun(at=at, settings=json.loads(settings)) for name, settings, at in rows}

    def remember(self, settings: Mapping[str, Mapping[str, Any]], *, at: int) -> None:
        """Record that areas were cleaned to the end, under these settings, at `at` (ns)."""
        rows = [(name, json.dumps(values), at) for name, values in settings.items()]
        with transaction(self._connection):
            self._connection.executemany(_REMEMBER, rows)

    def offer(self, plan: OfferedPlan) -> None:
        """Record a plan that a person may approve."""
        values = (plan.id, plan.made, json.dumps(plan.cutoffs), json.dumps(plan.settings))
        with transaction(self._connection):
            self._connection.execute(_OFFER, values)

    def offered(self, plan: str) -> OfferedPlan | None:
        """Return a plan that a person may approve, as long as it has served no run."""
        found = self._connection.execute(_OFFERED, (plan,)).fetchone()
        if found is None:
            return None
        return OfferedPlan(found[0], found[1], json.loads(found[2]), json.loads(found[3]))

    def use(self, plan: str, run: int) -> None:
        """Record that an approved plan served a run: it serves no other."""
        with transaction(self._connection):
            self._connection.execute(_USE, (run, plan))
