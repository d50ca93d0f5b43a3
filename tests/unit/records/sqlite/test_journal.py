from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.errors import RecordsError
from shelflife.files.listing import Entry, Kind
from shelflife.files.removal import Outcome, Result
from shelflife.policy.verdict import Reason
from shelflife.records.history import CODES, Code, FileRecord, Intent, RunState, Settled, Totals, Trigger
from shelflife.records.sqlite import journal_file as module
from shelflife.records.sqlite.database import connect
from shelflife.records.sqlite.journal import Journal
from shelflife.records.sqlite.journal_file import open_journal, read_journal
from shelflife.records.state import StateDirectory

_DAY = 86_400 * 10**9
_NEVER = {"runs_before": 0, "files_before": 0, "max_bytes": 10**9}


@pytest.fixture
def journal(state: StateDirectory) -> Iterator[Journal]:
    with open_journal(state) as opened:
        yield opened


def _begin(journal: Journal, *, at: int = 1) -> int:
    return journal.begin(
        plan="abc",
        trigger=Trigger.CLI,
        host="here",
        pid=7,
        at=at,
        cutoffs={"temp": {"at": 5, "cause": "retention"}},
    )


def _entries(*names: str) -> list[Entry]:
    return [
        Entry(name, Kind.FILE, inode, inode * 10, 0, inode * 100) for inode, name in enumerate(names, start=1)
    ]


def _removed(entries: list[Entry]) -> list[Outcome]:
    return [Outcome(entry, Result.REMOVED) for entry in entries]


def _record(journal: Journal, run: int, *names: str, directory: str = "temp/a/", at: int = 3) -> None:
    entries = _entries(*names)
    number = journal.exchange([], Intent(run, "temp", directory, at, entries))
    journal.exchange([Settled(number, _removed(entries))], None)


# -- runs


def test_a_run_is_remembered_from_its_beginning_to_its_end(journal: Journal) -> None:
    number = _begin(journal)
    (running,) = journal.unfinished()
    assert (running.id, running.state, running.finished, running.report) == (number, "running", None, {})
    assert (running.plan, running.trigger, running.host, running.pid) == ("abc", "cli", "here", 7)
    assert running.cutoffs == {"temp": {"at": 5, "cause": "retention"}}
    journal.finish(number, at=9, state=RunState.DONE, report={"removed": 3, "bytes": 30})
    assert journal.unfinished() == []
    done = journal.run(number)
    assert done is not None
    assert (done.state, done.started, done.finished, done.report["removed"]) == ("done", 1, 9, 3)
    assert journal.totals() == Totals(runs=1, removed=3, bytes=30, last_run=9, last_success=9)


def test_totals_add_up_over_all_executed_runs_and_outlive_them(journal: Journal) -> None:
    for at, state in enumerate([RunState.DONE, RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED]):
        journal.finish(_begin(journal), at=at, state=state, report={"removed": 2, "bytes": 5})
    journal.refuse(trigger=Trigger.API, host="here", pid=7, at=99, reason="off")
    expected = Totals(runs=4, removed=8, bytes=20, last_run=3, last_success=0)
    assert journal.totals() == expected
    journal.trim(runs_before=1000, files_before=1000, max_bytes=10**9)
    assert journal.runs() == []
    assert journal.totals() == expected


def test_a_refused_run_says_why(journal: Journal) -> None:
    number = journal.refuse(trigger=Trigger.SCHEDULE, host="here", pid=7, at=4, reason="broken settings")
    record = journal.run(number)
    assert record is not None
    assert (record.state, record.reason, record.finished) == ("refused", "broken settings", 4)


def test_runs_come_latest_first_and_page_by_page(journal: Journal) -> None:
    numbers = [_begin(journal) for _ in range(5)]
    assert [run.id for run in journal.runs(limit=2)] == [numbers[4], numbers[3]]
    assert [run.id for run in journal.runs(limit=2, before=numbers[3])] == [numbers[2], numbers[1]]
    assert journal.run(10**6) is None


def test_the_last_run_is_one_that_came_to_its_end(journal: Journal) -> None:
    journal.finish(_begin(journal), at=10, state=RunState.DONE, report={})
    journal.finish(_begin(journal), at=20, state=RunState.FAILED, report={})
    found = journal.last_run_since(10)
    assert found is not None
    assert found.finished == 10
    assert journal.last_run_since(11) is None


# -- files


def test_outcomes_are_recorded_with_the_intent_of_the_next_batch(journal: Journal) -> None:
    run = _begin(journal)
    first, second = _entries("a", "b"), _entries("c")
    number = journal.exchange([], Intent(run, "temp", "temp/x/", 5, first))
    following = journal.exchange(
        [Settled(number, _removed(first))], Intent(run, "temp", "temp/y/", 6, second)
    )
    (left_open,) = journal.open_batches(run)
    assert (left_open.id, left_open.directory, left_open.names) == (following, "temp/y/", ["c"])
    assert (left_open.inodes, left_open.sizes, left_open.mtimes) == ([1], [10], [100])
    assert [(file.path, file.result) for file in journal.files(run)] == [
        ("temp/x/a", Result.REMOVED),
        ("temp/x/b", Result.REMOVED),
        ("temp/y/c", Result.UNKNOWN),
    ]
    assert journal.removed_by(run) == (2, 30)


def test_an_intent_may_be_recorded_together_with_its_outcomes(journal: Journal) -> None:
    """As happens when there was no room for it before."""
    run, entries = _begin(journal), _entries("a")
    intent = Intent(run, "temp", "temp/", 5, entries)
    journal.exchange([Settled(0, _removed(entries), intent)], None)
    assert journal.open_batches(run) == []
    assert journal.removed_by(run) == (1, 10)


def test_a_batch_that_was_cut_short_says_nothing_of_the_rest(journal: Journal) -> None:
    run, entries = _begin(journal), _entries("a", "b", "c")
    number = journal.exchange([], Intent(run, "temp", "temp/", 5, entries))
    rest = journal.exchange(
        [Settled(number, _removed(entries[:1]))], Intent(run, "temp", "temp/", 6, entries[1:])
    )
    journal.exchange([Settled(rest, _removed(entries[1:]))], None)
    assert [file.path for file in journal.files(run)] == ["temp/a", "temp/b", "temp/c"]


@pytest.mark.parametrize("code", CODES, ids=lambda code: f"{code.result.name} {code.reason}")
def test_every_outcome_is_remembered_with_its_reason(journal: Journal, code: Code) -> None:
    run, entries = _begin(journal), _entries("a")
    number = journal.exchange([], Intent(run, "temp", "temp/", 5, entries))
    journal.exchange([Settled(number, [Outcome(entries[0], code.result, code.reason, 13)])], None)
    (record,) = journal.files(run)
    assert record == FileRecord(
        run=run,
        area="temp",
        path="temp/a",
        at=5,
        inode=1,
        size=10,
        mtime=100,
        result=code.result,
        reason=code.reason,
        errno=13,
    )


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


@given(
    files=st.lists(
        st.builds(
            Entry,
            _names,
            st.just(Kind.FILE),
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
        module._migrate(connection)
        journal = Journal(connection, Path("/"))
        run = _begin(journal)
        journal.exchange([], Intent(run, "temp", place, 5, files))
        found = list(journal.files(run))
    assert [file.path for file in found] == [place + entry.name for entry in files]
    assert [(file.size, file.mtime) for file in found] == [(entry.size, entry.mtime) for entry in files]
    assert [file.inode % 2**64 for file in found] == [entry.inode for entry in files]


def test_what_happened_to_a_file_is_found_by_its_path(journal: Journal) -> None:
    first, second = _begin(journal), _begin(journal)
    _record(journal, first, "x", "y", at=3)
    _record(journal, second, "x", at=4)
    _record(journal, second, "x", directory="temp/b/", at=5)
    assert [(file.run, file.at) for file in journal.file_history("temp/a/x")] == [(second, 4), (first, 3)]
    assert journal.file_history("temp/a/none") == []
    latest = journal.latest_below("temp")
    assert latest is not None
    assert latest.path == "temp/b/x"


def test_units_are_recorded_apart_from_files(journal: Journal) -> None:
    run = _begin(journal)
    entries = [Entry(name, Kind.DIRECTORY, 5) for name in ("gone", "kept", "open", "byte\udcff")]
    numbers = [journal.exchange([], Intent(run, "temp", "temp/", 5, [entry], unit=True)) for entry in entries]
    journal.exchange([Settled(numbers[0], [Outcome(entries[0], Result.REMOVED)])], None)
    kept = Outcome(entries[1], Result.KEPT, Reason.UNIT_NOT_EXPIRED)
    journal.exchange([Settled(numbers[1], [kept])], None)
    assert [(unit.name, unit.directory, unit.decided) for unit in journal.units(run)] == [
        ("gone", "temp", True),
        ("kept", "temp", False),  # it was to be put back
        ("open", "temp", False),
        ("byte\udcff", "temp", False),
    ]
    assert list(journal.files(run)) == []


def test_an_open_batch_is_resolved(journal: Journal) -> None:
    run = _begin(journal)
    number = journal.exchange([], Intent(run, "temp", "temp/", 5, _entries("a", "b")))
    journal.resolve(number, [Code(Result.REMOVED, Reason.EXPIRED), Code(Result.KEPT, Reason.NOT_REACHED)])
    assert journal.open_batches(run) == []
    assert [file.result for file in journal.files(run)] == [Result.REMOVED, Result.KEPT]


# -- the schedule


def test_a_slot_is_taken_once(state: StateDirectory) -> None:
    with open_journal(state) as one, open_journal(state) as other:
        assert one.claim_slot(100, at=101)
        assert not other.claim_slot(100, at=102)
        assert other.claim_slot(200, at=201)
        assert (one.is_claimed(100), one.is_claimed(300)) == (True, False)
        assert (one.last_slot(), one.last_slot(until=199)) == (200, 100)


# -- limits


def test_files_are_forgotten_before_runs_and_runs_before_totals(journal: Journal) -> None:
    for day in (1, 5, 9):
        run = _begin(journal, at=day * _DAY)
        _record(journal, run, "a")
        journal.finish(run, at=day * _DAY, state=RunState.DONE, report={"removed": 1})
        journal.claim_slot(day * _DAY, at=day * _DAY)
    journal.trim(runs_before=2 * _DAY, files_before=6 * _DAY, max_bytes=10**9)
    newest, middle = journal.runs()
    assert [len(list(journal.files(run.id))) for run in (middle, newest)] == [0, 1]
    assert journal.totals().runs == 3


def test_a_run_that_is_going_on_is_never_forgotten(journal: Journal) -> None:
    run = _begin(journal, at=1)
    _record(journal, run, "a")
    journal.trim(runs_before=2**62, files_before=2**62, max_bytes=10**9)
    assert journal.run(run) is not None
    assert len(list(journal.files(run))) == 1


def test_beyond_its_bytes_the_oldest_files_are_forgotten_first(journal: Journal) -> None:
    runs = [_begin(journal) for _ in range(4)]
    for run in runs:
        for number in range(100):
            _record(journal, run, *(f"{number}-{name}" * 5 for name in range(20)))
        journal.finish(run, at=5, state=RunState.DONE, report={})
    half = journal._size() // 2
    journal.trim(runs_before=0, files_before=0, max_bytes=half)
    assert journal._size() <= half
    left = [len(list(journal.files(run))) for run in runs]
    assert left[0] == 0
    assert left[-1] == 2000
    assert left == sorted(left)
    assert len(journal.runs()) == 4


def test_a_limit_that_cannot_be_kept_ends_all_the_same(journal: Journal) -> None:
    run = _begin(journal)
    _record(journal, run, "a")
    journal.exchange([], Intent(run, "temp", "temp/", 5, _entries("open")))
    journal.trim(**{**_NEVER, "max_bytes": 1})
    assert [file.path for file in journal.files(run)] == ["temp/open"]  # it is on it just now


# -- the file


def _schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return sorted(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall())


@pytest.mark.parametrize("version", range(1, len(module._MIGRATIONS)))
def test_migrating_from_every_version_gives_todays_schema_and_loses_nothing(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    with monkeypatch.context() as then:
        then.setattr(module, "_MIGRATIONS", module._MIGRATIONS[:version])
        with open_journal(state) as journal:
            run = _begin(journal)
            _record(journal, run, "a", "b")
            journal.finish(run, at=9, state=RunState.DONE, report={"removed": 2})
            journal.claim_slot(100, at=101)
    with open_journal(state) as journal:
        assert [file.path for file in journal.files(run)] == ["temp/a/a", "temp/a/b"]
        assert journal.totals().removed == 2
        assert journal.last_slot() == 100
    with closing(connect(":memory:")) as fresh, closing(connect(state.journal)) as migrated:
        module._migrate(fresh)
        assert _schema(fresh) == _schema(migrated)
        version_of = "PRAGMA user_version"
        assert fresh.execute(version_of).fetchone() == migrated.execute(version_of).fetchone()


def test_a_migration_that_fails_is_undone_as_a_whole(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(state) as journal:
        run = _begin(journal)
    broken = "CREATE TABLE half (x INTEGER); CREATE TABLE run (x INTEGER)"
    with monkeypatch.context() as then:
        then.setattr(module, "_MIGRATIONS", (*module._MIGRATIONS, broken))
        with pytest.raises(RecordsError), open_journal(state):
            pass
    with open_journal(state) as journal:
        assert journal.run(run) is not None


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
        run = _begin(writer)
        with read_journal(state) as reader:
            assert reader is not None
            assert reader.run(run) is not None
            with pytest.raises(sqlite3.OperationalError):
                _begin(reader)


@pytest.mark.parametrize("content", [b"not a database" * 500, b"SQLite format 3\0" + bytes(4000)])
def test_a_journal_that_is_none_is_an_error_and_left_as_it_is(state: StateDirectory, content: bytes) -> None:
    state.create()
    state.journal.write_bytes(content)
    with pytest.raises(RecordsError, match=r"journal\.db"), open_journal(state):
        pass
    with pytest.raises(RecordsError, match=r"journal\.db"), read_journal(state):
        pass
    assert state.journal.read_bytes() == content


def test_reports_are_kept_as_they_are(journal: Journal) -> None:
    run = _begin(journal)
    report = {"removed": 1, "failures": [{"path": "byte\udcff", "errno": 13, "error": "ü"}]}
    journal.finish(run, at=9, state=RunState.DONE, report=report)
    record = journal.run(run)
    assert record is not None
    assert record.report == json.loads(json.dumps(report))
