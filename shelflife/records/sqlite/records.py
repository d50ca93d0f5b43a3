"""The records as SQLite files in the state directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.errors import RecordsError
from shelflife.records.sqlite.index_file import open_index, read_index
from shelflife.records.sqlite.journal_file import open_journal, read_journal

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from shelflife.records.sqlite.index import SqliteIndex
    from shelflife.records.sqlite.journal import SqliteJournal
    from shelflife.records.state import StateDirectory


@dataclass(frozen=True, slots=True)
class SqliteRecords:
    """The records of one storage, in `journal.db` and `index.db`."""

    state: StateDirectory

    def open_journal(self) -> AbstractContextManager[SqliteJournal]:
        """Open the journal to write; see `open_journal` of the journal's file."""
        self._see_that_it_fits()
        return open_journal(self.state)

    def read_journal(self) -> AbstractContextManager[SqliteJournal | None]:
        """Open the journal to read."""
        return read_journal(self.state)

    def open_index(self) -> AbstractContextManager[SqliteIndex]:
        """Open the index to write."""
        self._see_that_it_fits()
        return open_index(self.state)

    def read_index(self) -> AbstractContextManager[SqliteIndex | None]:
        """Open the index to read."""
        return read_index(self.state)

    def _see_that_it_fits(self) -> None:
        """Raise RecordsError where nothing must be made: databases break there."""
        try:
            reason = self.state.unfit()
        except OSError:
            return  # whoever opens it tells
        if reason is not None:
            raise RecordsError(reason)
