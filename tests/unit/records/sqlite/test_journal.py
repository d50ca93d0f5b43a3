"""The journal's file, and how files are packed into it."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.errors import RecordsError
from shelflife.files.listing import Entry, EntryKind
from shelflife.records.history import CODES, Intent, RunState
from shelflife.records.sqlite import journal_file, migrations
from shelflife.records.sqlite.database import connect
from shelflife.records.sqlite.journal import SqliteJournal
from shelflife.records.sqlite.journal_file import open_journal, read_journal
from shelflife.records.sqlite.migrations import MIGRATIONS, migrate
from shelflife.records.state import StateDirectory
from tests.unit.records.contract.writing import begin, exchange, record_removals, some_files


@pytest.fixture
def journal(state: StateDirectory) -> Iterator[SqliteJournal]:
    with open_journal(state) as opened:
        yield opened


def test_the_bytes_of_outcomes_never_change() -> None:
    """Journals hold them: a code may only be appended."""
    assert [(code.result.name, code.reason.value) for code in CODES[:17]] == [
        ("UNKNOWN", "not reached"),
        ("REMOVED", "expired"),
        ("FAILED", "expired"),
        ("KEPT", "changed"),
        ("KEPT", "vanished"),
        ("KEPT", "not expired"),
        ("KEPT", "not reached"),
        ("KEPT", "unit not expired"),
        ("KEPT", "unit protected"),
        ("KEPT", "protected"),
        ("KEPT", "held"),
        ("KEPT", "in use"),
        ("TRASHED", "expired"),
        ("DISPLACED", "changed"),
        ("KEPT", "unit held"),
        ("KEPT", "special file"),
        ("REMOVED", "purged"),
    ]


_facts = st.integers(-(2**63), 2**63 - 1)
_names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0")
    | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)  # it waits for a disk that others use
@given(
    files=st.lists(
        st.builds(
            Entry,
            _names,
            st.just(EntryKind.FILE),
            st.integers(0, 2**64 - 1),
            st.integers(0, 2**62),
            st.just(0),
            _facts,
        ),
        min_size=1,
        max_size=5,
    ),
    directory=st.lists(_names, max_size=3),
)
def test_names_and_facts_come_back_as_they_were(files: list[Entry], directory: list[str]) -> None:
    place = "".join(f"{name}/" for name in ["temp", *directory])
    connection = connect(":memory:")
    with closing(connection):
        migrate(connection)
        journal = SqliteJournal(connection, Path("/"))
        run = begin(journal)
        exchange(journal, [], Intent(run, "temp", place, 5, files))
        found = list(journal.files.of_run(run))
    assert [file.path for file in found] == [place + entry.name for entry in files]
    assert [(file.size, file.mtime) for file in found] == [(entry.size, entry.mtime) for entry in files]
    assert [file.inode % 2**64 for file in found] == [entry.inode for entry in files]


def test_beyond_its_bytes_the_oldest_files_are_forgotten_first(journal: SqliteJournal) -> None:
    runs = [begin(journal) for _ in range(4)]
    empty = journal._size()
    for run in runs:
        for number in range(100):
            record_removals(journal, run, *(f"{number}-{name}" * 5 for name in range(20)))
        journal.runs.finish(run, at=5, state=RunState.DONE, report={})
    half = (empty + journal._size()) // 2
    journal.trim(runs_before=0, files_before=0, max_bytes=half)
    assert journal._size() <= half
    left = [len(list(journal.files.of_run(run))) for run in runs]
    assert left[0] == 0
    assert left[-1] == 2000
    assert left == sorted(left)
    assert len(journal.history.runs()) == 4


def test_a_limit_that_cannot_be_kept_ends_all_the_same(journal: SqliteJournal) -> None:
    run = begin(journal)
    record_removals(journal, run, "a")
    exchange(journal, [], Intent(run, "temp", "temp/", 5, some_files("open")))
    journal.trim(runs_before=0, files_before=0, max_bytes=1)
    assert [file.path for file in journal.files.of_run(run)] == ["temp/open"]  # it is on it just now


# -- the file


def _schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return sorted(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall())


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_migrating_from_every_version_gives_todays_schema_and_loses_nothing(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    with monkeypatch.context() as then:
        for module in (migrations, journal_file):
            then.setattr(module, "MIGRATIONS", MIGRATIONS[:version])
        with open_journal(state):
            pass
    with closing(connect(state.journal)) as old:  # as a program of that version wrote it
        facts = array("q", [1, 2, 3, 4, 5, 6]).tobytes()
        old.execute(
            "INSERT INTO run (plan, trigger, host, pid, started, finished, state) "
            "VALUES ('p', 'cli', 'h', 1, 1, 9, 'done')"
        )
        old.execute(
            "INSERT INTO batch (run, area, unit, directory, at, names, facts, outcomes) "
            "VALUES (1, 'temp', 0, ?, 2, ?, ?, ?)",
            (b"temp/a/", b"a/b", facts, b"\x01\x01"),
        )
        old.execute("INSERT INTO total VALUES ('removed', 2)")
        old.execute("INSERT INTO slot VALUES (100, 101, NULL)")
    with open_journal(state) as journal:
        assert [file.path for file in journal.files.of_run(1)] == ["temp/a/a", "temp/a/b"]
        assert journal.history.totals().removed == 2
        assert journal.slots.last() == 100
    with closing(connect(":memory:")) as fresh, closing(connect(state.journal)) as migrated:
        migrate(fresh)
        assert _schema(fresh) == _schema(migrated)
        version_of = "PRAGMA user_version"
        assert fresh.execute(version_of).fetchone() == migrated.execute(version_of).fetchone()


def test_a_migration_that_fails_is_undone_as_a_whole(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(state) as journal:
        run = begin(journal)
    broken = "CREATE TABLE half (x INTEGER); CREATE TABLE run (x INTEGER)"
    with monkeypatch.context() as then:
        then.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, broken))
        with pytest.raises(RecordsError), open_journal(state):
            pass
    with open_journal(state) as journal:
        assert journal.history.run(run) is not None


def test_a_journal_of_a_newer_version_is_not_touched(state: StateDirectory) -> None:
    with open_journal(state):
        pass
    with closing(connect(state.journal)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RecordsError, match="newer version"), open_journal(state):
        pass
    with pytest.raises(RecordsError, match="newer version"), read_journal(state):
        pass


def test_reading_does_not_make_a_journal(state: StateDirectory) -> None:
    with read_journal(state) as journal:
        assert journal is None
    assert not state.path.exists()


def test_a_journal_is_read_while_it_is_written(state: StateDirectory) -> None:
    with open_journal(state) as writer:
        run = begin(writer)
        with read_journal(state) as reader:
            assert reader is not None
            assert reader.history.run(run) is not None
            with pytest.raises(sqlite3.OperationalError):
                begin(reader)


@pytest.mark.parametrize("content", [b"not a database" * 500, b"SQLite format 3\0" + bytes(4000)])
def test_a_journal_that_is_none_is_an_error_and_left_as_it_is(state: StateDirectory, content: bytes) -> None:
    state.create()
    state.journal.write_bytes(content)
    with pytest.raises(RecordsError, match=r"journal\.db"), open_journal(state):
        pass
    with pytest.raises(RecordsError, match=r"journal\.db"), read_journal(state):
        pass
    assert state.journal.read_bytes() == content


def test_of_two_processes_one_gets_a_slot(state: StateDirectory) -> None:
    with open_journal(state) as one, open_journal(state) as other:
        assert one.slots.claim(100, at=101)
        assert not other.slots.claim(100, at=102)
        assert other.slots.is_claimed(100)


@pytest.mark.parametrize(("removed", "has_lost"), [(3, True), (0, False)])
def test_what_an_older_version_remembered_of_an_area_is_read(
    state: StateDirectory, removed: int, *, has_lost: bool
) -> None:
    settings = '{"retention": 604800000000000, "expire": "file", "age_from": "modified", "protect": ["*.keep"], "directories": ["temp", "tmp"]}'  # fmt: skip  # noqa: E501
    with open_journal(state) as journal:
        number = begin(journal)
        journal.runs.finish(
            number, at=5, state=RunState.DONE, report={"areas": {"temp": {"removed": removed}}}
        )
    with closing(connect(state.journal)) as connection, connection:
        connection.execute("INSERT INTO area (name, settings, at) VALUES ('temp', ?, 7)", (settings,))
    with read_journal(state) as found:
        assert found is not None
        last = found.approvals.last_runs()["temp"]
    assert (last.at, last.has_lost, last.cutoffs, last.left) == (7, has_lost, {}, 0)
    assert last.settings["retention"] == 604_800
    assert (last.settings["path"], last.settings["aliases"]) == ("temp", ["tmp"])
