"""What the contract of the records is tried on: add an implementation here, and it has to pass all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from shelflife.records.journal import Journal
from shelflife.records.records import Records
from shelflife.records.sqlite.database import connect
from shelflife.records.sqlite.journal import SqliteJournal
from shelflife.records.sqlite.migrations import migrate
from shelflife.records.sqlite.records import SqliteRecords
from shelflife.records.state import StateDirectory


@contextmanager
def _in_memory(state: StateDirectory) -> Iterator[Journal]:
    """Open what stands in for the journal's file while the disk is full."""
    with closing(connect(":memory:")) as connection:
        migrate(connection)
        yield SqliteJournal(connection, state.path, stand_in_for=state.journal)


JOURNALS: dict[str, Callable[[StateDirectory], AbstractContextManager[Journal]]] = {
    "SQLite": lambda state: SqliteRecords(state).open_journal(),
    "SQLite in memory": _in_memory,
}


@pytest.fixture(params=[SqliteRecords])
def records(request: pytest.FixtureRequest, state: StateDirectory) -> Records:
    """Return the records of a storage for which none were made yet."""
    made: Records = request.param(state)
    return made


@pytest.fixture(params=JOURNALS)
def journal(request: pytest.FixtureRequest, state: StateDirectory) -> Iterator[Journal]:
    """Open a journal that is new."""
    with JOURNALS[request.param](state) as opened:
        yield opened
