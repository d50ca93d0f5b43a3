"""What is to be expected: inflow from samples, where areas settle, when a disk is full – and how sure that is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.clock import DAY, HOUR
from shelflife.policy.area import Area
from shelflife.policy.forecast import (
    HORIZON,
    Course,
    Holding,
    Inflow,
    When,
    course_of,
    expiring,
    goes_at,
    inflow_of,
    settles_at,
)
from shelflife.policy.load import Load, Sample, total
from tests.unit.policy.areas import an_area
from tests.unit.policy.histograms import FILES, Disk, File

_NOW = 1_900_000_800 * 10**9 // HOUR * HOUR


_NOTHING = Inflow()


def _holding(area: Area, files: list[File], inflow: Inflow = _NOTHING) -> Holding:
    disk = Disk(files)
    return Holding(area=area, size=disk.load(), histograms={0: disk.hours()}, inflow=inflow)


# -- inflow


def _samples(daily: list[int], *, gone: list[int] | None = None) -> list[Sample]:
    """What an area holds at the end of each day, when so much comes and so much is removed."""
    removed = gone or [0] * len(daily)
    samples, held, total_gone = [Sample(0, 0, 0)], 0, 0
    for day, (came, went) in enumerate(zip(daily, removed, strict=True), start=1):
        held += came - went
        total_gone += went
        samples.append(Sample(day * DAY, held // 10, held, total_gone // 10, total_gone))
    return samples


def test_what_came_is_what_is_there_more_and_what_was_removed_meanwhile() -> None:
    inflow = inflow_of(_samples([100] * 6, gone=[0, 0, 50, 100, 100, 100]))
    assert (inflow.bytes, inflow.deviation, inflow.days) == (100, 0, 6)
    assert inflow.is_measured


def test_samples_at_odd_times_are_shared_out_by_the_day() -> None:
    samples = [Sample(hour * HOUR * 7, 0, hour * 70) for hour in range(40)]
    inflow = inflow_of(samples)
    assert inflow.bytes == pytest.approx(240)
    assert inflow.deviation == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("count", "days"), [(0, 0), (1, 1), (2, 2), (3, 3), (7, 7), (9, 7), (20, 14), (40, 28)]
)
def test_days_count_by_whole_weeks_once_there_is_one(count: int, days: int) -> None:
    assert inflow_of(_samples([100] * count)).days == days


def test_nothing_is_said_before_three_days_were_seen() -> None:
    course = course_of([_holding(an_area(), [], inflow_of(_samples([9, 9])))], 0, Inflow(days=9), _NOW)
    assert str(course.reaches(100)) == "not known yet"


def test_what_others_remove_is_no_negative_inflow_of_an_area_but_is_outside_of_them() -> None:
    samples = [Sample(day * DAY, 0, 1000 - 100 * day) for day in range(6)]
    assert inflow_of(samples).bytes == 0
    assert inflow_of(samples, signed=True).bytes == -100


# -- the span that is told holds


def _steady(day: int) -> int:
    return 100


def _weekly(day: int) -> int:
    return [150, 150, 150, 150, 100, 0, 0][day % 7]


def _bursty(day: int) -> int:
    return random.Random(day).choice([0, 0, 20, 50, 430])


@pytest.mark.parametrize(
    ("comes", "widest", "least"),
    [(_steady, 0, 1.0), (_weekly, 4, 0.9), (_bursty, 330, 0.7)],
    ids=["steady", "weekly", "bursty"],
)
def test_the_span_holds_in_most_cases_and_is_no_wider_than_stated(
    comes: object, widest: int, least: float
) -> None:
    """4 weeks are seen; the disk fills about 40 days later. Told are the misses, and the width of the span."""
    assert callable(comes)
    hits, cases = 0, 0
    for start in range(0, 400, 7):
        inflow = inflow_of(_samples([comes(start + day) for day in range(28)]))
        holding = _holding(an_area(retention="3650d"), [], inflow)
        when = course_of([holding], 0, Inflow(days=28), _NOW).reaches(4000)
        held, day = 0, 0
        while held <= 4000:
            held += comes(start + 28 + day)
            day += 1
        assert when.earliest is not None
        assert when.latest is not None
        assert when.latest - when.earliest <= widest
        hits += when.earliest <= day <= when.latest
        cases += 1
    assert hits / cases >= least


def test_a_disk_with_an_end_to_its_growth_is_not_in_sight_of_being_full() -> None:
    holding = _holding(an_area(retention="10d"), [], Inflow(bytes=100, days=28))
    course = course_of([holding], 0, Inflow(days=28), _NOW)
    assert str(course.reaches(1100)) == "not in sight"
    assert str(course.reaches(950)) == "in 10 days"


def test_a_quota_ends_growth_too() -> None:
    holding = _holding(an_area(retention="300d", quota="500B"), [], Inflow(bytes=100, days=28))
    course = course_of([holding], 0, Inflow(days=28), _NOW)
    assert max(course.likely) == 500


def test_what_expires_makes_room() -> None:
    files = [File(_NOW - 6 * DAY, 700), File(_NOW - 2 * DAY, 200)]
    course = course_of([_holding(an_area(), files)], 1000, Inflow(days=9), _NOW, days=7)
    assert course.likely == (1000, 1000, 300, 300, 300, 300, 100, 100)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (When(earliest=0, latest=0), "now"),
        (When(earliest=4, latest=6), "in 4–6 days"),
        (When(earliest=1, latest=1), "in 1 day"),
        (When(earliest=4, latest=None), "in 4 days at the earliest"),
        (When(), "not in sight"),
        (When(is_known=False), "not known yet"),
    ],
)
def test_a_span_is_told_in_words(when: When, words: str) -> None:
    assert str(when) == words


def test_a_disk_that_is_full_is_full_whatever_is_known() -> None:
    course = Course(likely=(100,), low=(100,), high=(100,), is_known=False)
    assert str(course.reaches(99)) == "now"


# -- what goes, and where it ends


def test_each_coming_day_has_what_expires_on_it() -> None:
    files = [
        File(_NOW - 8 * DAY, 1),
        File(_NOW - 7 * DAY + 2 * HOUR, 2),
        File(_NOW - 6 * DAY + 2 * HOUR, 4),
        File(_NOW, 8),
    ]
    assert [load.bytes for load in expiring(_holding(an_area(), files), _NOW, 8)] == [3, 4, 0, 0, 0, 0, 0, 8]
    assert expiring(_holding(an_area(retention=-1), files), _NOW, 2) == [Load(), Load()]


@settings(deadline=None)  # others may be using the machine
@given(files=FILES, now=st.integers(0, 30 * 24), retention=st.integers(1, 60))
def test_what_expires_adds_up_to_what_is_there(files: list[File], now: int, retention: int) -> None:
    holding = _holding(an_area(retention=f"{retention}h"), files)
    days = expiring(holding, 1_900_000_000 * 10**9 + now * HOUR, 10)
    assert total(days) == holding.size


@pytest.mark.parametrize(
    ("area", "settles"),
    [
        ({"retention": "7d"}, 750),
        ({"retention": "7d", "quota": "500B"}, 500),
        ({"retention": "7d", "quota": "50B", "min_age": "2d"}, 250),
        ({"retention": "7d", "max_files": 25}, 250),
        ({"retention": -1}, None),
    ],
)
def test_an_area_settles_where_as_much_expires_as_comes(area: dict[str, object], settles: int | None) -> None:
    holding = Holding(
        area=an_area(**area),
        size=Load(5, 50, 50),  # protected
        histograms={},
        inflow=Inflow(files=10, bytes=100, days=9),
    )
    found = settles_at(holding)
    assert (found.bytes if found else None) == settles


def test_an_area_settles_at_what_is_kept_indefinitely_and_what_comes_within_its_retention() -> None:
    expires = Load(files=4, bytes=40, allocated=40)
    holding = Holding(
        area=an_area(retention="2d"),
        size=Load(files=10, bytes=100, allocated=100),
        histograms={0: {_NOW // HOUR: expires}},
        inflow=Inflow(files=3, bytes=30, days=9),
    )
    found = settles_at(holding)
    assert found is not None
    assert (found.files, found.bytes) == (6 + 2 * 3, 60 + 2 * 30)


@settings(deadline=None)  # others may be using the machine
@given(files=FILES, retention=st.integers(1, 60), quota=st.none() | st.integers(1, 200))
def test_what_would_go_is_exact_to_the_hour(files: list[File], retention: int, quota: int | None) -> None:
    area = an_area(retention=f"{retention}h", quota=quota and f"{quota}B", min_age="3h")
    now = 1_900_000_000 * 10**9
    holding = _holding(area, files)
    cutoffs, load = goes_at(holding, now)
    disk = Disk(files)
    cutoff = cutoffs.at(0)
    assert disk.load(before=cutoff).covers(load)
    assert load.covers(disk.load(before=cutoff // HOUR * HOUR))
    assert cutoff <= max(now - retention * HOUR, now - 3 * HOUR)


def test_the_horizon_is_a_year() -> None:
    holding = _holding(an_area(retention=-1), [], Inflow(bytes=1, days=28))
    course = course_of([holding], 0, Inflow(days=28), _NOW)
    assert len(course.likely) == HORIZON + 1
    assert str(course.reaches(HORIZON)) == "not in sight"


def test_what_would_go_leaves_the_newest_files() -> None:
    now = 1_900_000_000 * 10**9
    files = [File(now - (100 + n) * HOUR, 1) for n in range(6)]
    holding = _holding(an_area(retention="1h", keep_newest=4), files)
    assert goes_at(holding, now)[1].files == 2
    few = _holding(an_area(retention="1h", keep_newest=9), files)
    assert goes_at(few, now)[1].files == 0
