"""When the scheduled cleanup runs: cron strings and time zones, checked when the settings are read."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, tzinfo

from cronsim import CronSim, CronSimError

from shelflife.formats import counted
from shelflife.settings.spelling import did_you_mean

__all__ = ["check_cron", "check_zone", "find_zone"]

_RULE = 'allowed: five fields, minute hour day-of-month month day-of-week, such as "0 2 * * *"'
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def check_cron(text: str) -> str:
    """Return a cron string with single spaces; `ValueError` says why it is none, or why it never comes."""
    fields = text.split()
    if len(fields) != 5:  # cronsim takes a sixth, seconds, which no cron knows
        raise ValueError(f"not a cron schedule, it has {counted(len(fields), 'field', 'fields')}; {_RULE}")
    fault = _fault(fields)
    if fault is None:
        return " ".join(fields)
    if _fault([*fields[:3], "*", fields[4]]) is None and _fault(["0", "0", "1", fields[3], "*"]) is None:
        raise ValueError(f"never runs: no such day in that month; {_RULE}")
    raise ValueError(f"not a cron schedule, {fault}; {_RULE}")


def _fault(fields: list[str]) -> str | None:
    try:
        CronSim(" ".join(fields), _SOME_DAY)
    except CronSimError as error:
        return str(error).lower()
    return None


def check_zone(name: str) -> str:
    """Return the name of a time zone; `ValueError` when there is none of that name."""
    find_zone(name)
    return name


def find_zone(name: str) -> tzinfo:
    """Return the time zone of a name of the IANA data base; `ValueError` when there is none.

    ``UTC`` needs no data base, which slim images lack.
    """
    if name == "UTC":
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: "Europe" is a directory
        guess = did_you_mean(name, zoneinfo.available_timezones())
        raise ValueError(f"not a time zone; allowed: names such as UTC or Europe/Berlin{guess}") from error
