"""Numbers as people write them: durations (``24h``) in seconds, sizes (``200GB``) in bytes.

A plain number is an `int`, never text, so that a value in quotes by accident is seen; and a `bool` is no
number. Only whole numbers: ``1.5h`` is ``90m``, and nobody has to guess how it is rounded. One unit each:
``1d12h`` is ``36h``. The functions raise `ValueError` with a reason that says what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from shelflife.clock import SECOND
from shelflife.errors import UsageError
from shelflife.settings.spelling import closest

__all__ = [
    "INDEFINITE",
    "LONGEST",
    "change_of",
    "format_duration",
    "format_size",
    "moment_of",
    "parse_duration",
    "parse_retention",
    "parse_share",
    "parse_size",
    "whole_number",
]

INDEFINITE = -1
"""The retention of an area whose files are kept indefinitely."""

_DURATIONS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZES = {
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("kMGTP", start=1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGTP", start=1)},
}
_SIZES_ANY_CASE = {unit.lower(): size for unit, size in _SIZES.items()}

_WORDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "wk", "week", "weeks"), "w"),
}

LONGEST = 36_500 * _DURATIONS["d"]
"""The longest duration in seconds, a hundred years: longer ones overflow dates and mean "indefinitely"."""

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]{0,30})")
_MEASURE = re.compile(r"([0-9]{1,30}) ?([A-Za-z]+)")
_COMPOUND = re.compile("".join(rf"(?:([0-9]{{1,30}}){unit})?" for unit in reversed(_DURATIONS)))

_SHARE = re.compile(r"([0-9]{1,3}) ?%")

_DURATION_RULE = "whole seconds, or a whole number with s, m, h, d or w, such as 24h, 7d or 1d12h"
_SIZE_RULE = "a whole number with a unit, such as 200GB or 1GiB, or whole bytes from 1000000 on"

_NO_TIME = "not a time; allowed: 2026-12-24, 2026-12-24T18:00Z"

_LEAST_BARE_SIZE = 10**6
"""Bytes that may be written without a unit."""


def parse_duration(value: object) -> int:
    """Return the seconds of ``90``, ``"90s"``, ``"24h"``, ``"7d"``, ``"2w"`` or ``"1d12h"``: 0 to `LONGEST`."""
    seconds = _measured(value, _DURATIONS)
    if seconds is None or seconds < 0:
        raise ValueError(f"not a duration; allowed: {_DURATION_RULE}{_meant(value)}")
    return _bounded(seconds, "")


def parse_retention(value: object) -> int:
    """Return the seconds of a duration, or `INDEFINITE` for ``-1``."""
    if value == INDEFINITE and isinstance(value, int):
        return INDEFINITE
    seconds = _measured(value, _DURATIONS)
    if seconds is None or seconds < 0:
        raise ValueError(f"not a duration; allowed: -1 (indefinitely), {_DURATION_RULE}{_meant(value)}")
    return _bounded(seconds, "; -1 keeps files indefinitely")


def parse_size(value: object) -> int:
    """Return the bytes of ``"200GB"`` (powers of 1000), ``"1GiB"`` (powers of 1024), ``10000000``; in any case.

    A small number without a unit is refused: ``200`` is typed for ``200GB``, and means 200 bytes.
    """
    size = _measured(value, _SIZES_ANY_CASE)
    if size is None or size < 0:
        raise ValueError(f"not a size; allowed: {_SIZE_RULE}{_unquoted(value)}")
    if isinstance(value, int) and 0 < size < _LEAST_BARE_SIZE:
        raise ValueError(f"{size} of what? Say the unit, such as {size}GB, or {size}B for bytes")
    return size


def parse_share(value: object) -> int:
    """Return the percent of ``"50%"``: 0 to 100."""
    found = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) > 100:
        raise ValueError("not a share; allowed: 0% to 100%, such as 50%")
    return int(found[1])


def format_duration(seconds: int) -> str:
    """Return the shortest spelling that `parse_duration` reads back: ``7d`` for 604800."""
    return _spelled(seconds, {unit: size for unit, size in _DURATIONS.items() if unit != "w"})


def format_size(size: int) -> str:
    """Return the shortest spelling that `parse_size` reads back: ``200GB``, ``1GiB``, ``1001B``."""
    return _spelled(size, _SIZES)


def whole_number(text: str) -> int | None:
    """Return the number that plain decimal digits mean, else None.

    None also for what YAML 1.1 takes for other bases: ``010`` (8), ``0x1F`` and ``1:30`` (90).
    """
    return int(text.replace("_", "")) if _WHOLE.fullmatch(text) else None


def _measured(value: object, units: Mapping[str, int]) -> int | None:
    if isinstance(value, str) and units is _DURATIONS and (compound := _COMPOUND.fullmatch(value)):
        sizes = reversed(_DURATIONS.values())
        parts = [int(number) * size for number, size in zip(compound.groups(), sizes, strict=True) if number]
        return sum(parts) if parts else None
    if isinstance(value, str):
        found = _MEASURE.fullmatch(value)
        unit = found and units.get(found[2] if units is _DURATIONS else found[2].lower())
        return int(found[1]) * unit if found and unit else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _bounded(seconds: int, otherwise: str) -> int:
    if seconds > LONGEST:
        raise ValueError(f"too long; allowed: at most {format_duration(LONGEST)}{otherwise}")
    return seconds


def _meant(value: object) -> str:
    """What was probably meant by a bad duration: ``7 dayz`` is ``7d``. ``6M`` may mean months: no guess."""
    found = _MEASURE.fullmatch(value) if isinstance(value, str) else None
    word = closest(found[2], _WORDS, cutoff=0.7) if found and found[2] != "M" else None
    return f' (did you mean "{found[1]}{_WORDS[word]}"?)' if found and word else _unquoted(value)


def _unquoted(value: object) -> str:
    is_number = isinstance(value, str) and whole_number(value) is not None
    return f" (did you mean {value} without quotes?)" if is_number else ""


def _spelled(number: int, units: Mapping[str, int]) -> str:
    fitting = [unit for unit, size in units.items() if number % size == 0 and number >= size]
    unit = max(fitting, key=units.__getitem__, default=next(iter(units)))
    return f"{number // units[unit]}{unit}"


def moment_of(text: str, now: int, *, name: str) -> int:
    """Return the moment (ns) that `2026-12-24T18:00+01:00` (UTC without an offset) or `+2d` (from `now`) means.

    Raises UsageError, which says what `name` was given.
    """
    if text.startswith("+"):
        try:
            return now + parse_duration(text[1:]) * SECOND
        except ValueError as error:
            raise UsageError(f'{name} "{text}": after +, {error}') from None
    if (moment := _absolute(text)) is not None:
        return moment
    meant = f' (did you mean "+{text}"?)' if text[:1].isdecimal() and text[-1:] in "smhdw" else ""
    raise UsageError(f'{name} "{text}": {_NO_TIME}, or +2d for two days from now{meant}')


def past_moment_of(text: str, now: int, *, name: str) -> int:
    """Return the moment (ns) that `2026-12-24T18:00+01:00` (UTC without an offset) or `7d` (before `now`) means.

    Raises UsageError, which says what `name` was given.
    """
    if text[:1].isdecimal() and text[-1:].isalpha() and _absolute(text) is None:
        try:
            return now - parse_duration(text) * SECOND
        except ValueError as error:
            raise UsageError(f'{name} "{text}": {error}') from None
    if (moment := _absolute(text)) is not None:
        return moment
    raise UsageError(f'{name} "{text}": {_NO_TIME}, or 7d for seven days ago')


def _absolute(text: str) -> int | None:
    """Return the moment (ns) that an ISO 8601 date or time means; None when it is none."""
    try:
        when = datetime.fromisoformat(text)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return int(when.timestamp()) * SECOND
    except (ValueError, OverflowError):
        return None


def change_of(text: str) -> tuple[str, object]:
    """Return key and value of `uploads.retention=3d`; the value as a configuration file would have it.

    Raises UsageError.
    """
    key, sign, value = text.partition("=")
    if not sign or not key or not value:
        raise UsageError(f'"{text}" is not a change; allowed: AREA.KEY=VALUE, such as uploads.retention=3d')
    if value == "null":
        return key, None
    number = whole_number(value)
    return key, value if number is None else number
