"""What is done about a slot: run once, made up for, waited with, refused."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shelflife.engine import Engine
from shelflife.errors import Problem, SettingsError
from shelflife.records.records import open_records
from shelflife.run.lock import cleanup_lock
from shelflife.schedule.current import Current
from shelflife.schedule.job import Job
from shelflife.settings import Settings
from shelflife.settings.in_force import SettingsInForce
from shelflife.testing import aged_file
from tests.inside import workplace

_SECOND = 10**9
_DAY = 86_400 * _SECOND


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * _SECOND


class World:
    """A storage, its clock, and the configuration that its schedulers read."""

    def __init__(self, base_path: Path) -> None:
        self.now = ns("2026-11-22T12:00")
        self.settings = Settings.build(base_path=base_path, areas={"uploads": "7d"})
        self.fault: Exception | None = None
        self.stop = threading.Event()
        self.engine = Engine(self.settings, clock=self.clock)
        self.engine.create()
        self.files = 0

    def clock(self) -> int:
        return self.now

    def last_slot(self) -> int | None:
        with open_records(self.settings).read_journal() as journal:
            return journal.slots.last() if journal else None

    def take(self, slot: int) -> None:
        """Another process takes a slot."""
        with open_records(self.settings).open_journal() as journal:
            assert journal.slots.claim(slot, at=self.now)

    def load(self) -> Settings:
        if self.fault is not None:
            raise self.fault
        return self.settings

    def configure(self, **cleanup: object) -> None:
        self.settings = self.settings.replace(cleanup=cleanup)

    def process(self) -> Job:
        """A process of the application that starts now."""
        in_force = SettingsInForce(self.load, initial=lambda: self.settings)
        return Job(
            Current(workplace(self.settings, clock=self.clock), in_force, now=self.now),
            started=self.now,
            stop=self.stop,
            clock=self.clock,
            pause=0.001,
            pause_after_error=0.001,
        )

    def old_file(self) -> Path:
        self.files += 1
        path = self.settings.base_path / "uploads" / f"{self.files}.mp4"
        return aged_file(path, age="30d", now=self.now)

    def states(self) -> list[str]:
        return [run.state for run in reversed(self.engine.history())]

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Another cleanup is running."""
        with cleanup_lock(self.engine.state, "a cleanup of a test"):
            yield

    @contextmanager
    def attending(self, *jobs: Job) -> Iterator[None]:
        """The jobs attend to the slot of this moment, each in a thread; in the end they must be done."""
        slot = self.now
        threads = [threading.Thread(target=job._attend, args=(slot,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "storage")


def until(condition: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(3000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it did not come to that")


def test_on_a_new_storage_nothing_was_missed(world: World) -> None:
    world.process()()

    assert world.states() == []
    assert world.last_slot() == ns("2026-11-22T02:00")


def test_a_slot_runs_once_however_many_processes_see_it(world: World) -> None:
    jobs = [world.process() for _ in range(4)]
    path = world.old_file()
    world.now = ns("2026-11-23T02:00")

    for job in jobs:
        job()

    assert world.states() == ["done"]
    assert not path.exists()
    assert [run.trigger for run in world.engine.history()] == ["schedule"]


def test_the_loser_of_a_slot_says_so_at_debug(world: World, caplog: pytest.LogCaptureFixture) -> None:
    job = world.process()
    job()
    world.now = ns("2026-11-23T02:00")
    world.take(world.now)

    with caplog.at_level(logging.DEBUG, "shelflife.schedule"):
        job._attend(world.now)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "the slot of 2026-11-23 02:00:00 UTC is taken")
    ]
    assert world.states() == []


def test_what_was_missed_is_made_up_for_once(world: World) -> None:
    world.process()()
    world.now += 5 * _DAY  # nothing ran meanwhile

    for _ in range(3):
        world.process()()

    assert world.states() == ["done"]
    assert world.last_slot() == ns("2026-11-27T02:00")


def test_a_slot_missed_right_after_the_first_start_is_made_up_for(world: World) -> None:
    job = world.process()
    world.now = ns("2026-11-23T02:00:04")  # the job's first look comes after the first slot

    job()

    assert world.states() == ["done"]


def test_a_broken_configuration_refuses_the_run_and_the_next_slot_tries_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [world.process() for _ in range(3)]
    path = world.old_file()
    world.fault = SettingsError([Problem(where="config.yaml:3", reason="not a duration")])
    world.now = ns("2026-11-23T02:00")
    for job in jobs:
        job()

    (run,) = world.engine.history()
    assert (run.state, run.trigger) == ("refused", "schedule")
    assert "config.yaml:3: not a duration" in run.reason
    assert "config.yaml:3: not a duration" in caplog.text
    assert path.exists()
    assert world.engine.totals().runs == 0

    world.fault = None
    world.now = ns("2026-11-24T02:00")
    for job in jobs:
        job()

    assert world.states() == ["refused", "done"]
    assert not path.exists()


def test_a_configuration_is_broken_whatever_error_tells_it(world: World) -> None:
    job = world.process()
    world.fault = ZeroDivisionError("a fault of the one who loads")
    world.now = ns("2026-11-23T02:00")

    job()

    assert world.states() == ["refused"]
    assert "ZeroDivisionError" in world.engine.history()[0].reason


def test_a_fault_of_the_configuration_is_logged_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    current = Current(
        workplace(world.settings), SettingsInForce(world.load, initial=lambda: world.settings), now=world.now
    )
    world.fault = OSError("gone")

    for _ in range(3):
        current.look(world.now)

    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_run_that_a_person_must_approve_is_refused_once(world: World) -> None:
    limits = {"confirm_above": "10%", "confirm_above_files": 1}
    world.settings = Settings.build(
        base_path=world.settings.base_path, areas={"uploads": "7d"}, limits=limits
    )
    jobs = [world.process(), world.process()]
    files = [world.old_file() for _ in range(5)]
    world.now = ns("2026-11-23T02:00")

    for job in jobs:
        job()

    assert world.states() == ["refused"]
    assert all(path.exists() for path in files)


def test_where_cleanups_are_disabled_meanwhile_none_runs(world: World) -> None:
    job = world.process()
    world.configure(enabled=False)
    world.now = ns("2026-11-23T02:00")

    job()

    assert world.states() == []


def test_enabled_again_it_goes_on_with_the_next_slot(world: World) -> None:
    job = world.process()
    for moment, enabled in (("23T02:00", False), ("24T02:00", False), ("24T12:00", True)):
        world.now = ns(f"2026-11-{moment}")
        world.configure(enabled=enabled)
        job()
    assert world.states() == []

    world.now = ns("2026-11-25T02:00")
    job()

    assert world.states() == ["done"]


def test_a_new_schedule_takes_effect(world: World) -> None:
    job = world.process()
    job()
    world.configure(schedule="0 4 * * *")
    world.now = ns("2026-11-23T02:00")
    job()
    assert world.states() == []

    world.now = ns("2026-11-23T04:00")
    job()

    assert world.states() == ["done"]
    assert world.last_slot() == ns("2026-11-23T04:00")


def test_a_slot_of_the_new_schedule_that_came_before_it_was_noticed_runs(world: World) -> None:
    job = world.process()
    job()
    world.configure(schedule="0 1 * * *")
    world.now = ns("2026-11-23T02:00")

    job()

    assert world.last_slot() == ns("2026-11-23T01:00")
    assert world.states() == ["done"]


def test_new_retention_takes_effect(world: World) -> None:
    job = world.process()
    path = aged_file(world.settings.base_path / "uploads" / "new.mp4", age="2d", now=world.now)
    world.settings = world.settings.replace(retention={"uploads": "1d"})
    world.now = ns("2026-11-23T02:00")

    job()

    assert not path.exists()


def test_a_dry_run_is_logged_and_nothing_else(world: World, caplog: pytest.LogCaptureFixture) -> None:
    jobs = [world.process(), world.process()]
    path = world.old_file()
    world.configure(dry_run=True)
    world.now = ns("2026-11-23T02:00")

    with caplog.at_level(logging.INFO, "shelflife.schedule"):
        for job in jobs:
            job()

    assert path.exists()
    assert world.states() == []
    assert world.engine.totals().runs == 0
    assert caplog.text.count("dry run: 1 files, 10 B, would go") == 1


def test_slots_taken_by_a_clock_that_was_ahead_stop_nothing_and_do_not_come_twice(world: World) -> None:
    job = world.process()
    job()
    world.now = ns("2027-11-23T02:00")  # a year ahead
    job()
    assert world.states() == ["done"]

    world.now = ns("2026-11-23T02:00")
    job()
    world.now = ns("2026-11-24T02:00")
    job()
    assert world.states() == ["done"] * 3

    world.now = ns("2027-11-23T02:00")
    job()

    assert world.states() == ["done"] * 3


def test_a_clock_set_back_a_little_runs_nothing_twice(world: World) -> None:
    job = world.process()
    job()
    for moment in ("23T02:00", "23T01:30", "23T02:00"):
        world.now = ns(f"2026-11-{moment}")
        job()

    assert world.states() == ["done"]


def test_a_slot_waits_for_the_cleanup_that_is_running(world: World) -> None:
    job = world.process()
    job()
    world.now = ns("2026-11-23T02:00")

    busy = ExitStack()
    busy.enter_context(world.busy())
    with world.attending(job):
        assert world.states() == []
        busy.close()

    assert world.states() == ["done"]


def test_a_waiting_slot_that_somebody_takes_is_let_go(world: World) -> None:
    job = world.process()
    job()
    world.now = ns("2026-11-23T02:00")

    with world.busy(), world.attending(job):
        world.take(world.now)

    assert world.states() == []


def test_it_gives_up_when_the_next_slot_has_come_and_records_that_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [world.process(), world.process()]
    world.now = ns("2026-11-23T02:00")

    with world.busy(), world.attending(*jobs):
        world.now = ns("2026-11-24T02:00")
    assert world.states() == ["refused"]
    jobs[0]()

    assert world.states() == ["refused", "done"]  # and the next one is attended to
    assert "a cleanup was refused" in caplog.text


def test_a_stuck_holder_is_reported_once_and_not_overtaken(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job = world.process()
    job()
    with world.busy():
        holder = world.engine.holder()
        assert holder is not None
        world.now = job._current.schedule.next_after(int(holder.heartbeat.timestamp() + 3600) * _SECOND) or 0
        with world.attending(job):
            until(lambda: "stuck" in caplog.text)
            assert world.states() == []
            world.stop.set()

    assert caplog.text.count("is stuck") == 1
    assert [record.levelname for record in caplog.records if "stuck" in record.message] == ["ERROR"]


def test_a_storage_that_is_not_there_is_tried_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    job = world.process()
    job()
    base_path = world.settings.base_path
    world.now = ns("2026-11-23T02:00")
    shutil.move(base_path, base_path.with_name("elsewhere"))

    with world.attending(job):
        until(lambda: "cannot run now" in caplog.text)
        shutil.move(base_path.with_name("elsewhere"), base_path)

    assert world.states() == ["done"]
    assert caplog.text.count("cannot run now") == 1


def test_a_slot_is_not_lost_where_the_storage_cannot_be_asked_whether_it_is_due(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job = world.process()
    job()
    base_path = world.settings.base_path
    world.now = ns("2026-11-23T02:00")
    shutil.move(base_path, base_path.with_name("elsewhere"))

    thread = threading.Thread(target=job, daemon=True)
    thread.start()
    until(lambda: "cannot tell" in caplog.text)
    shutil.move(base_path.with_name("elsewhere"), base_path)
    thread.join(30)

    assert not thread.is_alive()
    assert world.states() == ["done"]
    assert caplog.text.count("cannot tell") == 1


def test_without_its_storage_it_ends_when_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(world.settings.base_path)
    thread = threading.Thread(target=world.process(), daemon=True)
    thread.start()
    until(lambda: "does not exist" in caplog.text)

    world.stop.set()
    thread.join(30)

    assert not thread.is_alive()


def test_asked_to_stop_it_waits_no_longer(world: World) -> None:
    job = world.process()
    job()
    world.now = ns("2026-11-23T02:00")

    with world.busy(), world.attending(job):
        world.stop.set()

    assert world.states() == []


def test_the_configuration_is_read_again_right_before_the_run(world: World) -> None:
    """It changes after the job has woken: while the slot waits for another cleanup."""
    job = world.process()
    job()
    kept = aged_file(world.settings.base_path / "uploads" / "kept.mp4", age="8d", now=world.now)
    world.now = ns("2026-11-23T02:00")
    busy = ExitStack()
    busy.enter_context(world.busy())
    with world.attending(job):
        world.settings = world.settings.replace(retention={"uploads": "30d"})
        busy.close()

    assert world.states() == ["done"]
    assert kept.exists()


def test_a_configuration_that_breaks_while_the_slot_waits_refuses_the_run(world: World) -> None:
    job = world.process()
    job()
    path = world.old_file()
    world.now = ns("2026-11-23T02:00")
    busy = ExitStack()
    busy.enter_context(world.busy())
    with world.attending(job):
        world.fault = SettingsError([Problem(where="config.yaml:3", reason="not a duration")])
        busy.close()

    assert world.states() == ["refused"]
    assert path.exists()


@pytest.mark.parametrize("change", [{"enabled": False}, {"schedule": "0 3 * * *"}], ids=str)
def test_a_slot_that_the_configuration_no_longer_has_is_let_go_while_it_waits(
    world: World, change: dict[str, object]
) -> None:
    job = world.process()
    job()
    path = world.old_file()
    world.now = ns("2026-11-23T02:00")
    busy = ExitStack()
    busy.enter_context(world.busy())
    with world.attending(job):
        world.configure(**change)
        busy.close()

    assert world.states() == []
    assert path.exists()
