from __future__ import annotations

import pytest

from shelflife.policy.rules.times import KINDS, TIMES, Times
from shelflife.settings import AgeFrom


@pytest.mark.parametrize(
    ("age_from", "times", "time"),
    [
        ("modified", Times(5, 9, 9, 9), 5),
        ("modified", Times(9, 5, 5, 5), 9),
        ("changed", Times(5, 9, 99, 99), 9),
        ("changed", Times(9, 5, 99, 99), 9),
        ("changed", Times(-5, 9, 99, 99), 9),
        ("arrived", Times(5, 99, 99, 9), 9),
        ("arrived", Times(9, 99, 99, 5), 9),
        ("arrived", Times(5, 99, 9, None), 99),  # the birth is not recorded: never too early
        ("accessed", Times(5, 99, 9, 99), 9),
        ("accessed", Times(9, 99, 5, 99), 9),
    ],
)
def test_the_age_counts_from_the_time_that_is_named(age_from: str, times: Times, time: int) -> None:
    assert TIMES[AgeFrom(age_from)](times) == time


def test_every_way_to_count_age_is_known_to_compiled_code() -> None:
    assert set(KINDS) == set(TIMES) == set(AgeFrom)
