"""Watermarks: when a file system is too full, and how much must go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.policy.load import NOTHING, Load
from shelflife.policy.watermark import RoomLevel, ShareLevel, Sight, Space, Usage, Watermark, Watermarks
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


@pytest.mark.parametrize(
    ("used", "available", "share"), [(0, 0, 0.0), (1, 3, 25.0), (0, 5, 0.0), (5, 0, 100.0), (2, 1, 200 / 3)]
)
def test_a_share_is_told_in_percent(used: int, available: int, share: float) -> None:
    assert Space(used, available).share == pytest.approx(share)


def test_a_file_system_is_as_full_as_the_fuller_of_its_bytes_and_inodes() -> None:
    few, many = Space(1, 9), Space(7, 3)
    assert Usage(space=few, inodes=many).share == Usage(space=many, inodes=few).share == 70.0
    assert Usage(space=few, inodes=_NONE).share == 10.0


def test_only_what_has_fallen_with_and_without_our_own_records_has_fallen() -> None:
    before = Usage(space=Space(100, 0), inodes=Space(10, 0), records=Load(files=2, allocated=30)).sight
    after = Usage(space=Space(60, 40), inodes=Space(7, 3), records=Load(files=1, allocated=20)).sight
    assert before == Sight(Load(files=10, allocated=100), Load(files=8, allocated=70))
    assert before.fall_to(after) == Load(files=2, allocated=30)
    grown = Usage(space=Space(60, 40), inodes=Space(7, 3), records=Load(files=4, allocated=40)).sight
    assert before.fall_to(grown) == Load(files=3, allocated=40)
    assert after.fall_to(before) == NOTHING


def test_the_higher_of_two_sights_is_so_in_each_way() -> None:
    one = Sight(Load(files=1, allocated=40), Load(files=3, allocated=20))
    other = Sight(Load(files=2, allocated=30), Load(files=2, allocated=10))
    higher = Sight(Load(files=2, allocated=40), Load(files=3, allocated=20))
    assert one.or_higher(other) == other.or_higher(one) == higher


def test_the_highest_need_of_several_watermarks_counts() -> None:
    marks = _marks(high="90%", low="80%", min_free="2GB", free_until="4GB")
    usage = Usage(space=Space(19 * _GB, 1 * _GB), inodes=Space(95, 5))
    assert marks.above_low(usage) == Load(files=16, allocated=3 * _GB + 1)
    assert marks.above_high(usage) == Load(files=6, allocated=1 * _GB + 1)
    small = Usage(space=Space(4 * _GB, 1 * _GB), inodes=Space(95, 5))
    assert marks.above_low(small).allocated == 3 * _GB
    assert marks.above_high(small).allocated == 1 * _GB
    calm = Usage(space=Space(1 * _GB, 99 * _GB), inodes=Space(5, 95))
    assert marks.above_low(calm) == marks.above_high(calm) == NOTHING


def test_what_no_watermark_is_about_needs_nothing() -> None:
    none = Watermarks(space=(), inodes=())
    full = Usage(space=Space(100, 0), inodes=Space(100, 0))
    assert none.above_low(full) == none.above_high(full) == none.only(Load(1, 2, 3)) == NOTHING
    assert not none.any
    assert none.high_at(full.space) == 100


def test_of_a_load_counts_what_the_watermarks_are_about() -> None:
    bytes_only = Watermarks(space=(Watermark(ShareLevel(90), ShareLevel(80)),), inodes=())
    inodes_only = Watermarks(space=(), inodes=(Watermark(ShareLevel(90), ShareLevel(80)),))
    assert bytes_only.only(Load(1, 2, 3)) == Load(files=0, allocated=3)
    assert inodes_only.only(Load(1, 2, 3)) == Load(files=1, allocated=0)
