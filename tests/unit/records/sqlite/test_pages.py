"""A page deep in a list costs what the first one costs: counted in steps of SQLite's machine, not in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from shelflife.files.listing import Entry, EntryKind
from shelflife.records.history import Intent, Trigger
from shelflife.records.sqlite.journal import SqliteJournal
from shelflife.records.sqlite.journal_file import open_journal
from shelflife.records.state import Owner, StateDirectory

DEPTH = 100_000
PAGE = 100

_NUMBERS = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {DEPTH})"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    state = StateDirectory(tmp_path / "state", tmp_path / "home", Owner.of(tmp_path))
    with open_journal(state) as journal:
        yield journal


def steps(journal: SqliteJournal, page: Callable[[], object]) -> int:
    """Return how many steps it takes SQLite to give a page."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    page()  # what is prepared once is
    journal._connection.set_progress_handler(step, 1)
    page()
    journal._connection.set_progress_handler(None, 1)
    return count


def test_files_of_a_run(journal: SqliteJournal) -> None:
    run = journal.runs.begin(trigger=Trigger.CLI, host="here", pid=1, at=1)
    files = [Entry(f"{number:03}", EntryKind.FILE, number) for number in range(100)]
    journal.removals.exchange(
        [], [Intent(run, "temp", f"temp/{number}/", 1, files) for number in range(DEPTH // 100)]
    )
    everything = list(journal.files.of_run(run))
    assert len(everything) == DEPTH
    deep = everything[-PAGE - 1].cursor
    assert list(journal.files.of_run(run, after=deep)) == everything[-PAGE:]
    odd = everything[1234].cursor
    assert next(journal.files.of_run(run, after=odd)) == everything[1235]

    def page(after: int) -> Callable[[], object]:
        return lambda: list(islice(journal.files.of_run(run, after=after), PAGE))

    assert steps(journal, page(deep)) <= 1.5 * steps(journal, page(-1))


def test_acts(journal: SqliteJournal) -> None:
    journal._connection.execute(
        "INSERT INTO act (at, actor, via, request, kind, subject, data) "
        f"{_NUMBERS} SELECT i, 'ada', 'http', '', 'hold.added', i, '{{}}' FROM n"
    )
    assert [act.id for act in journal.acts.latest(limit=2, before=500)] == [499, 498]
    deep = steps(journal, lambda: journal.acts.latest(limit=PAGE, before=PAGE + 1))
    assert deep <= 1.5 * steps(journal, lambda: journal.acts.latest(limit=PAGE))


def test_holds(journal: SqliteJournal) -> None:
    journal._connection.execute("INSERT INTO event_pause VALUES (1)")
    journal._connection.execute(
        "INSERT INTO hold (path, tree, area, created, reason) "
        f"{_NUMBERS} SELECT CAST('temp/' || i AS BLOB), 0, iif(i % 2, 'temp', 'uploads'), i, '' FROM n"
    )
    assert [hold.id for hold in journal.holds.latest(limit=2, before=500)] == [499, 498]
    some = journal.holds.latest(limit=2, before=500, active=1, areas=["temp"])
    assert [hold.id for hold in some] == [499, 497]
    deep = steps(journal, lambda: journal.holds.latest(limit=PAGE, before=PAGE + 1, active=1))
    assert deep <= 1.5 * steps(journal, lambda: journal.holds.latest(limit=PAGE, active=1))


def test_events_and_runs(journal: SqliteJournal) -> None:
    journal._connection.execute(
        "INSERT INTO run (plan, trigger, host, pid, started, state) "
        f"{_NUMBERS} SELECT '', 'cli', 'here', 1, i, 'done' FROM n"
    )
    assert [event.id for event in journal.events.since(500, limit=2)] == [501, 502]
    deep = steps(journal, lambda: journal.events.since(DEPTH - PAGE, limit=PAGE))
    assert deep <= 1.5 * steps(journal, lambda: journal.events.since(0, limit=PAGE))
    deep = steps(journal, lambda: journal.history.runs(limit=PAGE, before=PAGE + 1))
    assert deep <= 1.5 * steps(journal, lambda: journal.history.runs(limit=PAGE))
