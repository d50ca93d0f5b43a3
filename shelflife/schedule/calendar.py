"""Cron strings, as other programs write them: `OnCalendar=` of systemd, and the crontab of every cron.

What is read is cronsim's understanding of a string, not its text: so names, steps, 7 for Sunday and the
rules about the two day fields mean the same in the service, in systemd and in cron. Cron's *or* of the two
day fields becomes two calendar lines; what a string can say and the other side cannot is a `UsageError`.

Around clock changes systemd differs: it runs 02:30 in the hour that comes twice at its own choice, and not at
all on a day without that hour. In UTC there is no such day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cronsim import CronSim

from shelflife.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_DAY_NAMES: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_ALL_DAYS: Final = frozenset(range(1, 32))
_ALL_WEEKDAYS: Final = frozenset(range(7))
_LAST: Final = CronSim.LAST
_LAST_WEEKDAY: Final = CronSim.LAST_WEEKDAY
_PLAIN: Final = re.compile(r"(\*|\d+-\d+)(/\d+)?|\d+")
"""A term that every cron reads alike: names, steps from a single number, and L are not in all of them."""


def on_calendar(expression: str, zone: str) -> list[str]:
    """Return the calendar events of systemd that together are a cron string in a time zone.

    Raises UsageError for a combination of day fields that systemd cannot express.
    """
    cron = _parsed(expression)
    months = _numbers(cron.months, 1, 12)
    time = f"{_numbers(cron.hours, 0, 23)}:{_numbers(cron.minutes, 0, 59)}:00"
    return [
        " ".join([*([weekdays] if weekdays else []), f"*-{months}{days}", time, zone])
        for weekdays, days in _days(cron, expression)
    ]


def crontab_fields(expression: str) -> str:
    """Return a cron string in the plain form that every cron reads. Raises UsageError where it has none."""
    cron = _parsed(expression)
    weekdays = {day if isinstance(day, tuple) else day % 7 for day in cron.weekdays}
    values: list[Collection[object]] = [cron.minutes, cron.hours, cron.days, cron.months, weekdays]
    return " ".join(
        _plain_field(text, value, expression) for text, value in zip(expression.split(), values, strict=True)
    )


def _parsed(expression: str) -> CronSim:
    return CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))


def _plain_field(text: str, values: Collection[object], expression: str) -> str:
    if all(_PLAIN.fullmatch(term) for term in text.split(",")):
        return text
    numbers = sorted(value for value in values if isinstance(value, int) and value >= 0)
    if len(numbers) < len(values):
        raise UsageError(f"cron has no way to say {text} of the schedule {expression}; use `units systemd`")
    return ",".join(map(str, numbers))


# -- days, as pairs of weekdays ("" for all) and the end of the date: "-01,15", or "~01" from the month's end


def _days(cron: CronSim, expression: str) -> list[tuple[str, str]]:
    by_date = list(_by_date(cron))
    by_weekday = list(_by_weekday(cron))
    if not cron.day_and:
        return by_date + by_weekday
    if set(cron.days) == _ALL_DAYS:
        return by_weekday
    if {day % 7 for day in cron.weekdays if isinstance(day, int)} == _ALL_WEEKDAYS:
        return by_date
    if len(by_date) == len(by_weekday) == 1 and not by_date[0][0] and by_weekday[0][1] == "-*":
        return [(by_weekday[0][0], by_date[0][1])]
    raise UsageError(f"systemd has no way to say the days of the schedule {expression}; use `units cron`")


def _by_date(cron: CronSim) -> Iterator[tuple[str, str]]:
    """The days that the day-of-month field names."""
    if numbers := {day for day in cron.days if day > 0}:
        yield "", f"-{_numbers(numbers, 1, 31)}"
    if _LAST in cron.days:
        yield "", "~01"
    if _LAST_WEEKDAY in cron.days:  # the last day unless that is a Saturday or Sunday; else the Friday before
        yield "Mon,Tue,Wed,Thu,Fri", "~01"
        yield "Fri", "~02,03"


def _by_weekday(cron: CronSim) -> Iterator[tuple[str, str]]:
    """The days that the day-of-week field names."""
    if plain := {day % 7 for day in cron.weekdays if isinstance(day, int)}:
        yield _weekdays(plain), "-*"
    for day, which in sorted(day for day in cron.weekdays if isinstance(day, tuple)):
        name = _DAY_NAMES[day % 7]
        if which == _LAST:
            yield name, "~07/1"
        else:
            yield name, f"-{7 * which - 6:02}..{min(7 * which, 31):02}"


def _weekdays(days: Collection[int]) -> str:
    return "" if len(days) == 7 else ",".join(_DAY_NAMES[day] for day in sorted(days))


def _numbers(values: Collection[int], first: int, last: int) -> str:
    if len(values) == last - first + 1:
        return "*"
    return ",".join(f"{value:02}" for value in sorted(values))
