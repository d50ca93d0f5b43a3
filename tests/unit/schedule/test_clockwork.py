"""The clock that the schedule is kept by."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from shelflife.policy.schedule import Schedule
from shelflife.schedule.clockwork import JOB, LONGEST_SLEEP, Clockwork, SlotTrigger

_SECOND = 10**9


def clockwork(expression: str = "0 2 * * *", *, called: threading.Event | None = None) -> Clockwork:
    job = (called or threading.Event()).set
    return Clockwork(job, lambda: None, lambda: Schedule(expression), time.time_ns)


def test_the_trigger_fires_at_the_next_slot_of_the_schedule_in_force() -> None:
    schedules = [Schedule("0 2 * * *")]
    trigger = SlotTrigger(lambda: schedules[0], time.time_ns)
    now = datetime.now(UTC)

    first = trigger.get_next_fire_time(None, now)
    schedules[0] = Schedule("30 3 * * *")
    second = trigger.get_next_fire_time(None, now)

    assert first is not None
    assert second is not None
    assert first - first.replace(hour=2, minute=0, second=0, microsecond=0) < timedelta(seconds=1)
    assert second - second.replace(hour=3, minute=30, second=0, microsecond=0) < timedelta(seconds=1)


def test_the_trigger_goes_by_the_clock_it_is_given() -> None:
    slot = int(datetime(2030, 1, 1, 2, tzinfo=UTC).timestamp()) * _SECOND
    trigger = SlotTrigger(lambda: Schedule("0 2 * * *"), lambda: slot - 7 * _SECOND)

    fires = trigger.get_next_fire_time(None, datetime.now(UTC))

    assert fires is not None
    assert timedelta(seconds=6) < fires - datetime.now(UTC) <= timedelta(seconds=7)


def test_a_schedule_without_slots_never_fires() -> None:
    trigger = SlotTrigger(lambda: Schedule("0 0 */31 * MON#2"), time.time_ns)

    assert trigger.get_next_fire_time(None, datetime.now(UTC)) is None


def test_the_job_is_called_soon_after_the_start() -> None:
    called = threading.Event()
    clock = clockwork(called=called)

    clock.begin(delay=0.0)

    assert called.wait(30)
    assert clock.end(timeout=30)


def test_nothing_missed_is_left_to_apscheduler() -> None:
    clock = clockwork()
    clock.begin(delay=1000)

    job = clock.get_job(JOB)

    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
    clock.end(timeout=30)


def test_it_never_sleeps_longer_than_a_minute() -> None:
    clock = clockwork("0 2 1 1 *")
    clock.begin(delay=1000)

    assert clock._process_jobs() <= LONGEST_SLEEP
    clock.end(timeout=30)


def test_a_job_planned_too_late_is_pulled_forward() -> None:
    clock = clockwork("* * * * *")
    clock.begin(delay=1000)
    clock.get_job(JOB).modify(next_run_time=datetime.now(UTC) + timedelta(days=365))  # by a clock far ahead

    clock._process_jobs()

    assert clock.get_job(JOB).next_run_time <= datetime.now(UTC) + timedelta(minutes=1)
    clock.end(timeout=30)


def test_it_does_not_wait_for_ever_for_a_job() -> None:
    begun, free = threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        free.wait(60)

    clock = Clockwork(job, lambda: None, lambda: Schedule("0 2 * * *"), time.time_ns)
    clock.begin(delay=0.0)
    assert begun.wait(30)

    assert not clock.end(timeout=0.01)
    free.set()


def test_a_job_that_fails_is_logged_and_called_again(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    twice = threading.Event()

    def job() -> None:
        calls.append(1)
        if len(calls) == 2:
            twice.set()
        raise RuntimeError("a fault of ours")

    clock = Clockwork(job, lambda: None, lambda: Schedule("0 2 * * *"), time.time_ns)
    clock.begin(delay=0.0)
    tick = threading.Event()
    while len(calls) < 1:
        tick.wait(0.01)
    while not twice.is_set():
        clock.get_job(JOB).modify(next_run_time=datetime.now(UTC))
        clock.wakeup()
        twice.wait(0.05)

    assert clock.end(timeout=30)
    assert "a fault of ours" in caplog.text


def test_apscheduler_says_nothing_of_each_slot(caplog: pytest.LogCaptureFixture) -> None:
    called = threading.Event()
    clock = clockwork(called=called)
    with caplog.at_level(logging.DEBUG):
        clock.begin(delay=0.0)
        assert called.wait(30)
        assert clock.end(timeout=30)
    assert [record.name for record in caplog.records if record.name.startswith("apscheduler")] == []
    assert "Running job" not in caplog.text
