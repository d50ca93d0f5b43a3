"""The time of day: read here and nowhere else, and its units, written down once.

Inside, a moment is an integer – nanoseconds since the epoch, as file systems keep it – and so is a duration. At
the edges it is an aware datetime in UTC. The clock is read once, where a question or a run begins, and `now` is
passed on: what decides reads no clock. (How long something takes is another matter, for `time.monotonic`.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from shelflife.errors import UsageError

SECOND: Final = 10**9
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

Clock: TypeAlias = Callable[[], int]
"""Tells the time: nanoseconds since the epoch."""

Moment: TypeAlias = int | datetime
"""A moment as callers give it: nanoseconds since the epoch, or an aware datetime."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """Return the time by the system's clock."""
    return time.time_ns()


def as_datetime(moment: int) -> datetime:
    """Return a moment as an aware datetime in UTC, to the microsecond."""
    return _EPOCH + timedelta(microseconds=moment // 1000)


def as_moment(when: Moment) -> int:
    """Return a moment that a caller gave as nanoseconds since the epoch or as a datetime, in nanoseconds.

    Raises UsageError for a datetime that does not say its time zone.
    """
    if not isinstance(when, datetime):
        return when
    if when.tzinfo is None:
        raise UsageError(f"{when.isoformat()} has no time zone; say which one, as in datetime.now(UTC)")
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000
