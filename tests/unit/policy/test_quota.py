"""Cutoffs that an amount decides: quotas, and the search that they and a full disk share."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.policy.area import Area
from shelflife.policy.choose import Reach, Stock, by_quota, by_retention, expired_first, limited, oldest_first
from shelflife.policy.cutoff import BEGINNING, Cause, Cutoff, Cutoffs
from shelflife.policy.load import NOTHING, Load
from tests.unit.policy.areas import DAY, an_area
from tests.unit.policy.histograms import FILES, NOW, Disk, File

_NEEDS = st.builds(Load, st.integers(0, 45), st.integers(0, 200), st.just(0))
_LATEST = st.integers(NOW - 60 * HOUR, NOW + HOUR)


def _stock(disk: Disk) -> dict[int, Stock]:
    return {0: Stock(disk.hours(), disk.measure)}


def _quota_cutoff(area: Area, disk: Disk) -> tuple[int, Cause]:
    cutoff = by_quota(area, NOW, disk.load(), _stock(disk)).own
    assert cutoff is not None
    return cutoff.at, cutoff.cause


_TEN = [File(NOW - (20 - number) * HOUR + number, 10) for number in range(10)]  # the oldest first


@pytest.mark.parametrize(
    ("bounds", "gone"),
    [
        ({"quota": "100B"}, 0),
        ({"quota": "99B"}, 1),
        ({"quota": "90B"}, 1),
        ({"quota": "50B"}, 5),
        ({"quota": "1B"}, 10),
        ({"max_files": 10}, 0),
        ({"max_files": 4}, 6),
        ({"max_files": 4, "quota": "90B"}, 6),
        ({"max_files": 9, "quota": "20B"}, 8),
        ({"quota": "1B", "min_age": "15h"}, 5),  # the others are younger
        ({"quota": "1B", "retention": "12h", "min_age": "15h"}, 8),  # what is expired goes all the same
    ],
)
def test_a_quota_lets_the_oldest_go_and_no_more_than_it_must(bounds: dict[str, object], gone: int) -> None:
    area = an_area(**{"min_age": 0} | bounds)
    at, _ = _quota_cutoff(area, Disk(_TEN))
    assert sum(file.time < at for file in _TEN) == gone


def test_the_cause_is_what_decided() -> None:
    assert _quota_cutoff(an_area(quota="100B", min_age=0), Disk(_TEN))[1] is Cause.RETENTION
    assert _quota_cutoff(an_area(quota="50B", min_age=0), Disk(_TEN))[1] is Cause.QUOTA
    assert _quota_cutoff(an_area(quota="50B", min_age=0, retention="1h"), Disk(_TEN))[1] is Cause.RETENTION


def test_an_area_that_is_indefinite_has_no_cutoff() -> None:
    assert not by_quota(an_area(retention=-1), NOW, Load(9, 9, 9), {})


def test_what_cannot_go_counts_but_is_not_gone_for() -> None:
    """Protected files fill a quota; the others make room for them."""
    disk = Disk(_TEN)
    cutoff = by_quota(an_area(quota="100B", min_age=0), NOW, Load(12, 130, 130), _stock(disk)).own
    assert cutoff is not None
    assert disk.load(before=cutoff.at) == Load(3, 30, 30)


def test_where_nothing_is_needed_nothing_goes() -> None:
    disk = Disk(_TEN)
    reach = oldest_first(disk.hours(), NOTHING, latest=NOW, measure=disk.measure)
    assert reach == Reach(at=BEGINNING, load=NOTHING, is_enough=True)


def test_files_of_one_moment_stand_or_fall_together() -> None:
    disk = Disk([File(NOW - 5 * DAY, 10)] * 5)
    at, _ = _quota_cutoff(an_area(quota="45B"), disk)
    assert at == NOW - 5 * DAY + 1


def test_an_index_that_knows_of_more_than_there_is_does_not_mislead() -> None:
    disk = Disk(_TEN)
    stale = {hour: Load(load.files + 3, load.bytes + 30) for hour, load in disk.hours().items()}
    reach = oldest_first(stale, Load(bytes=100), latest=NOW, measure=disk.measure)
    assert reach.load.bytes <= 130


def test_many_files_of_one_hour_are_told_apart_by_the_second_first() -> None:
    hour = NOW // HOUR
    files = [File(hour * HOUR + number * 10**6, 1) for number in range(3000)]
    disk = Disk(files)
    widths = []

    def measure(start: int, end: int, width: int) -> dict[int, Load]:
        widths.append(width)
        return disk.measure(start, end, width)

    many = {hour: Load(200_000, 3000, 3000)}
    reach = oldest_first(many, Load(bytes=1234), latest=2**62, measure=measure)
    assert (reach.at, reach.load.bytes) == (files[1233].time + 1, 1234)
    assert widths == [10**9, 1]


@settings(deadline=None)  # others may be using the machine
@given(files=FILES, need=_NEEDS, latest=_LATEST)
def test_the_search_frees_what_is_needed_or_all_that_may_go(
    files: list[File], need: Load, latest: int
) -> None:
    disk = Disk(files)
    reach = oldest_first(disk.hours(), need, latest=latest, measure=disk.measure)
    assert reach.at <= max(latest, BEGINNING)
    if need == NOTHING:
        assert disk.load(before=reach.at) == NOTHING
    elif disk.load(before=latest).covers(need):
        assert reach.is_enough
        assert reach.load == disk.load(before=reach.at)
        last = max(file.time for file in files if file.time < reach.at)
        assert not disk.load(before=last).covers(need)  # one moment less would not do
    else:
        assert (reach.is_enough, reach.at) == (False, latest)


@settings(deadline=None)  # others may be using the machine
@given(files=FILES, need=_NEEDS, more=_NEEDS, latest=_LATEST)
def test_more_need_never_frees_less(files: list[File], need: Load, more: Load, latest: int) -> None:
    disk = Disk(files)
    first = oldest_first(disk.hours(), need, latest=latest, measure=disk.measure)
    second = oldest_first(disk.hours(), need.plus(more), latest=latest, measure=disk.measure)
    assert disk.load(before=second.at).covers(disk.load(before=first.at))


@settings(deadline=None)  # others may be using the machine
@given(files=FILES, quota=st.integers(1, 200), less=st.integers(0, 100), hours=st.integers(0, 60))
def test_a_lower_quota_never_keeps_more_and_nothing_too_young_goes(
    files: list[File], quota: int, less: int, hours: int
) -> None:
    disk = Disk(files)
    high, low = (
        an_area(quota=f"{max(1, bytes_)}B", min_age=f"{hours}h", retention="30d")
        for bytes_ in (quota, quota - less)
    )
    first, second = _quota_cutoff(high, disk)[0], _quota_cutoff(low, disk)[0]
    assert second >= first
    retention = by_retention(high, NOW)
    assert retention is not None
    assert second <= max(retention.at, NOW - hours * HOUR)


# -- of several classes

_OWN = Disk([File(NOW - days * DAY, 10) for days in (10, 9, 5)])
_MOVIES = Disk([File(NOW - days * DAY, 10) for days in (20, 3)])
_STOCKS = _stock(_OWN) | {1: Stock(_MOVIES.hours(), _MOVIES.measure)}
_RETENTION = Cutoffs(
    (
        Cutoff(at=NOW - 7 * DAY, cause=Cause.RETENTION),
        Cutoff(at=NOW - 30 * DAY, cause=Cause.RULE),
    ),
)


def _with_movies(**values: object) -> Area:
    return an_area(rules=[{"match": "*.mp4", "retention": "30d"}], min_age=0, **values)


def test_over_all_classes_the_oldest_go_after_what_is_expired_in_its_own() -> None:
    holds = Load(5, 50, 50)
    assert by_quota(_with_movies(quota="30B"), NOW, holds, _STOCKS) == _RETENTION
    quota = Cutoff(at=NOW - 20 * DAY + 1, cause=Cause.QUOTA)
    found = by_quota(_with_movies(quota="20B"), NOW, holds, _STOCKS)
    assert found.by_class == (_RETENTION[0], quota)
    quota = Cutoff(at=NOW - 5 * DAY + 1, cause=Cause.QUOTA)
    found = by_quota(_with_movies(quota="10B"), NOW, holds, _STOCKS)
    assert found.by_class == (quota, quota)


def test_what_is_expired_in_its_own_class_is_measured_as_if_of_the_beginning() -> None:
    expired = Load(2, 20, 20)
    measures = {number: stock.measure for number, stock in _STOCKS.items()}
    measure = expired_first(measures, _RETENTION, expired)
    rest = {(NOW - days * DAY) // HOUR: Load(1, 10, 10) for days in (20, 5, 3)}
    assert measure(NOW - 99 * DAY, NOW, HOUR) == rest
    found = measure(BEGINNING, NOW, HOUR)
    assert found == rest | {min(found): expired}
    assert min(found) < 0


def test_one_class_alone_is_measured_as_it_is() -> None:
    measure = _OWN.measure
    assert expired_first({0: measure}, _RETENTION, NOTHING) == measure


def test_the_newest_of_each_class_are_kept() -> None:
    late = Cutoffs((Cutoff(at=NOW, cause=Cause.QUOTA), Cutoff(at=NOW, cause=Cause.QUOTA), None))
    found = limited(_with_movies(keep_newest=1), late, _STOCKS)
    assert [None if cutoff is None else cutoff.at for cutoff in found.by_class] == [
        NOW - 5 * DAY,
        NOW - 3 * DAY,
        None,
    ]
    assert limited(_with_movies(), late, _STOCKS) is late
