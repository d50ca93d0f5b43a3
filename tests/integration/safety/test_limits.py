"""Limits: what nobody would want is stopped and asked about; what a person approves runs, once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shelflife import Engine, Settings, UsageError
from shelflife.errors import NeedsApproval
from shelflife.events import BatchFinished, Event, RunRefused
from shelflife.records.history import Trigger
from shelflife.shapes.error import error_as_json
from shelflife.shapes.run import run_as_json
from shelflife.testing import MakeStorage, Storage, set_age

_FILES = 6
_ASKING = [Trigger.SCHEDULE, Trigger.CLI, Trigger.API]


@pytest.fixture
def full(make_storage: MakeStorage) -> Storage:
    """A storage that was never cleaned, in which everything is expired."""
    return make_storage({"media": "7d"}, limits={"confirm_above_files": _FILES - 1})


@pytest.fixture
def cleaned(full: Storage) -> Storage:
    """One that lost something to a cleanup a day and a half ago, and in which all has expired since."""
    full.file("media/first")
    full.engine.cleanup()
    _fill(full, age="6d")
    full.tick("36h")
    return full


def _fill(storage: Storage, *, age: str = "40d") -> None:
    for number in range(_FILES):
        storage.file(f"media/{number}", age=age)


def _other(storage: Storage, **values: Any) -> Engine:
    area = {"retention": "7d"} | values
    limits = {"confirm_above_files": _FILES - 1}
    settings = Settings.build(base_path=storage.base_path, areas={"media": area}, limits=limits)
    return Engine(settings, listeners=[storage.events.append], clock=storage.now)


@pytest.mark.parametrize("trigger", _ASKING)
def test_the_first_cleanup_of_a_full_storage_is_refused_recorded_and_told(
    full: Storage, trigger: Trigger
) -> None:
    _fill(full)
    with pytest.raises(NeedsApproval) as refusal:
        full.engine.cleanup(trigger=trigger)
    assert len(full.files()) == _FILES
    (run,) = full.engine.history()
    assert (run.state, run.trigger, run.reason) == ("refused", trigger, str(refusal.value))
    assert [event.reason for event in full.events if isinstance(event, RunRefused)] == [run.reason]
    assert refusal.value.exit_code == 3
    assert refusal.value.meaning.http_status == 409


def test_a_call_by_a_program_is_an_explicit_act(full: Storage) -> None:
    _fill(full)
    assert full.engine.cleanup(trigger=Trigger.PROGRAM).removed == _FILES


def test_an_ordinary_run_is_not_asked_about_however_much_goes(cleaned: Storage) -> None:
    assert cleaned.engine.cleanup(trigger=Trigger.SCHEDULE).removed == _FILES


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"retention": 7}),
        ({}, {"expire": "directory"}),
        ({"age_from": "changed"}, {}),
        ({"protect": ["0"]}, {}),
        ({}, {"quota": "1B"}),
        ({"max_files": 99}, {"max_files": 1}),
        ({}, {"in_use": "off"}),
        ({}, {"path": "movies"}),
    ],
)
def test_settings_that_remove_more_are_asked_about(
    make_storage: MakeStorage, before: dict[str, Any], after: dict[str, Any]
) -> None:
    storage = make_storage(
        {"media": {"retention": "7d"} | before}, limits={"confirm_above_files": _FILES - 1}
    )
    storage.file("media/first")
    storage.tick("8d")  # so that also what was changed only now is old enough
    assert storage.engine.cleanup().removed == 1
    for number in range(_FILES + 1):
        place = "movies" if "path" in after else "media/unit" if "expire" in after else "media"
        storage.file(f"{place}/{number}", age="6d")
    storage.tick("8d")
    with pytest.raises(NeedsApproval, match="since its last cleanup its "):
        _other(storage, **after).cleanup(trigger=Trigger.SCHEDULE)


def _trashed(make_storage: MakeStorage) -> Storage:
    """A storage in whose trash everything waits for thirty days."""
    storage = make_storage(
        {"media": {"retention": "7d", "trash": "30d"}}, limits={"confirm_above_files": _FILES - 1}
    )
    _fill(storage)
    assert storage.engine.cleanup().total("trashed") == _FILES
    storage.tick("1h")
    assert storage.engine.cleanup(trigger=Trigger.SCHEDULE).total("purged") == 0
    return storage


@pytest.mark.parametrize("trash", [30, "30m", 0])
def test_a_trash_that_keeps_for_a_shorter_time_is_not_emptied_before_a_person_has_agreed(
    make_storage: MakeStorage, trash: object
) -> None:
    storage = _trashed(make_storage)
    storage.file("media/small")  # however little goes besides
    changed = _other(storage, trash=trash)
    plan = changed.plan()
    assert changed.needs_approval(plan, offer_it=False)
    with pytest.raises(NeedsApproval, match="for good, and since its last cleanup its trash was") as refusal:
        changed.cleanup(trigger=Trigger.SCHEDULE)
    assert len(list(changed.trash())) == _FILES
    assert refusal.value.would_remove["areas"]["media"] == {
        "files": 1,
        "bytes": 10,
        "purged": _FILES,
        "purged_bytes": 10 * _FILES,
    }
    assert plan.areas[0].purge.files == _FILES
    report = changed.approve(refusal.value.plan)
    assert (report.total("purged"), report.state) == (_FILES, "done")


def test_a_trash_whose_time_is_over_is_emptied_without_asking(make_storage: MakeStorage) -> None:
    storage = _trashed(make_storage)
    purged = 0
    for _ in range(4):
        storage.tick("10d")
        purged += storage.engine.cleanup(trigger=Trigger.SCHEDULE).total("purged")
    assert purged == _FILES


@pytest.mark.parametrize("days", [-4, 20, 3650])
def test_a_clock_that_cannot_be_right_is_asked_about(cleaned: Storage, days: int) -> None:
    cleaned.ahead += days * 86_400 * 10**9
    _fill(cleaned)
    with pytest.raises(NeedsApproval, match=r"clock|so long ago"):
        cleaned.engine.cleanup(trigger=Trigger.SCHEDULE)


def test_a_run_over_an_empty_storage_is_not_one_that_the_area_is_known_by(full: Storage) -> None:
    full.engine.cleanup()
    _fill(full, age="6d")
    full.tick("36h")
    with pytest.raises(NeedsApproval, match="no cleanup has ever removed anything from it"):
        full.engine.cleanup(trigger=Trigger.SCHEDULE)


def test_what_was_due_before_it_came_is_asked_about_however_it_came(cleaned: Storage) -> None:
    assert cleaned.engine.cleanup(trigger=Trigger.SCHEDULE).removed == _FILES
    elsewhere = cleaned.directory("elsewhere/archive")
    for number in range(_FILES):
        cleaned.file(f"elsewhere/archive/{number}", age="5d")
    cleaned.tick("30d")
    cleaned.engine.cleanup()
    elsewhere.rename(cleaned.path("media/archive"))  # no file of it changes by this
    cleaned.tick("1h")
    made = cleaned.engine.plan()
    assert made.areas[0].arrived == _FILES
    with pytest.raises(NeedsApproval, match="6 of them were due at its last cleanup already"):
        cleaned.engine.cleanup(trigger=Trigger.SCHEDULE)


def test_what_was_approved_of_arrivals_is_not_asked_about_again(cleaned: Storage) -> None:
    cleaned.engine.cleanup()
    _fill(cleaned)
    cleaned.engine.approve(_refused(cleaned))
    cleaned.tick("1d")
    _fill(cleaned)
    assert cleaned.engine.cleanup(trigger=Trigger.SCHEDULE).removed == _FILES


def test_what_a_cleanup_had_to_leave_has_not_arrived_since(cleaned: Storage) -> None:
    # All but one of them is in use when the cleanup comes, and none when the next one comes.
    files = [cleaned.path(f"media/{number}") for number in range(1, _FILES)]
    writers = [file.open("ab") for file in files]
    try:
        assert cleaned.engine.cleanup(trigger=Trigger.SCHEDULE).removed == 1
    finally:
        for writer in writers:
            writer.close()
    cleaned.file("media/another", age="6d")
    cleaned.tick("36h")
    for file in files:
        set_age(file, "9d", now=cleaned.now())
    assert cleaned.engine.cleanup(trigger=Trigger.SCHEDULE).removed == _FILES


def _refused(storage: Storage) -> str:
    with pytest.raises(NeedsApproval) as refusal:
        storage.engine.cleanup(trigger=Trigger.SCHEDULE)
    return refusal.value.plan


def test_what_a_person_approves_runs_once_with_the_cutoffs_of_the_plan(full: Storage) -> None:
    _fill(full)
    plan = _refused(full)
    full.tick("3d")
    later = full.file("media/expired only since the plan", age="8d")
    report = full.engine.approve(plan)
    assert (report.removed, report.plan) == (_FILES, plan)
    assert later.exists()
    with pytest.raises(UsageError, match="no plan"):
        full.engine.approve(plan)


@pytest.fixture
def stopped(full: Storage) -> tuple[Storage, str]:
    """A storage whose approved plan was stopped after its first batch, and the plan's id."""
    for directory in range(_FILES):
        full.file(f"media/{directory}/file")
    plan, stop = _refused(full), threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, BatchFinished):
            stop.set()

    settings = full.settings.replace(cleanup={"batch_size": 1, "workers": 1})
    report = Engine(settings, listeners=[listen], clock=full.now).approve(plan, stop=stop)
    assert report.state == "stopped"
    assert 0 < len(full.files()) < _FILES
    return full, plan


def test_an_approved_run_that_was_stopped_is_carried_on_by_approving_again(
    stopped: tuple[Storage, str],
) -> None:
    storage, plan = stopped
    storage.tick("3d")
    assert storage.engine.approve(plan).state == "done"
    assert storage.files() == []
    with pytest.raises(UsageError, match="no plan"):
        storage.engine.approve(plan)


@pytest.mark.parametrize("trigger", _ASKING)
def test_an_approved_run_that_was_stopped_is_carried_on_by_the_next_one(
    stopped: tuple[Storage, str], trigger: Trigger
) -> None:
    storage, plan = stopped
    for number in range(_FILES):
        storage.file(f"media/expired only since the plan/{number}", age="5d")
    storage.tick("3d")
    report = storage.engine.cleanup(trigger=trigger)
    assert (report.state, report.plan) == ("done", plan)
    assert len(storage.files()) == _FILES
    with pytest.raises(UsageError, match="no plan"):
        storage.engine.approve(plan)


def test_an_approval_is_carried_on_for_a_week_and_under_the_same_settings(
    stopped: tuple[Storage, str],
) -> None:
    storage, _ = stopped
    left = storage.files()
    for number in range(_FILES):
        storage.file(f"media/more/{number}")
    with pytest.raises(NeedsApproval):
        _other(storage, retention="6d").cleanup(trigger=Trigger.SCHEDULE)
    storage.tick("8d")
    with pytest.raises(NeedsApproval):
        storage.engine.cleanup(trigger=Trigger.SCHEDULE)
    assert len(storage.files()) == len(left) + _FILES


def test_what_is_refused_says_what_it_would_have_taken(full: Storage) -> None:
    _fill(full)
    with pytest.raises(NeedsApproval) as refusal:
        full.engine.cleanup(trigger=Trigger.SCHEDULE)
    extent = {"files": _FILES, "bytes": 10 * _FILES}
    assert refusal.value.would_remove == {**extent, "areas": {"media": extent}}
    (run,) = full.engine.history()
    assert (run.plan, run.report) == (refusal.value.plan, {"would_remove": refusal.value.would_remove})
    assert run_as_json(run)["report"]["would_remove"] == refusal.value.would_remove
    assert error_as_json(refusal.value)["error"]["would_remove"] == refusal.value.would_remove


def test_an_approval_ends_after_a_week(full: Storage) -> None:
    _fill(full)
    plan = _refused(full)
    full.tick("7d")
    full.tick(1)
    with pytest.raises(UsageError, match="older than 7 days"):
        full.engine.approve(plan)
    assert len(full.files()) == _FILES


def test_a_plan_for_other_settings_cannot_be_approved(full: Storage) -> None:
    _fill(full)
    plan = _refused(full)
    with pytest.raises(UsageError, match="settings have changed"):
        _other(full, retention="6d").approve(plan)
    assert len(full.files()) == _FILES


def test_an_approval_of_what_was_planned_by_hand_is_possible_too(full: Storage) -> None:
    _fill(full)
    plan = full.engine.plan()
    assert full.engine.needs_approval(plan)
    assert full.engine.approve(plan.id).removed == _FILES


def test_a_plan_for_a_moment_to_come_is_never_carried_out(full: Storage) -> None:
    young = full.file("media/young", age="6d")
    plan = full.engine.plan(at=full.now() + 3 * 86_400 * 10**9)
    assert plan.files == 1
    with pytest.raises(UsageError, match="to come"):
        full.engine.execute(plan)
    full.engine.needs_approval(plan)
    with pytest.raises(UsageError):
        full.engine.approve(plan.id)
    assert young.exists()


def test_what_was_changed_after_the_approval_stays(full: Storage) -> None:
    _fill(full)
    plan = _refused(full)
    kept = full.file("media/3", age=0)
    assert full.engine.approve(plan).removed == _FILES - 1
    assert kept.exists()


@pytest.mark.parametrize("limits", [{"max_files": _FILES - 1}, {"max_bytes": "59B"}])
def test_a_run_beyond_its_bounds_is_refused_and_may_be_approved(
    make_storage: MakeStorage, limits: dict[str, Any]
) -> None:
    storage = make_storage({"media": "7d"}, limits=limits)
    storage.engine.cleanup()
    _fill(storage)
    plan = _refused(storage)
    assert storage.engine.approve(plan).removed == _FILES
