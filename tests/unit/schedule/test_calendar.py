"""Cron strings in the words of systemd and of every cron."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from shelflife.errors import UsageError
from shelflife.policy.schedule import Schedule
from shelflife.schedule.calendar import crontab_fields, on_calendar
from shelflife.settings.schedule import find_zone

_SECOND = 10**9
_NO_SYSTEMD = "systemd-analyze is not installed"

_EVENTS = [
    ("0 2 * * *", ["*-*-* 02:00:00 UTC"]),
    ("* * * * *", ["*-*-* *:*:00 UTC"]),
    ("*/15 * * * *", ["*-*-* *:00,15,30,45:00 UTC"]),
    ("5/20 0-6/2 * * *", ["*-*-* 00,02,04,06:05,25,45:00 UTC"]),
    ("0 2 * * 1-5", ["Mon,Tue,Wed,Thu,Fri *-*-* 02:00:00 UTC"]),
    ("0 2 * * 0", ["Sun *-*-* 02:00:00 UTC"]),
    ("0 2 * * 7", ["Sun *-*-* 02:00:00 UTC"]),
    ("0 2 * * 0-7", ["*-*-* 02:00:00 UTC"]),
    ("0 2 1,15 * *", ["*-*-01,15 02:00:00 UTC"]),
    ("0 2 1,15 * 1", ["*-*-01,15 02:00:00 UTC", "Mon *-*-* 02:00:00 UTC"]),
    (
        "0 2 */10 * 1",  # a field that begins with a star restricts the other one
        ["Mon *-*-01,11,21,31 02:00:00 UTC"],
    ),
    ("0 2 29 2 *", ["*-02-29 02:00:00 UTC"]),
    ("30 4 * JAN,JUL SAT", ["Sat *-01,07-* 04:30:00 UTC"]),
    ("0 2 L * *", ["*-*~01 02:00:00 UTC"]),
    ("0 2 LW * *", ["Mon,Tue,Wed,Thu,Fri *-*~01 02:00:00 UTC", "Fri *-*~02,03 02:00:00 UTC"]),
    ("0 2 * * 1#2", ["Mon *-*-08..14 02:00:00 UTC"]),
    ("0 2 * * 1#5", ["Mon *-*-29..31 02:00:00 UTC"]),
    ("0 2 * * 5L", ["Fri *-*~07/1 02:00:00 UTC"]),
    ("0 2 L * 0", ["*-*~01 02:00:00 UTC", "Sun *-*-* 02:00:00 UTC"]),
]


@pytest.mark.parametrize(("expression", "expected"), _EVENTS, ids=[name for name, _ in _EVENTS])
def test_cron_strings_become_calendar_events(expression: str, expected: list[str]) -> None:
    assert on_calendar(expression, "UTC") == expected


def test_the_time_zone_goes_along() -> None:
    assert on_calendar("30 2 * * *", "Europe/Berlin") == ["*-*-* 02:30:00 Europe/Berlin"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason=_NO_SYSTEMD)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
@pytest.mark.parametrize("expression", [expression for expression, _ in _EVENTS])
def test_systemd_agrees_on_the_next_five_slots(expression: str, zone: str) -> None:
    start = datetime(2026, 1, 31, tzinfo=UTC)
    schedule, expected = Schedule(expression, find_zone(zone)), []
    moment = int(start.timestamp()) * _SECOND
    for _ in range(5):
        slot = schedule.next_after(moment)
        assert slot is not None
        moment = slot
        expected.append(datetime.fromtimestamp(slot // _SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S"))

    found = sorted({elapse for event in on_calendar(expression, zone) for elapse in _elapses(event, start)})

    assert found[:5] == expected


def _elapses(event: str, start: datetime) -> list[str]:
    command = ["systemd-analyze", "calendar", "--iterations=6", f"--base-time={start:%Y-%m-%d %H:%M:%S} UTC"]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    output = subprocess.run([*command, event], env=environment, capture_output=True, text=True, check=True)
    # In another zone than the event's it adds the time in UTC; in UTC there is only one.
    return re.findall(r"(?:Next elapse|Iter\. #\d+|\(in UTC\)): \w+ (\S+ \S+) UTC", output.stdout)


def test_what_systemd_cannot_say_is_refused() -> None:
    with pytest.raises(UsageError, match="systemd has no way to say the days"):
        on_calendar("0 2 */2 * 1#2", "UTC")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("*/15 0-6/2 1,15 * 7", "*/15 0-6/2 1,15 * 7"),
        ("0 2 * JAN,FEB MON-WED", "0 2 * 1,2 1,2,3"),
        ("5/20 * * * SUN", "5,25,45 * * * 0"),
    ],
)
def test_crontabs_get_what_every_cron_reads(expression: str, expected: str) -> None:
    assert crontab_fields(expression) == expected
    assert on_calendar(expected, "UTC") == on_calendar(expression, "UTC")


@pytest.mark.parametrize("expression", ["0 2 L * *", "0 2 LW * *", "0 2 * * 1#2", "0 2 * * 5L"])
def test_what_cron_cannot_say_is_refused(expression: str) -> None:
    with pytest.raises(UsageError, match="cron has no way to say"):
        crontab_fields(expression)
