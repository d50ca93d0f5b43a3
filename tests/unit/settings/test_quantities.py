from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.settings.quantities import (
    LONGEST,
    format_duration,
    format_size,
    parse_duration,
    parse_retention,
    parse_size,
    whole_number,
)

_DAY = 86_400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (90, 90),
        ("90s", 90),
        ("15m", 900),
        ("24h", _DAY),
        ("7d", 7 * _DAY),
        ("7 d", 7 * _DAY),
        ("2w", 14 * _DAY),
        ("1d12h", _DAY + _DAY // 2),
        ("1w2d3h4m5s", 9 * _DAY + 3 * 3600 + 4 * 60 + 5),
        ("0h", 0),
        ("36500d", LONGEST),
    ],
)
def test_a_duration_is_a_number_of_seconds_or_has_a_unit(value: object, seconds: int) -> None:
    assert parse_duration(value) == seconds
    assert parse_retention(value) == seconds


_NO_DURATIONS: list[object] = [
    True,
    False,
    None,
    1.5,
    -2,
    "",
    "7",
    "-1",
    "-7d",
    "7 dayz",
    "7D",
    "1.5h",
    "12h1d",
    "1d1d",
    "1d 12h",
    "1d12",
    "1:30",
    "d",
    "7  d",
    "٣d",
    [],
    {},
]


@pytest.mark.parametrize("value", _NO_DURATIONS, ids=repr)
@pytest.mark.parametrize("parse", [parse_duration, parse_retention])
def test_what_is_no_duration_is_refused_with_what_is_allowed(parse: Any, value: object) -> None:
    with pytest.raises(ValueError, match=r"not a duration; allowed: .*whole seconds, or .* 24h, 7d or 1d12h"):
        parse(value)


def test_minus_one_is_a_retention_but_no_duration() -> None:
    assert parse_retention(-1) == -1
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(-1)


@pytest.mark.parametrize("value", [LONGEST + 1, "36501d", "9" * 30 + "w", 10**30])
def test_a_duration_that_would_overflow_a_date_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="too long; allowed: at most 36500d"):
        parse_retention(value)


@pytest.mark.parametrize(
    ("value", "guess"),
    [
        ("7 dayz", '(did you mean "7d"?)'),
        ("7days", '(did you mean "7d"?)'),
        ("7D", '(did you mean "7d"?)'),
        ("30 min", '(did you mean "30m"?)'),
        ("2hours", '(did you mean "2h"?)'),
        ("604800", "(did you mean 604800 without quotes?)"),
        ("-1", "(did you mean -1 without quotes?)"),
    ],
)
def test_a_refused_duration_comes_with_a_guess(value: str, guess: str) -> None:
    with pytest.raises(ValueError, match="not a duration") as caught:
        parse_retention(value)
    assert str(caught.value).endswith(guess)


@pytest.mark.parametrize("value", ["6M", "6 months", "1y", "x", "1:30", "soon"])
def test_nobody_is_told_minutes_for_months(value: str) -> None:
    with pytest.raises(ValueError, match="not a duration") as caught:
        parse_retention(value)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 0),
        (1_000_000, 1_000_000),
        ("512B", 512),
        ("5B", 5),
        ("200GB", 200 * 10**9),
        ("200 gb", 200 * 10**9),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("1GiB", 2**30),
        ("3TB", 3 * 10**12),
        ("1PiB", 2**50),
    ],
)
def test_a_size_is_a_number_of_bytes_or_has_a_unit(value: object, size: int) -> None:
    assert parse_size(value) == size


@pytest.mark.parametrize(
    "value", [True, None, -1, 1.5, "", "5", "1.5GB", "GB", "1G", "1XB", "-1GB", []], ids=repr
)
def test_what_is_no_size_is_refused_with_what_is_allowed(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a size; allowed: .* 200GB or 1GiB"):
        parse_size(value)


@pytest.mark.parametrize("size", [1, 200, 999_999])
def test_a_small_size_says_its_unit(size: int) -> None:
    with pytest.raises(
        ValueError, match=f"^{size} of what. Say the unit, such as {size}GB, or {size}B for bytes"
    ):
        parse_size(size)
    assert parse_size(f"{size}B") == size


@given(st.integers(min_value=0, max_value=LONGEST))
def test_a_written_duration_reads_as_the_same_seconds(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(min_value=0, max_value=10**18) | st.builds(pow, st.just(2), st.integers(0, 60)))
def test_a_written_size_reads_as_the_same_bytes(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.integers(min_value=0, max_value=10**6), st.sampled_from("smhdw"))
def test_units_multiply(number: int, unit: str) -> None:
    one = parse_duration(f"1{unit}")
    if number * one <= LONGEST:
        assert parse_duration(f"{number}{unit}") == number * one


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none())
def test_a_value_is_read_or_refused_and_nothing_else(value: object) -> None:
    for parse in (parse_duration, parse_retention, parse_size):
        try:
            assert type(parse(value)) is int
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "90s"), (5400, "90m"), (_DAY, "1d"), (7 * _DAY, "7d")]
)
def test_a_duration_is_written_in_its_largest_unit(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1001, "1001B"), (10**9, "1GB"), (2**30, "1GiB"), (5 * 10**12, "5TB")]
)
def test_a_size_is_written_in_its_largest_unit(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-1", -1),
        ("+5", 5),
        ("604_800", 604_800),
        ("010", None),
        ("0x1F", None),
        ("1:30", None),
        ("1.0", None),
        ("٣", None),
        ("", None),
        ("9" * 5000, None),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_only_plain_decimal_digits_are_a_number(text: str, number: int | None) -> None:
    assert whole_number(text) == number
