"""Watermarks: how much must go, and where from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.policy.area import Area, areas_of
from shelflife.policy.choose import by_retention
from shelflife.policy.cutoff import Cause
from shelflife.policy.load import NOTHING, Load, total
from shelflife.policy.pressure import (
    Candidate,
    Relief,
    Space,
    Usage,
    choose_cutoffs,
    still_needed,
    what_fills,
)
from shelflife.settings import Settings
from tests.unit.policy.histograms import FILES, NOW, Disk, File

_NONE = Space(0, 0)


def _usage(used: int, available: int) -> Usage:
    return Usage(space=Space(used, available), inodes=_NONE)


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
    space = Space(used, available)
    assert (space.above(percent), space.excess(percent)) == (above, excess)


@settings(deadline=None)  # others may be using the machine
@given(used=st.integers(0, 10**15), available=st.integers(0, 10**15), percent=st.integers(1, 99))
def test_the_excess_is_what_brings_it_below_and_not_a_byte_more(
    used: int, available: int, percent: int
) -> None:
    space = Space(used, available)
    excess = space.excess(percent)
    whole = used + available
    if whole:
        assert (used - excess) * 100 < percent * whole or excess == used + 1 - -(-percent * whole // 100)
    if excess:
        assert (used - (excess - 1)) * 100 >= percent * whole


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
    assert still_needed(_usage(100, 0), now, Load(allocated=released), 80) == Load(allocated=needed)


def test_only_what_is_above_the_high_watermark_is_brought_below_the_low_one() -> None:
    usage = Usage(space=Space(95, 5), inodes=Space(85, 15))
    assert usage.pressing(90).excess(80) == Load(allocated=16)
    assert usage.excess(80) == Load(files=6, allocated=16)


# -- which areas give


def _areas(**areas: object) -> list[Area]:
    return list(areas_of(Settings.build(base_path="/srv/storage-of-a-test", areas=areas)).values())


def _candidate(area: Area, files: list[File]) -> Candidate:
    disk = Disk(files)
    retention = by_retention(area, NOW)
    expired = disk.load(before=retention.at) if retention else NOTHING
    histogram = total_before(disk, NOW - area.min_age)
    return Candidate(area=area, expired=expired, histogram=histogram, measure=disk.measure)


def total_before(disk: Disk, latest: int) -> dict[int, Load]:
    return disk.measure(-(2**63), latest, HOUR)


def _choose(
    candidates: list[Candidate], used: int, *, trash: int = 0, high: int = 90, low: int = 80
) -> Relief:
    return choose_cutoffs(
        candidates,
        _usage(used, 1000 - used),
        trash=Load(1, trash, trash),
        high=high,
        low=low,
        now=NOW,
    )


def _hourly(count: int, size: int = 10, *, from_hours: int = 30) -> list[File]:
    return [File(NOW - (from_hours + count - number) * HOUR, size) for number in range(count)]


def test_the_trash_alone_may_be_enough() -> None:
    (area,) = _areas(a={"retention": "1d", "priority": 1})
    assert _choose([_candidate(area, _hourly(50))], 950, trash=200) == Relief(cutoffs=(), is_enough=True)


def test_expired_files_go_before_anything_unexpired() -> None:
    first, second = _areas(a={"retention": "30d", "priority": 1}, b={"retention": "1d"})
    relief = _choose([_candidate(first, _hourly(50)), _candidate(second, _hourly(50))], 950)
    assert [(name, cutoff.cause) for name, cutoff in relief.cutoffs] == [("b", Cause.RETENTION)]
    assert relief.is_enough


def test_areas_give_in_the_order_of_their_priorities() -> None:
    areas = _areas(
        c={"retention": "30d", "priority": 3},
        a={"retention": "30d", "priority": 1},
        none={"retention": "30d"},
        b={"retention": "30d", "priority": 2},
    )
    candidates = [_candidate(area, _hourly(10)) for area in areas]
    relief = _choose(candidates, 950)
    assert [name for name, _ in relief.cutoffs] == ["a", "b"]
    (_, first), (_, second) = relief.cutoffs
    disk = Disk(_hourly(10))
    assert disk.load(before=first.at).files == 10
    assert disk.load(before=second.at).files == 6  # 151 are needed: 16 files


def test_where_everything_would_not_do_nothing_unexpired_goes() -> None:
    first, second = _areas(a={"retention": "30d", "priority": 1}, b={"retention": "1d"})
    relief = _choose([_candidate(first, _hourly(3)), _candidate(second, _hourly(1))], 950)
    assert [name for name, _ in relief.cutoffs] == ["b"]
    assert relief.is_hopeless


def test_where_everything_does_for_the_high_watermark_only_it_goes() -> None:
    (area,) = _areas(a={"retention": "30d", "priority": 1})
    relief = _choose([_candidate(area, _hourly(10))], 950)
    assert (relief.is_enough, relief.is_hopeless, len(relief.cutoffs)) == (False, False, 1)


_AREA_SETS = st.lists(
    st.fixed_dictionaries(
        {
            "retention": st.sampled_from(["20h", "40h", -1]),
            "priority": st.none() | st.integers(0, 3),
            "min_age": st.sampled_from(["1h", "10h", "30h"]),
        }
    ).map(lambda area: {"retention": -1} if area["retention"] == -1 else area),
    min_size=1,
    max_size=3,
)


@settings(deadline=None)  # others may be using the machine
@given(
    areas=_AREA_SETS,
    files=st.lists(FILES, min_size=3, max_size=3),
    used=st.integers(0, 400),
    trash=st.integers(0, 50),
)
def test_priority_minimum_age_and_indefinite_areas_are_never_violated(
    areas: list[dict[str, object]], files: list[list[File]], used: int, trash: int
) -> None:
    made = _areas(**{f"a{number}": area for number, area in enumerate(areas)})
    candidates = [_candidate(area, found) for area, found in zip(made, files, strict=False)]
    usage = _usage(used, 400 - used)
    relief = choose_cutoffs(candidates, usage, trash=Load(1, trash, trash), high=60, low=30, now=NOW)
    by_name = {candidate.area.name: candidate for candidate in candidates}
    for name, cutoff in relief.cutoffs:
        area = by_name[name].area
        retention = by_retention(area, NOW)
        assert retention is not None
        if cutoff.cause is Cause.RETENTION:
            assert cutoff == retention
        else:
            assert area.priority is not None
            assert retention.at < cutoff.at <= NOW - area.min_age
    pressed = [
        by_name[name].area.priority or 0 for name, cutoff in relief.cutoffs if cutoff.cause is Cause.PRESSURE
    ]
    assert pressed == sorted(pressed)
    # An area gives only when those before it have given all that they may.
    for name, cutoff in [one for one in relief.cutoffs if one[1].cause is Cause.PRESSURE][:-1]:
        assert cutoff.at == NOW - by_name[name].area.min_age


@settings(deadline=None)  # others may be using the machine
@given(files=FILES, used=st.integers(0, 400), more=st.integers(0, 100))
def test_a_fuller_disk_never_frees_less_while_it_can_be_helped(
    files: list[File], used: int, more: int
) -> None:
    (area,) = _areas(a={"retention": "40h", "priority": 1, "min_age": "5h"})
    disk = Disk(files)
    freed = []
    for amount in (used, used + more):
        usage = _usage(amount, 500 - amount)
        relief = choose_cutoffs([_candidate(area, files)], usage, trash=NOTHING, high=30, low=20, now=NOW)
        if relief.is_hopeless:
            return
        freed.append(total(disk.load(before=cutoff.at) for _, cutoff in relief.cutoffs))
    assert freed[1].covers(freed[0])


def test_what_fills_a_disk_is_told_in_words_the_largest_share_first() -> None:
    frames, outputs = _areas(frames={"retention": "30d"}, outputs=-1)
    assert what_fills(_usage(1000, 0), [(frames, Load(1, 5, 5)), (outputs, Load(1, 150, 150))]) == [
        "84 % of the used space is outside the storage",
        "15 % of the used space is in outputs, kept indefinitely",
    ]
