"""What others see of a run, and how they stop it."""

from __future__ import annotations

import threading

import pytest

from shelflife.actor import Actor, Via, acting
from shelflife.engine import Engine
from shelflife.errors import NeedsApproval, UsageError
from shelflife.events import BatchFinished, DirectoriesScanned, Event
from shelflife.records.history import RunState, Trigger
from shelflife.records.records import open_records
from shelflife.run import progress as module
from shelflife.testing import MakeStorage, Storage


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    storage = make_storage(cleanup={"enabled": False})
    for number in range(30):
        storage.file(f"temp/{number // 10}/file{number}", age="2d")
    return storage


def test_a_run_is_in_the_journal_before_it_has_planned(make_storage: MakeStorage) -> None:
    seen: list[RunState] = []
    storage = make_storage()

    def look(event: Event) -> None:
        if isinstance(event, DirectoriesScanned):
            seen.extend(RunState(run.state) for run in storage.engine.history())

    storage.file("temp/file", age="2d")
    Engine(storage.settings, listeners=[look]).cleanup()
    assert seen
    assert set(seen) == {RunState.PLANNING}
    assert storage.engine.history()[0].state == RunState.DONE


def test_a_run_is_recorded_with_who_asked_for_it(storage: Storage) -> None:
    with acting(Actor(name="ada", via=Via.HTTP, request="r1")):
        number = storage.engine.cleanup().run
    record = storage.engine.run(number)
    assert (record.actor, record.via, record.request) == ("ada", "http", "r1")


def test_a_run_that_a_person_must_approve_ends_as_refused_and_counts_for_nothing(
    make_storage: MakeStorage,
) -> None:
    storage = make_storage(limits={"confirm_above": "1%", "confirm_above_files": 1})
    for number in range(30):
        storage.file(f"temp/file{number}", age="2d")
    with pytest.raises(NeedsApproval) as refusal:
        storage.engine.cleanup(trigger=Trigger.CLI)
    (record,) = storage.engine.history()
    assert (record.state, record.plan) == (RunState.REFUSED, refusal.value.plan)
    assert storage.engine.totals().runs == 0


def test_a_run_that_was_asked_for_what_does_not_exist_leaves_no_record(storage: Storage) -> None:
    with pytest.raises(UsageError):
        storage.engine.approve("0123456789", trigger=Trigger.CLI)
    assert storage.engine.history() == []


def test_a_run_stops_at_its_next_batch_when_somebody_elsewhere_asks_it_to(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.run.run._ASK_EVERY", 0.0)
    asked = threading.Event()

    def ask(event: Event) -> None:
        if isinstance(event, BatchFinished) and not asked.is_set():
            asked.set()
            with open_records(storage.settings).open_journal() as journal:
                assert journal.events.ask_to_stop(1, "bob", at=0)

    report = Engine(storage.settings, listeners=[ask]).cleanup(batch_size=1)
    assert report.state == RunState.STOPPED
    assert 0 < report.removed < 30
    assert storage.engine.cleanup().removed == 30 - report.removed


def test_others_see_how_far_a_run_is(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.0)
    number = storage.engine.cleanup().run
    with open_records(storage.settings).open_journal() as journal:
        told = [event for event in journal.events.since(0) if event.kind == "run.progress"]
        assert next(event.data["phase"] for event in told) == "planning"
        last = journal.events.progress(number)
    assert last is not None
    assert (last.phase, last.area, last.done, last.total, last.failed) == ("working", "temp", 30, 30, 0)
