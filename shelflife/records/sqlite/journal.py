"""The journal in SQLite: its books over one connection, and what concerns all of them."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Final

from shelflife.records.sqlite.acts import SqliteActBook
from shelflife.records.sqlite.approvals import SqliteApprovals
from shelflife.records.sqlite.database import state_of, transaction
from shelflife.records.sqlite.event_log import SqliteEventBook
from shelflife.records.sqlite.holds import SqliteHoldBook, SqliteHoldWatch
from shelflife.records.sqlite.identity import SqliteIdentity
from shelflife.records.sqlite.removals import SqliteFileHistory, SqliteRemovals
from shelflife.records.sqlite.runs import SqliteHistory, SqliteRuns
from shelflife.records.sqlite.slots import SqliteSlots
from shelflife.records.sqlite.trash import SqliteTrashBook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shelflife.records.sqlite.alerts import SqliteAlertBook
    from shelflife.records.sqlite.pressure import SqlitePressureBook
    from shelflife.records.sqlite.replies import SqliteReplyBook
    from shelflife.records.sqlite.tallies import SqliteTallyBook
    from shelflife.records.sqlite.tokens import SqliteTokenBook
    from shelflife.records.sqlite.usage import SqliteUsageBook

_FORGET_FILES: Final = "DELETE FROM batch WHERE run IN (SELECT id FROM run WHERE finished < ?)"

_FORGET_RUNS: Final = "DELETE FROM run WHERE finished < ?"

_FORGET_SLOTS: Final = "DELETE FROM slot WHERE at < (SELECT max(at) FROM slot WHERE at <= ?)"
"""The latest one stays, however rare the slots are: from it follows what was missed."""

_FORGET_PLANS: Final = "DELETE FROM plan WHERE made < ?"

_FORGET_OLDEST: Final = """
DELETE FROM batch WHERE outcomes IS NOT NULL
AND id <= (SELECT min(id) + (max(id) - min(id)) / 10 FROM batch WHERE outcomes IS NOT NULL)
"""
"""A tenth of all batches at a time."""


class SqliteJournal:
    """The journal of one storage, open."""

    def __init__(
        self, connection: sqlite3.Connection, directory: Path, *, stand_in_for: Path | None = None
    ) -> None:
        """Take over a connection whose schema is there; `directory` is where the journal is kept.

        `stand_in_for` is the journal's file when this one is in memory, since the disk is full.
        """
        self._connection = connection
        self._file = stand_in_for
        self._lock = threading.RLock()
        self._seen = None if stand_in_for is None else state_of(stand_in_for)
        self.runs = SqliteRuns(connection)
        self.history = SqliteHistory(connection)
        self.removals = SqliteRemovals(connection, directory, self._lock)
        self.files = SqliteFileHistory(connection)
        self.slots = SqliteSlots(connection)
        self.approvals = SqliteApprovals(connection)
        self.identity = SqliteIdentity(connection)
        self.holds = SqliteHoldBook(connection)
        self.events = SqliteEventBook(connection, self._lock)
        self.acts = SqliteActBook(connection)
        self.trash = SqliteTrashBook(connection)

    # What not every command opens is imported by whoever does.

    @property
    def alerts(self) -> SqliteAlertBook:
        """What people were told."""
        from shelflife.records.sqlite.alerts import SqliteAlertBook

        return SqliteAlertBook(self._connection)

    @property
    def tallies(self) -> SqliteTallyBook:
        """What all ended runs add up to."""
        from shelflife.records.sqlite.tallies import SqliteTallyBook

        return SqliteTallyBook(self._connection)

    @property
    def tokens(self) -> SqliteTokenBook:
        """Who may send what over HTTP."""
        from shelflife.records.sqlite.tokens import SqliteTokenBook

        return SqliteTokenBook(self._connection)

    @property
    def replies(self) -> SqliteReplyBook:
        """What was answered to requests that may be sent again."""
        from shelflife.records.sqlite.replies import SqliteReplyBook

        return SqliteReplyBook(self._connection)

    @property
    def usage(self) -> SqliteUsageBook:
        """The samples of how much there was."""
        from shelflife.records.sqlite.usage import SqliteUsageBook

        return SqliteUsageBook(self._connection)

    @property
    def pressure(self) -> SqlitePressureBook:
        """What was made room for, and what came of it."""
        from shelflife.records.sqlite.pressure import SqlitePressureBook

        return SqlitePressureBook(self._connection)

    @property
    def is_outdated(self) -> bool:
        """Whether this one is in memory, and somebody has found room to write the file meanwhile.

        They may have added a hold, of which this one knows nothing.
        """
        return self._file is not None and state_of(self._file) != self._seen

    def watch_holds(self, *, clock: Callable[[], int]) -> SqliteHoldWatch:
        """Return the active holds, kept up to date."""
        return SqliteHoldWatch(self._connection, clock=clock, lock=self._lock)

    def trim(self, *, runs_before: int, files_before: int, max_bytes: int) -> None:
        """Forget runs before `runs_before`, and files: of runs before `files_before`, and beyond `max_bytes`."""
        with transaction(self._connection):
            self._connection.execute(_FORGET_FILES, (max(runs_before, files_before),))
            self._connection.execute(_FORGET_RUNS, (runs_before,))
            self._connection.execute(_FORGET_SLOTS, (runs_before,))
            self._connection.execute(_FORGET_PLANS, (runs_before,))
            self.events.trim(files_before)
            self.acts.trim(runs_before)
            self.holds.trim(files_before)
        while self._size() > max_bytes and self._forget_oldest():
            pass

    def _size(self) -> int:
        """Bytes of the database that are in use."""
        values = [
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        ]
        return int((values[0] - values[1]) * values[2])

    def _forget_oldest(self) -> bool:
        """Forget the oldest files; return whether there were any."""
        with transaction(self._connection):
            return self._connection.execute(_FORGET_OLDEST).rowcount > 0
