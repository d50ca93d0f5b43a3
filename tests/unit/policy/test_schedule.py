"""When cleanups are due: cron's meaning, time zones, clock changes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.policy.schedule import Schedule
from shelflife.settings import Settings

_SECOND = 10**9


def ns(text: str) -> int:
    """A moment, UTC unless it has an offset."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * _SECOND


def slots(expression: str, zone: str, after: str, count: int) -> list[str]:
    """The next slots as local time with offset."""
    schedule, found, moment = Schedule(expression, ZoneInfo(zone)), [], ns(after)
    for _ in range(count):
        slot = schedule.next_after(moment)
        assert slot is not None
        moment = slot
        found.append(datetime.fromtimestamp(slot // _SECOND, ZoneInfo(zone)).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("0 2 * * *", ["2026-11-22T02:00", "2026-11-23T02:00"], id="daily"),
        pytest.param("*/20 * * * *", ["2026-11-22T00:20", "2026-11-22T00:40"], id="every 20 minutes"),
        pytest.param("0 2 * * 0", ["2026-11-22T02:00", "2026-11-29T02:00"], id="0 is Sunday"),
        pytest.param("0 2 * * 7", ["2026-11-22T02:00", "2026-11-29T02:00"], id="7 is Sunday too"),
        pytest.param("0 2 * * 1", ["2026-11-23T02:00", "2026-11-30T02:00"], id="1 is Monday"),
        pytest.param("0 2 24 * 1", ["2026-11-23T02:00", "2026-11-24T02:00"], id="either day field"),
        pytest.param("0 2 29 2 *", ["2028-02-29T02:00", "2032-02-29T02:00"], id="leap years"),
    ],
)
def test_cron_strings_mean_what_cron_means(expression: str, expected: list[str]) -> None:
    assert slots(expression, "UTC", "2026-11-22T00:00", 2) == [f"{slot}+00:00" for slot in expected]


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        pytest.param(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T00:00",
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
            id="autumn in Berlin: once, the first time",
        ),
        pytest.param(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T01:10",
            ["2026-10-26T02:30+01:00"],
            id="autumn in Berlin: not again at 02:10 of the second time",
        ),
        pytest.param(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00",
            ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
            id="spring in Berlin: right after the gap",
        ),
        pytest.param(
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T12:00",
            ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"],
            id="autumn in New York: once",
        ),
        pytest.param(
            "0 2 * * *",
            "America/New_York",
            "2026-03-07T12:00",
            ["2026-03-08T03:00-04:00", "2026-03-09T02:00-04:00"],
            id="spring in New York: right after the gap",
        ),
        pytest.param(
            "0 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:30",
            ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"],
            id="hourly jobs go by the time that passes",
        ),
    ],
)
def test_clock_changes_neither_repeat_nor_lose_a_run(
    expression: str, zone: str, after: str, expected: list[str]
) -> None:
    assert slots(expression, zone, after, len(expected)) == expected


def test_the_last_slot_is_found_within_the_repeated_hour() -> None:
    schedule = Schedule("30 2 * * *", ZoneInfo("Europe/Berlin"))

    assert schedule.last_before(ns("2026-10-25T02:10+01:00")) == ns("2026-10-25T02:30+02:00")


def test_a_slot_has_come_at_its_very_moment() -> None:
    schedule, slot = Schedule("0 2 * * *"), ns("2026-11-22T02:00")

    assert schedule.last_by(slot) == slot
    assert schedule.last_before(slot) == ns("2026-11-21T02:00")
    assert schedule.next_after(slot) == ns("2026-11-23T02:00")
    assert schedule.last_by(slot - 1) == ns("2026-11-21T02:00")


def test_a_schedule_without_slots_has_none() -> None:
    assert Schedule("0 0 */31 * MON#2").next_after(ns("2026-11-22T00:00")) is None


def test_it_comes_from_the_settings() -> None:
    settings = Settings.build(
        base_path="/srv/media",
        areas={"uploads": "7d"},
        cleanup={"schedule": "0 3 * * *", "timezone": "Europe/Berlin"},
    )

    assert Schedule.of(settings.cleanup) == Schedule("0 3 * * *", ZoneInfo("Europe/Berlin"))


@given(
    expression=st.sampled_from(
        [
            "30 2 * * *",
            "0 2 * * *",
            "*/15 * * * *",
            "0 * * * *",
            "0 0 * * *",
            "15,45 1-3 * * *",
            "0 */4 * * *",
            "30 1 * * 0",
            "*/30 2 * * *",
            "0 0 1 * *",
            "0 3 13 * 5",
        ]
    ),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Kolkata"]),
    near=st.sampled_from(["2026-03-29T01:00", "2026-10-25T01:00", "2026-03-08T07:00", "2026-11-01T06:00"]),
    seconds=st.integers(-200_000, 200_000),
)
def test_next_and_last_are_inverse(expression: str, zone: str, near: str, seconds: int) -> None:
    schedule, moment = Schedule(expression, ZoneInfo(zone)), ns(near) + seconds * _SECOND
    following, before = schedule.next_after(moment), schedule.last_before(moment)
    assert following is not None
    assert before is not None

    assert before < moment < following
    assert schedule.last_by(moment) == schedule.last_before(following)
    assert schedule.next_after(before) in {moment, following}
