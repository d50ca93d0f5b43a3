"""The scheduler in an application: start, stop, run now."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from shelflife.engine import Engine
from shelflife.errors import CleanupBusy, CleanupDisabled, Problem, SettingsError
from shelflife.events import BatchFinished, Event
from shelflife.records.records import open_records
from shelflife.run.lock import cleanup_lock
from shelflife.settings import Settings
from shelflife.testing import MakeStorage, Storage

_PATIENCE = 60.0


def until(condition: threading.Event) -> None:
    assert condition.wait(_PATIENCE)


class Ended(logging.Handler):
    """Is set when a run has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.run = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(("run 1 is done", "run 1 is stopped")):
            self.run.set()


@pytest.fixture
def ended() -> Iterator[Ended]:
    handler, logger = Ended(), logging.getLogger("shelflife.cleanup")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_a_missed_slot_is_made_up_for_soon_after_the_start(
    storage: Storage, ended: Ended, caplog: pytest.LogCaptureFixture
) -> None:
    path = storage.file("uploads/old.mp4")
    engine = storage.engine
    with open_records(engine.settings).open_journal() as journal:
        journal.slots.claim(1, at=1)  # everything since 1970 was missed
    scheduler = engine.scheduler(delay=0.0)

    with caplog.at_level(logging.INFO, "shelflife"):
        scheduler.start()
        until(ended.run)
        scheduler.stop()

    assert not path.exists()
    assert [run.trigger for run in engine.history()] == ["schedule"]
    assert "was missed; it is made up for now" in caplog.text


def test_start_and_stop_twice_are_harmless(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    scheduler = storage.engine.scheduler()
    assert (scheduler.running, scheduler.next_slot) == (False, None)

    assert scheduler.start()
    assert scheduler.start()
    assert scheduler.next_slot is not None
    assert scheduler.next_slot > time.time_ns()
    assert "already running" in caplog.text
    assert scheduler.stop()
    assert scheduler.stop()
    assert not scheduler.running

    assert scheduler.start()
    assert scheduler.stop()


def test_disabled_it_schedules_nothing_and_runs_nothing(
    make_storage: MakeStorage, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = make_storage(cleanup={"enabled": False}).engine.scheduler()

    with caplog.at_level(logging.INFO, "shelflife"):
        assert not scheduler.start()

    assert not scheduler.running
    assert "disabled" in caplog.text
    with pytest.raises(CleanupDisabled):
        scheduler.run_now()


def test_stop_ends_a_run_at_its_next_batch_and_its_work_is_recorded(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d"}, cleanup={"batch_size": 1}, limits={"confirm_above": "100%"})
    for number in range(200):
        storage.file(f"uploads/{number}.mp4")
    begun, asked = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        if isinstance(event, BatchFinished):
            begun.set()
            asked.wait(_PATIENCE)

    engine = Engine(storage.settings, listeners=[slow])
    with open_records(engine.settings).open_journal() as journal:
        journal.slots.claim(1, at=1)
    scheduler = engine.scheduler(delay=0.0)
    scheduler.start()
    asked = scheduler._stop
    until(begun)

    assert scheduler.stop(timeout=_PATIENCE)

    (run,) = engine.history()
    assert run.state == "stopped"
    assert run.report["removed"] == len(list(engine.run_files(run.id))) == 200 - len(storage.files())
    assert 0 < run.report["removed"] < 200
    assert engine.holder() is None


def test_stop_does_not_wait_for_ever(
    make_storage: MakeStorage, ended: Ended, caplog: pytest.LogCaptureFixture
) -> None:
    storage = make_storage({"uploads": "7d"})
    storage.file("uploads/old.mp4")
    begun, hanging = threading.Event(), threading.Event()

    def hang(event: Event) -> None:
        if isinstance(event, BatchFinished):
            begun.set()
            hanging.wait(_PATIENCE)

    engine = Engine(storage.settings, listeners=[hang])
    with open_records(engine.settings).open_journal() as journal:
        journal.slots.claim(1, at=1)
    scheduler = engine.scheduler(delay=0.0)
    scheduler.start()
    until(begun)

    assert not scheduler.stop(timeout=0.01)

    assert "did not end" in caplog.text
    assert not scheduler.running
    hanging.set()
    until(ended.run)


def test_run_now_reads_the_configuration_again(storage: Storage) -> None:
    path = storage.file("uploads/new.mp4", age="2d")
    settings = [storage.settings]
    scheduler = storage.engine.scheduler(load=lambda: settings[0])
    settings[0] = storage.settings.replace(retention={"uploads": "1d"})

    report = scheduler.run_now()

    assert report is not None
    assert report.removed == 1
    assert not path.exists()
    assert scheduler.settings == settings[0]


def test_run_now_by_a_broken_configuration_is_refused_and_recorded(storage: Storage) -> None:
    def load() -> Settings:
        raise SettingsError([Problem(where="config.yaml:3", reason="not a duration")])

    path = storage.file("uploads/old.mp4")

    with pytest.raises(SettingsError):
        storage.engine.scheduler(load=load).run_now()

    (run,) = storage.engine.history()
    assert (run.state, run.trigger) == ("refused", "program")
    assert path.exists()


def test_run_now_where_only_dry_runs_are_allowed_removes_nothing(
    make_storage: MakeStorage, caplog: pytest.LogCaptureFixture
) -> None:
    storage = make_storage(cleanup={"dry_run": True})
    path = storage.file("uploads/old.mp4")

    with caplog.at_level(logging.DEBUG, "shelflife.schedule"):
        assert storage.engine.scheduler().run_now() is None

    assert path.exists()
    assert "dry run: would remove uploads/old.mp4" in caplog.text
    assert storage.engine.history() == []


def test_run_now_while_another_cleanup_runs_is_busy(storage: Storage) -> None:
    engine = storage.engine

    with cleanup_lock(engine.state, "a cleanup of a test"), pytest.raises(CleanupBusy):
        engine.scheduler().run_now()


def test_listeners_survive_a_change_of_the_configuration(storage: Storage) -> None:
    storage.file("uploads/old.mp4")
    changed = storage.settings.replace(cleanup={"batch_size": 7})
    scheduler = storage.engine.scheduler(load=lambda: changed)

    scheduler.run_now()

    assert scheduler.settings.cleanup.batch_size == 7
    assert any(isinstance(event, BatchFinished) for event in storage.events)
