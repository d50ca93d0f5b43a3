"""Watermarks: when a file system is too full, and how much must go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.policy.load import NOTHING, Load
from shelflife.policy.watermark import RoomLevel, ShareLevel, Space, Usage, Watermark, Watermarks
from shelflife.settings import Settings

_NONE = Space(0, 0)
_GB = 10**9


def _usage(used: int, available: int) -> Usage:
    return Usage(space=Space(used, available), inodes=_NONE)


def _marks(**pressure: Any) -> Watermarks:
    found = Settings.build(base_path="/srv/storage-of-a-test", areas={"a": "1d"}, pressure=pressure).pressure
    assert found is not None
    return Watermarks.of(found)


@pytest.mark.parametrize(
    ("used", "available", "percent", "above", "excess"),
    [
        (90, 10, 90, False, 1),
        (91, 9, 90, True, 2),
        (79, 21, 80, False, 0),
        (80, 20, 80, False, 1),
        (100, 0, 80, True, 21),
        (95, 0, 80, True, 20),  # 5 of 100 are reserved for root: 75 of 95 are below 80 %
        (0, 0, 80, False, 0),  # a file system that does not count
        (0, 100, 80, False, 0),
        (1, 0, 50, True, 1),
    ],
)
def test_a_share_counts_as_df_counts_it(
    used: int, available: int, percent: int, above: bool, excess: int
) -> None:
    space, share = Space(used, available), ShareLevel(percent)
    assert (share.is_passed(space), share.excess(space)) == (above, excess)


@settings(deadline=None)  # others may be using the machine
@given(used=st.integers(0, 10**15), available=st.integers(0, 10**15), percent=st.integers(1, 99))
def test_the_excess_is_what_brings_it_below_and_not_a_byte_more(
    used: int, available: int, percent: int
) -> None:
    excess = ShareLevel(percent).excess(Space(used, available))
    whole = used + available
    if whole:
        assert (used - excess) * 100 < percent * whole or excess == used + 1 - -(-percent * whole // 100)
    if excess:
        assert (used - (excess - 1)) * 100 >= percent * whole


@pytest.mark.parametrize(
    ("used", "available", "passed", "excess"),
    [
        (940, 60, False, 0),
        (941, 59, True, 1),
        (1000, 0, True, 60),
        (40, 0, True, 60),  # there is less than that: it cannot be reached
        (0, 0, False, 0),  # a file system that does not count
    ],
)
def test_room_counts_what_is_available(used: int, available: int, passed: bool, excess: int) -> None:
    space, room = Space(used, available), RoomLevel(60)
    assert (room.is_passed(space), room.excess(space)) == (passed, excess)


def test_a_large_disk_is_full_by_room_long_after_it_would_be_by_share() -> None:
    usage = _usage(27_500 * _GB, 2_500 * _GB)
    assert _marks().are_passed(usage)
    assert not _marks(min_free="200GB").are_passed(usage)
    assert _marks(min_free="200GB").above_low(_usage(29_900 * _GB, 100 * _GB)) == Load(allocated=150 * _GB)


def test_each_watermark_is_looked_at_by_itself() -> None:
    marks = _marks(high="90%", low="50%", min_free="20GB", free_until="30GB")
    usage = _usage(85 * _GB, 15 * _GB)
    assert marks.beyond(usage) == ["below 20GB free"]
    assert marks.passed(usage).above_low(usage) == Load(allocated=15 * _GB)  # and not down to 50 %
    assert str(marks) == "above 90 % or below 20GB free"


def test_inodes_count_by_share_also_where_bytes_count_by_room() -> None:
    usage = Usage(space=Space(0, 100 * _GB), inodes=Space(95, 5))
    assert _marks(min_free="20GB").beyond(usage) == ["above 90 % of the inodes"]
    assert _marks(min_free="20GB").above_low(usage) == Load(files=16)


def test_only_what_is_above_the_high_watermark_is_brought_below_the_low_one() -> None:
    mark = Watermark(ShareLevel(90), ShareLevel(80))
    marks = Watermarks(space=(mark,), inodes=(mark,))
    usage = Usage(space=Space(95, 5), inodes=Space(85, 15))
    assert marks.passed(usage).above_low(usage) == Load(allocated=16)
    assert marks.above_low(usage) == Load(files=6, allocated=16)


@pytest.mark.parametrize(
    ("pressure", "used"),
    [({}, 900), ({"min_free": "300B", "free_until": "400B"}, 700), ({"high": "80%", "min_free": "1B"}, 800)],
)
def test_the_forecast_knows_where_the_first_of_them_is(pressure: dict[str, str], used: int) -> None:
    assert _marks(**pressure).high_at(Space(600, 400)) == used


@pytest.mark.parametrize(
    ("now", "released", "needed"),
    [
        (_usage(100, 0), 0, 21),
        (_usage(79, 21), 0, 0),  # somebody else made room
        (_usage(90, 10), 10, 11),
        (_usage(100, 0), 21, 0),  # released, and it does not show yet
        (_usage(100, 0), 10, 11),
        (_usage(95, 5), 10, 11),  # somebody wrote 5 meanwhile: that is for the next look
    ],
)
def test_what_was_released_counts_whether_it_shows_or_not(now: Usage, released: int, needed: int) -> None:
    marks = Watermarks(space=(Watermark(ShareLevel(90), ShareLevel(80)),), inodes=())
    start = Load(allocated=100)
    assert marks.still_needed(start, now, Load(allocated=released)) == Load(allocated=needed)
    assert marks.only(Load(files=3)) == NOTHING
