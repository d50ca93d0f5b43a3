"""Watermarks: when a disk counts as too full, and when that ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from shelflife.settings import checks, quantities
from shelflife.settings.entry import Loc
from shelflife.settings.section import Section, field

__all__ = ["HIGH", "LOW", "PressureSettings"]

HIGH = 90
"""Percent: the default of `high`; of inodes also where watermarks are given by room."""

LOW = 80
"""Percent: the default of `low`, likewise."""

_STEP = 10
"""Percent that `low` is below `high`, where only that is given."""

_share = checks.optional(quantities.parse_share)
_size = checks.optional(checks.positive(quantities.parse_size))


class PressureSettings(Section):
    """What is done before the disk is full: watermarks by share, by room, or both.

    A disk is too full when it is beyond any of them, and room is made until that one's other end is reached.
    """

    high: int | None = field(_share, default=HIGH)
    """Percent of a file system in use, bytes or inodes, above which room is made; None: by room only."""
    low: int | None = field(_share, default=LOW)
    """Percent below which that ends; ten below `high`, where only that is given."""
    min_free: int | None = field(_size, default=None)
    """Bytes free, below which room is made; None: by share only."""
    free_until: int | None = field(_size, default=None)
    """Bytes free, at which that ends; a quarter above `min_free`, where only that is given."""
    check_every: int = field(checks.positive(quantities.parse_duration), default=60)
    """Seconds between two looks."""

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> Iterator[tuple[Loc, object, str]]:
        """Yield what makes no watermark."""
        high, low = values.get("high", 100), values.get("low")
        if high == 0:
            yield ("high",), values["high"], "every disk is above 0%; allowed: 1% to 100%"
        elif low is not None and high is None:
            yield ("low",), low, "without high; allowed: both, or neither of them"
        elif low is not None and not 0 < low < high:
            yield ("low",), low, f"not below high, which is {high}%; allowed: 1% to {high - 1}%"
        yield from _room_faults(values)
        if high is None and values.get("min_free", 1) is None:
            reason = "no watermark; allowed: high, such as 90%, or min_free, such as 200GB, or both"
            yield (), values, reason

    @classmethod
    def completed(cls, values: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Fill in the other end of a watermark of which one end is given; `min_free` alone is no share."""
        given: dict[Any, Any] = {
            key: value for key, value in values.items() if value is not None or key == "high"
        }
        if "min_free" in given and "low" not in given:
            given.setdefault("high", None)
        with suppress(ValueError):
            if "low" not in given and "high" in given:
                high = given["high"]
                given["low"] = None if high is None else f"{max(1, quantities.parse_share(high) - _STEP)}%"
        with suppress(ValueError):
            if "min_free" in given and "free_until" not in given:
                least = quantities.parse_size(given["min_free"])
                given["free_until"] = f"{least + max(1, least // 4)}B"
        return given


def _room_faults(values: Mapping[str, Any]) -> Iterator[tuple[Loc, object, str]]:
    until = values.get("free_until")
    if until is None or "min_free" not in values:
        return
    least = values["min_free"]
    if least is None:
        yield ("free_until",), until, "without min_free; allowed: both, or neither of them"
    elif until <= least:
        shown = quantities.format_size(least)
        yield ("free_until",), until, f"not above min_free, which is {shown}; allowed: more than {shown}"
