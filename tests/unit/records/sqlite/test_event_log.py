from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from shelflife.actor import Actor, Via, acting
from shelflife.policy.holds import Hold
from shelflife.records.event_log import EventRecord, Progress
from shelflife.records.history import OfferedPlan, RunState, Trigger
from shelflife.records.journal import Journal, KeyTaken
from shelflife.records.sqlite import event_log as module
from shelflife.records.sqlite.database import connect
from shelflife.records.sqlite.journal_file import open_journal
from shelflife.records.state import StateDirectory

_ADA = Actor(name="ada", via=Via.HTTP, request="r1")


def _begin(journal: Journal) -> int:
    return journal.runs.begin(trigger=Trigger.API, host="h", pid=1, at=1)


def _told(journal: Journal, after: int = 0) -> list[tuple[str, str]]:
    return [(event.kind, event.subject) for event in journal.events.since(after)]


def test_a_run_is_told_from_its_beginning_to_its_end_with_who_asked_for_it(state: StateDirectory) -> None:
    with open_journal(state) as journal, acting(_ADA):
        run = _begin(journal)
        journal.events.tell_progress(run, Progress(2, "working", "temp", 10, 100))
        journal.runs.finish(run, at=3, state=RunState.DONE, report={})
        assert _told(journal) == [("run.planning", "1"), ("run.progress", "1"), ("run.done", "1")]
        assert journal.events.since(0)[0].data["actor"] == "ada"
        assert journal.events.since(1)[0].data["done"] == 10
        record = journal.history.run(run)
        assert record is not None
        assert (record.actor, record.via, record.request) == ("ada", "http", "r1")


def test_a_run_that_finds_nothing_to_do_is_withdrawn(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        journal.runs.withdraw(_begin(journal))
        assert _told(journal) == [("run.planning", "1"), ("run.withdrawn", "1")]
        assert journal.history.runs() == []


def test_a_run_is_not_begun_twice_by_the_same_request(state: StateDirectory) -> None:
    with open_journal(state) as journal, acting(Actor(name="ada", key="ada 1")):
        run = _begin(journal)
        with pytest.raises(KeyTaken) as refusal:
            _begin(journal)
        assert refusal.value.run == run
        with acting(Actor(name="ada", key="ada 2")):
            assert _begin(journal) != run


def test_a_run_that_was_refused_is_told(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        journal.runs.refuse(trigger=Trigger.SCHEDULE, host="h", pid=1, at=1, reason="why")
        assert _told(journal) == [("run.refused", "1")]


def test_holds_are_told_with_who_added_and_who_ended_them(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        with acting(_ADA):
            journal.holds.add(
                Hold(
                    id=0,
                    path="temp/\udcff",
                    tree=False,
                    area="temp",
                    inode=1,
                    born=1,
                    created=1,
                    until=None,
                    reason="",
                )
            )
        with acting(Actor(name="bob")):
            journal.holds.end("temp/\udcff", 2)
        added, ended = journal.events.since(0)
        assert (added.kind, added.data["actor"]) == ("hold.added", "ada")
        assert os.fsdecode(bytes.fromhex(str(added.data["path_hex"]))) == "temp/\udcff"
        assert (ended.kind, ended.data["by"]) == ("hold.ended", "bob")
        assert journal.holds.all()[0].actor == "ada"


def test_plans_are_told_once(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        for _ in range(2):
            journal.approvals.offer(OfferedPlan("abc", 1, {}, {}))
        journal.approvals.use("abc", 7)
        assert _told(journal) == [("plan.offered", "abc"), ("plan.used", "abc")]


def test_changed_settings_are_told_once_with_their_keys(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        seen = [
            journal.events.see_settings(values, 7)
            for values in (
                {"a": "1", "b": "1"},
                {"a": "1", "b": "1"},
                {"a": "2", "c": "1"},
                {"a": "2", "c": "1"},
            )
        ]
        assert seen == [(), (), ("a", "b", "c"), ()]
        (told,) = journal.events.since(0)
        assert (told.kind, told.at, told.data) == ("settings.changed", 7, {"keys": ["a", "b", "c"]})


def test_a_reader_that_names_the_last_event_it_saw_misses_none(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        _begin(journal)
        last = journal.events.last()
        _begin(journal)
        _begin(journal)
        assert [event.subject for event in journal.events.since(last)] == ["2", "3"]
        assert [event.subject for event in journal.events.since(last, limit=1)] == ["2"]


def test_a_reader_notices_that_another_connection_has_written(state: StateDirectory) -> None:
    with open_journal(state) as journal, open_journal(state) as other:
        before = journal.events.version()
        assert journal.events.version() == before
        _begin(other)
        assert journal.events.version() != before


def test_events_that_are_forgotten_show_in_the_first_that_is_kept(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        assert (journal.events.first(), journal.events.last()) == (1, 0)
        for _ in range(5):
            _begin(journal)
        journal.events.trim(0, most=2)
        assert (journal.events.first(), journal.events.last()) == (4, 5)
        journal.events.trim(2**62)
        assert (journal.events.first(), journal.events.last()) == (6, 5)


def test_whoever_is_asked_to_stop_is_asked_once_and_only_while_it_goes_on(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        run = _begin(journal)
        assert not journal.events.is_asked_to_stop(run)
        assert journal.events.ask_to_stop(run, "ada", at=0)
        assert journal.events.ask_to_stop(run, "bob", at=0)
        assert journal.events.is_asked_to_stop(run)
        journal.runs.finish(run, at=2, state=RunState.STOPPED, report={})
        assert not journal.events.ask_to_stop(run, "ada", at=0)
        assert [kind for kind, _ in _told(journal)] == ["run.planning", "run.stop-asked", "run.stopped"]
        assert not journal.events.ask_to_stop(99, "ada", at=0)


def test_progress_has_any_name_of_a_directory(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        run = _begin(journal)
        assert journal.events.progress(run) is None
        there = Progress(5, "working", "temp", 1, None, 2, "temp/\udcff/")
        journal.events.tell_progress(run, there)
        assert journal.events.progress(run) == there


def test_rows_that_are_only_copied_are_not_told(state: StateDirectory) -> None:
    with open_journal(state):
        pass
    with closing(connect(state.journal)) as connection:
        connection.execute("BEGIN")
        with module.untold(connection):
            connection.execute(
                "INSERT INTO run (plan, trigger, host, pid, started, state) VALUES ('', 'cli', 'h', 1, 1, 'done')"
            )
        connection.execute("COMMIT")
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (0,)


_WRITER = """
import sys
from pathlib import Path
from shelflife.records.history import RunState, Trigger
from shelflife.records.sqlite.journal_file import open_journal
from shelflife.records.state import Owner, StateDirectory

base = Path(sys.argv[1])
home = base / ".shelflife"
with open_journal(StateDirectory(home, home, Owner.of(base))) as journal:
    print("ready", flush=True)
    while True:
        run = journal.runs.begin(trigger=Trigger.API, host="h", pid=1, at=1)
        journal.runs.finish(run, at=2, state=RunState.DONE, report={})
"""


def test_after_a_kill_each_change_has_its_event_and_each_event_its_change(
    state: StateDirectory, tmp_path: Path
) -> None:
    seen: list[EventRecord] = []
    with open_journal(state) as journal:
        for wanted in (20, 50, 90):
            with subprocess.Popen(
                [sys.executable, "-c", _WRITER, str(tmp_path / "storage")], stdout=subprocess.PIPE
            ) as writer:
                assert writer.stdout is not None
                writer.stdout.readline()
                while len(seen) < wanted:
                    seen += journal.events.since(seen[-1].id if seen else 0)
                writer.send_signal(signal.SIGKILL)
        seen += journal.events.since(seen[-1].id)
        assert [event.id for event in seen] == list(range(1, len(seen) + 1))
        told = [(int(event.subject), event.kind) for event in seen]
        for record in journal.history.runs(limit=10_000):
            kinds = ["run.planning"] + (["run.done"] if record.finished else [])
            assert [kind for number, kind in told if number == record.id] == kinds


@pytest.mark.parametrize("state_of_run", ["done", "failed"])
def test_a_change_that_is_undone_is_not_told(state: StateDirectory, state_of_run: str) -> None:
    with open_journal(state) as journal:
        _begin(journal)
        before = journal.events.last()
    with closing(connect(state.journal)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE run SET state = ?", (state_of_run,))
        connection.execute("ROLLBACK")
    with open_journal(state) as journal:
        assert journal.events.last() == before
