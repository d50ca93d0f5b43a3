"""What every journal does, whatever it is kept in."""

from __future__ import annotations

import json

import pytest

from shelflife.clock import SECOND
from shelflife.files.listing import Entry, EntryKind
from shelflife.files.removal import Outcome, Result
from shelflife.policy.gain import OnItsWay, Remembered
from shelflife.policy.holds import Hold
from shelflife.policy.limits import LastRun
from shelflife.policy.load import Load
from shelflife.policy.verdict import Reason
from shelflife.policy.watermark import Sight
from shelflife.records.alerts import CLAIM_LASTS, GIVEN_UP_AFTER, Condition
from shelflife.records.history import (
    CODES,
    BatchKind,
    Code,
    FileRecord,
    Intent,
    OfferedPlan,
    RunState,
    Settled,
    Totals,
    Trigger,
)
from shelflife.records.journal import Journal
from shelflife.records.trash import TrashedRun
from shelflife.records.usage import DiskSample
from tests.unit.records.contract.writing import (
    all_removed,
    begin,
    exchange,
    record_removals,
    removed_by,
    some_files,
)

_DAY = 86_400 * 10**9


# -- runs


def test_a_run_is_remembered_from_its_beginning_to_its_end(journal: Journal) -> None:
    number = begin(journal)
    (running,) = journal.history.unfinished()
    assert (running.id, running.state, running.finished, running.report) == (number, "running", None, {})
    assert (running.plan, running.trigger, running.host, running.pid) == ("abc", "cli", "here", 7)
    assert running.cutoffs == {"temp": {"at": 5, "cause": "retention"}}
    journal.runs.finish(number, at=9, state=RunState.DONE, report={"removed": 3, "bytes": 30})
    assert journal.history.unfinished() == []
    done = journal.history.run(number)
    assert done is not None
    assert (done.state, done.started, done.finished, done.report["removed"]) == ("done", 1, 9, 3)
    assert journal.history.totals() == Totals(runs=1, removed=3, bytes=30, last_run=9, last_success=9)


def test_totals_add_up_over_all_executed_runs_and_outlive_them(journal: Journal) -> None:
    for at, state in enumerate([RunState.DONE, RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED]):
        journal.runs.finish(begin(journal), at=at, state=state, report={"removed": 2, "bytes": 5})
    journal.runs.refuse(trigger=Trigger.API, host="here", pid=7, at=99, reason="off")
    expected = Totals(runs=4, removed=8, bytes=20, last_run=3, last_success=0)
    assert journal.history.totals() == expected
    journal.trim(runs_before=1000, files_before=1000, max_bytes=10**9)
    assert journal.history.runs() == []
    assert journal.history.totals() == expected


def test_a_refused_run_says_why(journal: Journal) -> None:
    number = journal.runs.refuse(trigger=Trigger.SCHEDULE, host="here", pid=7, at=4, reason="broken settings")
    record = journal.history.run(number)
    assert record is not None
    assert (record.state, record.reason, record.finished) == ("refused", "broken settings", 4)


def test_runs_come_latest_first_and_page_by_page(journal: Journal) -> None:
    numbers = [begin(journal) for _ in range(5)]
    assert [run.id for run in journal.history.runs(limit=2)] == [numbers[4], numbers[3]]
    assert [run.id for run in journal.history.runs(limit=2, before=numbers[3])] == [numbers[2], numbers[1]]
    assert journal.history.run(10**6) is None


def test_the_last_cleanup_that_started_is_found_behind_refused_ones(journal: Journal) -> None:
    assert journal.history.last_started() is None
    journal.runs.finish(begin(journal), at=10, state=RunState.DONE, report={})
    journal.runs.finish(begin(journal), at=20, state=RunState.FAILED, report={})
    begin(journal)  # and goes on
    refused = journal.runs.refuse(
        trigger=Trigger.SCHEDULE, host="here", pid=7, at=30, reason="broken settings"
    )
    last, started = journal.history.last_cleanup(), journal.history.last_started()
    assert last is not None
    assert started is not None
    assert (last.id, last.is_refused, last.offered) == (refused, True, "")
    assert (started.finished, started.state) == (20, RunState.FAILED)


def test_the_last_cleanup_is_found_behind_any_number_of_others(journal: Journal) -> None:
    assert journal.history.last_cleanup() is None
    refused = journal.runs.refuse(
        trigger=Trigger.SCHEDULE, host="here", pid=7, at=4, reason="broken settings"
    )
    for trigger in (Trigger.PRESSURE, Trigger.TRASH):
        run = journal.runs.begin(trigger=trigger, host="here", pid=7, at=5)
        journal.runs.finish(run, at=6, state=RunState.DONE, report={})
    begin(journal)  # is going on
    found = journal.history.last_cleanup()
    assert found is not None
    assert found.id == refused


# -- files


def test_outcomes_are_recorded_with_the_intent_of_the_next_batch(journal: Journal) -> None:
    run = begin(journal)
    first, second = some_files("a", "b"), some_files("c")
    number = exchange(journal, [], Intent(run, "temp", "temp/x/", 5, first))
    following = exchange(
        journal, [Settled(number, all_removed(first))], Intent(run, "temp", "temp/y/", 6, second)
    )
    (left_open,) = journal.removals.open_batches(run)
    assert (left_open.id, left_open.directory, left_open.names) == (following, "temp/y/", ["c"])
    assert (left_open.inodes, left_open.sizes, left_open.mtimes) == ([1], [10], [100])
    assert [(file.path, file.result) for file in journal.files.of_run(run)] == [
        ("temp/x/a", Result.REMOVED),
        ("temp/x/b", Result.REMOVED),
        ("temp/y/c", Result.UNKNOWN),
    ]
    assert removed_by(journal, run) == (2, 30)


def test_an_intent_may_be_recorded_together_with_its_outcomes(journal: Journal) -> None:
    """As happens when there was no room for it before."""
    run, entries = begin(journal), some_files("a")
    intent = Intent(run, "temp", "temp/", 5, entries)
    exchange(journal, [Settled(0, all_removed(entries), intent)], None)
    assert journal.removals.open_batches(run) == []
    assert removed_by(journal, run) == (1, 10)


def test_a_batch_that_was_cut_short_says_nothing_of_the_rest(journal: Journal) -> None:
    run, entries = begin(journal), some_files("a", "b", "c")
    number = exchange(journal, [], Intent(run, "temp", "temp/", 5, entries))
    rest = exchange(
        journal, [Settled(number, all_removed(entries[:1]))], Intent(run, "temp", "temp/", 6, entries[1:])
    )
    exchange(journal, [Settled(rest, all_removed(entries[1:]))], None)
    assert [file.path for file in journal.files.of_run(run)] == ["temp/a", "temp/b", "temp/c"]


@pytest.mark.parametrize("code", CODES, ids=lambda code: f"{code.result.name} {code.reason}")
def test_every_outcome_is_remembered_with_its_reason(journal: Journal, code: Code) -> None:
    run, entries = begin(journal), some_files("a")
    number = exchange(journal, [], Intent(run, "temp", "temp/", 5, entries))
    exchange(journal, [Settled(number, [Outcome(entries[0], code.result, code.reason, 13)])], None)
    (record,) = journal.files.of_run(run)
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
        cause="purge" if code.reason is Reason.PURGED else "retention",
    )


def test_what_happened_to_a_file_is_found_by_its_path(journal: Journal) -> None:
    first, second = begin(journal), begin(journal)
    record_removals(journal, first, "x", "y", at=3)
    record_removals(journal, second, "x", at=4)
    record_removals(journal, second, "x", directory="temp/b/", at=5)
    assert [(file.run, file.at) for file in journal.files.of_path("temp/a/x")] == [(second, 4), (first, 3)]
    assert journal.files.of_path("temp/a/none") == []
    latest = journal.files.latest_below("temp")
    assert latest is not None
    assert latest.path == "temp/b/x"


def test_units_are_recorded_apart_from_files(journal: Journal) -> None:
    run = begin(journal)
    entries = [Entry(name, EntryKind.DIRECTORY, 5) for name in ("gone", "kept", "open", "byte\udcff")]
    numbers = [
        exchange(journal, [], Intent(run, "temp", "temp/", 5, [entry], BatchKind.UNIT)) for entry in entries
    ]
    exchange(journal, [Settled(numbers[0], [Outcome(entries[0], Result.REMOVED)])], None)
    kept = Outcome(entries[1], Result.KEPT, Reason.UNIT_NOT_EXPIRED)
    exchange(journal, [Settled(numbers[1], [kept])], None)
    assert [(unit.name, unit.directory, unit.decided) for unit in journal.removals.units(run)] == [
        ("gone", "temp", True),
        ("kept", "temp", False),  # it was to be put back
        ("open", "temp", False),
        ("byte\udcff", "temp", False),
    ]
    assert list(journal.files.of_run(run)) == []


def test_an_open_batch_is_resolved(journal: Journal) -> None:
    run = begin(journal)
    number = exchange(journal, [], Intent(run, "temp", "temp/", 5, some_files("a", "b")))
    journal.removals.resolve(
        number, [Code(Result.REMOVED, Reason.EXPIRED), Code(Result.KEPT, Reason.NOT_REACHED)]
    )
    assert journal.removals.open_batches(run) == []
    assert [file.result for file in journal.files.of_run(run)] == [Result.REMOVED, Result.KEPT]


# -- the schedule


# -- limits


def test_files_are_forgotten_before_runs_and_runs_before_totals(journal: Journal) -> None:
    for day in (1, 5, 9):
        run = begin(journal, at=day * _DAY)
        record_removals(journal, run, "a")
        journal.runs.finish(run, at=day * _DAY, state=RunState.DONE, report={"removed": 1})
        journal.slots.claim(day * _DAY, at=day * _DAY)
    journal.trim(runs_before=2 * _DAY, files_before=6 * _DAY, max_bytes=10**9)
    newest, middle = journal.history.runs()
    assert [len(list(journal.files.of_run(run.id))) for run in (middle, newest)] == [0, 1]
    assert journal.history.totals().runs == 3


def test_a_run_that_is_going_on_is_never_forgotten(journal: Journal) -> None:
    run = begin(journal, at=1)
    record_removals(journal, run, "a")
    journal.trim(runs_before=2**62, files_before=2**62, max_bytes=10**9)
    assert journal.history.run(run) is not None
    assert len(list(journal.files.of_run(run))) == 1


def test_reports_are_kept_as_they_are(journal: Journal) -> None:
    run = begin(journal)
    report = {"removed": 1, "failures": [{"path": "byte\udcff", "errno": 13, "error": "ü"}]}
    journal.runs.finish(run, at=9, state=RunState.DONE, report=report)
    record = journal.history.run(run)
    assert record is not None
    assert record.report == json.loads(json.dumps(report))


# -- the schedule


def test_a_slot_is_taken_once(journal: Journal) -> None:
    assert journal.slots.claim(100, at=101)
    assert not journal.slots.claim(100, at=102)
    assert journal.slots.claim(200, at=201)
    assert (journal.slots.is_claimed(100), journal.slots.is_claimed(300)) == (True, False)
    assert (journal.slots.last(), journal.slots.last(until=199)) == (200, 100)


def test_a_schedule_begins_where_no_slot_was_ever_taken(journal: Journal) -> None:
    assert journal.slots.last() is None
    journal.slots.begin(100, at=150)
    journal.slots.begin(140, at=150)
    assert journal.slots.last() == 100


def test_slots_of_a_time_to_come_do_not_keep_a_schedule_from_beginning(journal: Journal) -> None:
    journal.slots.claim(900, at=901)  # by a clock that was ahead
    journal.slots.begin(100, at=150)
    assert journal.slots.last(until=150) == 100


# -- approvals


def test_a_plan_is_offered_until_it_has_served_a_run(journal: Journal) -> None:
    plan = OfferedPlan(
        "abc", 5, {"temp": {"at": 3, "cause": "retention"}, "outputs": None}, {"temp": {"a": 1}}
    )
    journal.approvals.offer(plan)
    journal.approvals.offer(plan._replace(made=99))
    assert journal.approvals.offered("abc") == plan
    assert journal.approvals.offered("other") is None
    journal.approvals.use("abc", begin(journal))
    assert journal.approvals.offered("abc") is None


def test_an_approval_stands_until_it_has_served_a_run_to_its_end(journal: Journal) -> None:
    for number in ("abc", "def"):
        journal.approvals.offer(OfferedPlan(number, 5, {}, {}, {"temp": 7}))
    assert journal.approvals.approved_since(0) == []
    journal.approvals.approve("abc", at=8)
    journal.approvals.approve("def", at=9)
    assert [plan.id for plan in journal.approvals.approved_since(8)] == ["def", "abc"]
    assert [plan.id for plan in journal.approvals.approved_since(9)] == ["def"]
    journal.approvals.use("def", begin(journal))
    assert [plan.id for plan in journal.approvals.approved_since(8)] == ["abc"]
    (plan,) = journal.approvals.approved_since(8)
    assert plan.arrivals == {"temp": 7}


def test_the_last_run_of_each_area_is_remembered_by_itself(journal: Journal) -> None:
    first = LastRun(at=5, settings={"retention": 1, "path": "temp"})
    other = LastRun(at=5, settings={"retention": 2, "path": "frames"})
    second = LastRun(
        at=6, settings={"retention": 3, "path": "temp"}, cutoffs={"0": 4}, left=2, has_lost=False, arrivals=9
    )
    journal.approvals.remember({"temp": first, "frames": other})
    journal.approvals.remember({"temp": second})
    assert journal.approvals.last_runs() == {"temp": second, "frames": other}


# -- identity


def test_a_journal_keeps_the_first_identity_that_it_is_given(journal: Journal) -> None:
    assert journal.identity.current() is None
    assert journal.identity.claim("one") == "one"
    assert journal.identity.claim("two") == "one"
    journal.identity.forget()
    assert journal.identity.current() is None


def test_a_journal_is_blank_until_it_knows_of_a_run_or_a_hold(journal: Journal) -> None:
    assert journal.identity.is_blank
    journal.holds.add(_hold("temp/a"))
    assert not journal.identity.is_blank


# -- holds


def _hold(path: str, *, created: int = 1, until: int | None = None) -> Hold:
    return Hold(
        id=0,
        path=path,
        tree=False,
        area="temp",
        inode=-5,
        born=7,
        created=created,
        until=until,
        reason="look",
    )


def test_a_hold_comes_back_as_it_was_with_a_number_of_its_own(journal: Journal) -> None:
    added = journal.holds.add(_hold("temp/byte\udcff", until=9))
    other = journal.holds.add(_hold("temp/b"))
    assert added.id != other.id
    assert journal.holds.all() == [other, added]
    assert set(journal.holds.active(5).paths) == {"temp/byte\udcff", "temp/b"}
    assert set(journal.holds.active(9).paths) == {"temp/b"}


def test_a_second_hold_on_a_path_replaces_the_first(journal: Journal) -> None:
    journal.holds.add(_hold("temp/a"))
    second = journal.holds.add(_hold("temp/a", created=4))
    assert journal.holds.active(5).paths == {"temp/a": second}
    assert [hold.ended for hold in journal.holds.all()] == [None, 4]


def test_a_hold_that_is_ended_stays_in_the_history(journal: Journal) -> None:
    added = journal.holds.add(_hold("temp/a"))
    assert [hold.id for hold in journal.holds.end("temp/a", 8)] == [added.id]
    assert journal.holds.end("temp/a", 9) == []
    assert [hold.ended for hold in journal.holds.all()] == [8]


# -- alerts


def test_a_condition_makes_a_message_when_it_begins_changes_and_ends(journal: Journal) -> None:
    book = journal.alerts
    found = Condition(kind="failed", key="failed", text="run 3 failed", stage="one")
    assert [book.update([found], at=at, told={}) for at in (_DAY, _DAY + 1)] == [1, 0]
    assert [(alert.since, alert.text) for alert in book.active()] == [(_DAY, "run 3 failed")]
    assert (
        book.update([Condition(kind="failed", key="failed", text="x", stage="two")], at=_DAY + 3, told={})
        == 1
    )
    assert [alert.since for alert in book.active()] == [_DAY]
    assert book.update([], at=_DAY + 4, told={"failed": "it is over"}) == 1
    assert book.active() == []
    assert [message.event for message in book.claim(at=_DAY + 5)] == ["begun", "changed", "ended"]


def test_a_message_is_claimed_by_one_and_by_another_only_after_a_while(journal: Journal) -> None:
    journal.alerts.say(at=_DAY, event="test", kind="test", key="test", text="…")
    (message,) = journal.alerts.claim(at=_DAY + 10)
    assert journal.alerts.claim(at=_DAY + 11) == []
    assert [again.id for again in journal.alerts.claim(at=_DAY + 10 + CLAIM_LASTS)] == [message.id]
    journal.alerts.delivered(message.id, at=_DAY + 20)
    assert journal.alerts.waiting() == 0


def test_a_message_that_nobody_took_for_a_day_is_given_up(journal: Journal) -> None:
    journal.alerts.say(at=_DAY, event="test", kind="test", key="test", text="…")
    assert journal.alerts.waiting() == 1
    assert journal.alerts.claim(at=_DAY + 1 + GIVEN_UP_AFTER) == []
    assert journal.alerts.waiting() == 0


# -- usage


def test_samples_are_thinned_as_they_age_and_sums_of_what_went_are_kept(journal: Journal) -> None:
    hour = 3600 * 10**9
    for number in range(24 * 20):
        disk = DiskSample(disk="temp", used=5, available=6, outside=number)
        journal.usage.add((number + 1) * hour, {"temp": (number, 10)}, {"temp": (1, 2)}, [disk])
    samples = journal.usage.areas(since=0)["temp"]
    assert journal.usage.last() == 480 * hour
    assert journal.usage.latest() == {"temp": 480 * hour}
    assert len(samples) < 480
    assert len(samples) == len(journal.usage.outside(since=0)["temp"])
    assert samples == sorted(samples, key=lambda sample: sample.at)
    assert samples[-1].gone_files == 480
    assert len(journal.usage.areas(since=470 * hour)["temp"]) == 11


# -- what looks at full disks tell later ones


def test_what_a_look_leaves_is_there_for_the_next_one(journal: Journal) -> None:
    seen = Sight(Load(files=5, allocated=900), Load(files=4, allocated=800))
    way = OnItsWay(at=5, load=Load(files=1, allocated=100), peak=seen, has_shown=False)
    left = Remembered(file_system=2**64 - 1, expected=way, taken={"frames": 3})
    journal.pressure.remember("frames", left)
    assert journal.pressure.recall("frames", 2**64 - 1) == left
    journal.pressure.remember("frames", Remembered(file_system=7))
    assert journal.pressure.recall("frames", 7) == Remembered(file_system=7)


def test_nothing_is_remembered_of_another_file_system_or_disk(journal: Journal) -> None:
    journal.pressure.remember("frames", Remembered(file_system=7, taken={"frames": 3}))
    assert journal.pressure.recall("frames", 8).is_empty
    assert journal.pressure.recall("temp", 7).is_empty


# -- what waits in the trash


def test_what_waits_in_the_trash_is_known_by_area_and_run(journal: Journal) -> None:
    journal.trash.replace("temp", {"one": TrashedRun(3, 30), "two": TrashedRun(1, 5)})
    journal.trash.replace("frames", {"two": TrashedRun(2, 7)})
    journal.trash.replace("temp", {"two": TrashedRun(1, 5)})
    assert journal.trash.known() == {"temp": {"two": (1, 5)}, "frames": {"two": (2, 7)}}


# -- what runs add up to


def test_runs_add_up_by_who_asked_how_they_ended_and_how_long_they_took(journal: Journal) -> None:
    for seconds, state in (
        (3, RunState.DONE),
        (4, RunState.DONE),
        (100_000, RunState.DONE),
        (1, RunState.FAILED),
    ):
        run = journal.runs.begin(trigger=Trigger.CLI, host="host", pid=1, at=0)
        journal.runs.finish(run, at=seconds * SECOND, state=state, report={})
    journal.runs.refuse(trigger=Trigger.SCHEDULE, host="host", pid=1, at=0, reason="busy")
    journal.runs.begin(trigger=Trigger.API, host="host", pid=1, at=0)
    assert sorted(journal.tallies.runs()) == [
        ("cli", "done", 0, 1, 100_000 * SECOND),
        ("cli", "done", 5, 2, 7 * SECOND),
        ("cli", "failed", 1, 1, SECOND),
        ("schedule", "refused", 1, 1, 0),
    ]


def test_failures_add_up_by_area_and_error(journal: Journal) -> None:
    for counts in ({"13": 2, "5": 1}, {"13": 3}):
        run = journal.runs.begin(trigger=Trigger.CLI, host="host", pid=1, at=0)
        report = {"areas": {"temp": {"errnos": counts}, "frames": {}}}
        journal.runs.finish(run, at=1, state=RunState.DONE, report=report)
    assert sorted(journal.tallies.failures()) == [("temp", 5, 1), ("temp", 13, 5)]


def test_what_runs_add_up_to_outlasts_their_records(journal: Journal) -> None:
    run = journal.runs.begin(trigger=Trigger.CLI, host="host", pid=1, at=0)
    journal.runs.finish(run, at=1, state=RunState.DONE, report={})
    journal.trim(runs_before=10, files_before=10, max_bytes=10**9)
    assert journal.history.runs() == []
    assert [tally.runs for tally in journal.tallies.runs()] == [1]
