from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.files.hours import (
    files_before,
    first_moment,
    less_hours,
    pack_hours,
    sum_of_hours,
    sum_of_packed,
    unpack_hours,
)
from shelflife.policy.load import Load

_LOADS = st.builds(Load, st.integers(1, 2**40), st.integers(0, 2**40), st.integers(0, 2**40))
_HISTOGRAMS = st.dictionaries(st.integers(-(2**63) // HOUR, 2**63 // HOUR), _LOADS, max_size=6)
_CLOSE = st.dictionaries(st.integers(0, 5), _LOADS)


@given(_HISTOGRAMS)
def test_a_histogram_is_unpacked_as_it_was_packed(hours: dict[int, Load]) -> None:
    assert unpack_hours(pack_hours(hours)) == hours


@given(st.lists(_CLOSE))
def test_packed_or_not_histograms_have_the_same_sum(histograms: list[dict[int, Load]]) -> None:
    packed = map(pack_hours, histograms)
    assert sum_of_packed(packed) == sum_of_hours(histograms)


@given(_CLOSE, _CLOSE)
def test_what_is_taken_from_a_sum_leaves_the_rest(one: dict[int, Load], other: dict[int, Load]) -> None:
    both = pack_hours(sum_of_hours((one, other)))
    assert unpack_hours(less_hours(both, pack_hours(other))) == one


@given(_CLOSE, st.integers(-1, 7))
def test_the_files_before_an_hour_are_those_of_earlier_hours(hours: dict[int, Load], hour: int) -> None:
    expected = sum(load.files for at, load in hours.items() if at < hour)
    assert files_before(pack_hours(hours), hour) == expected


@given(_CLOSE)
def test_the_first_moment_is_where_the_first_hour_begins(hours: dict[int, Load]) -> None:
    assert first_moment(pack_hours(hours)) == (min(hours) * HOUR if hours else None)
