from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.policy.load import NOTHING, Load, before, total

_LOADS = st.builds(Load, *[st.integers(0, 9)] * 3)


def test_what_is_taken_away_leaves_nothing_below_zero() -> None:
    assert Load(5, 5, 5).less(Load(1, 5, 9)) == Load(4, 0, 0)


def test_times_as_much_counts_in_every_way() -> None:
    assert Load(1, 2, 3).times(4) == Load(4, 8, 12)


def test_an_amount_covers_a_need_only_in_every_way() -> None:
    need = Load(1, 2, 3)
    assert need.covers(need)
    assert not Load(0, 2, 3).covers(need)
    assert not Load(1, 1, 3).covers(need)
    assert not Load(1, 2, 2).covers(need)


@given(_LOADS, _LOADS)
def test_what_is_added_can_be_taken_away_again(one: Load, other: Load) -> None:
    assert one.plus(other).less(other) == one
    assert one.plus(other).covers(one)
    assert total([one, other]) == one.plus(other)


def test_nothing_adds_up_to_nothing() -> None:
    assert total([]) == NOTHING == Load(0, 0, 0)


def test_a_bucket_counts_once_it_begins_before_the_moment() -> None:
    histogram = {0: Load(1, 1, 1), 1: Load(2, 2, 2), 2: Load(4, 4, 4)}
    assert before(histogram, 0) == NOTHING
    assert before(histogram, 1) == Load(1, 1, 1)
    assert before(histogram, HOUR) == Load(1, 1, 1)
    assert before(histogram, HOUR + 1) == Load(3, 3, 3)
    assert before(histogram, 5, width=2) == Load(7, 7, 7)
