"""What the contract of the records is tried on: add an implementation here, and it has to pass all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from shelflife.records.index import Index
from shelflife.records.journal import Journal
from shelflife.records.records import Records
from shelflife.records.sqlite import index_file
from shelflife.records.sqlite.database import connect
from shelflife.records.sqlite.index import SqliteIndex
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


@contextmanager
def _index_in_memory() -> Iterator[Index]:
    """Open an index without a file, a thousand times a second."""
    with closing(connect(":memory:")) as connection:
        index_file.create(connection)
        yield SqliteIndex(connection, Path("/"))


INDEXES: dict[str, Callable[[StateDirectory], AbstractContextManager[Index]]] = {
    "SQLite": lambda state: SqliteRecords(state).open_index(),
    "SQLite in memory": lambda _: _index_in_memory(),
}

FLEETING: dict[str, Callable[[], AbstractContextManager[Index]]] = {"SQLite": _index_in_memory}
"""Those that keep nothing, for tests of very many."""

each_fleeting = pytest.mark.parametrize("kind", FLEETING)


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


@pytest.fixture(params=INDEXES)
def index(request: pytest.FixtureRequest, state: StateDirectory) -> Iterator[Index]:
    """Open an index that is new."""
    with INDEXES[request.param](state) as opened:
        yield opened
