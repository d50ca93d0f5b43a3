from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.policy.choose import by_retention
from shelflife.policy.cutoff import Cause
from tests.unit.policy.areas import DAY, an_area

_NOW = 1_900_000_000 * 10**9


@pytest.mark.parametrize(
    ("retention", "at"),
    [
        ("7d", _NOW - 7 * DAY),
        ("24h", _NOW - DAY),
        (1, _NOW - 10**9),
        (0, _NOW),
    ],
)
def test_retention_puts_the_cutoff_that_long_before_now(retention: object, at: int) -> None:
    cutoff = by_retention(an_area(retention=retention), _NOW)
    assert cutoff is not None
    assert (cutoff.at, cutoff.cause) == (at, Cause.RETENTION)


def test_an_indefinite_area_has_no_cutoff() -> None:
    assert by_retention(an_area(retention=-1), _NOW) is None


@given(now=st.integers(0, 2**62), later=st.integers(0, 2**40), days=st.integers(0, 36_500))
def test_as_time_goes_by_a_cutoff_moves_on_by_as_much(now: int, later: int, days: int) -> None:
    area = an_area(retention=f"{days}d")
    first, second = by_retention(area, now), by_retention(area, now + later)
    assert first is not None
    assert second is not None
    assert second.at - first.at == later
