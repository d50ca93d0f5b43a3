from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from shelflife.policy.cutoff import BEGINNING, KEEP_ALL, Cause, Cutoff, Cutoffs
from shelflife.policy.limits import (
    Allowance,
    DoubtKind,
    Extent,
    LastRun,
    arrived_share,
    cutoffs_to_remember,
    deciding_settings,
    doubt_about_relief,
    due_before,
    interval_of,
    is_large,
    is_under,
    reasons_to_ask,
    unasked,
)
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan, Purge
from shelflife.settings import Settings

DAY = 86_400 * 10**9
_NOW = 20_000 * DAY
_GB = 10**9


def _settings(
    *, limits: Any = None, pressure: Any = None, schedule: str = "0 2 * * *", **values: Any
) -> Settings:
    return Settings.build(
        base_path="/srv/storage-of-a-test",
        areas={"frames": {"retention": "7d"} | values},
        limits=limits or {},
        pressure=pressure,
        cleanup={"schedule": schedule},
    )


def _plan(
    *,
    files: int = 2_000,
    scanned: int = 3_000,
    size: int = 0,
    arrived: int = 0,
    cause: Cause = Cause.RETENTION,
) -> Plan:
    due = DueDirectory(root="frames", path="", files=files, bytes=size)
    cutoff = Cutoff(at=_NOW - 7 * DAY, cause=cause)
    area = AreaPlan(area="frames", cutoffs=Cutoffs.only(cutoff), scanned=scanned, due=(due,), arrived=arrived)
    return Plan(made=_NOW, areas=(area,))


def _last(settings: Settings | None = None, *, days_ago: float = 1, **values: Any) -> LastRun:
    then = deciding_settings(settings or _settings(), "frames")
    return LastRun(at=int(_NOW - days_ago * DAY), settings=then, **values)


def _reasons(plan: Plan, last: LastRun | None, settings: Settings | None = None) -> list[str]:
    settings = settings or _settings()
    last_runs = {} if last is None else {"frames": last}
    return reasons_to_ask(plan, settings, last_runs, interval=interval_of(settings, plan.made))


@pytest.mark.parametrize(
    ("files", "scanned", "size", "large"),
    [
        (1_000, 1_500, 0, False),  # not more than confirm_above_files
        (1_001, 1_500, 0, True),
        (1_001, 2_001, 0, True),  # a little more than half
        (1_001, 2_002, 0, False),  # exactly half
        (5_000, 100_000, 10**15, False),  # many, but a small part
        (600, 1_000, 10 * _GB, False),
        (600, 1_000, 10 * _GB + 1, True),  # few files, many bytes
        (3, 4, 10**12, True),
        (899, 1_000, 0, False),
        (900, 1_000, 0, True),  # nearly all
        (20, 20, 0, True),
        (19, 19, 0, False),  # a share of so few says little
        (18, 20, 0, True),
        (0, 0, 0, False),
    ],
)
def test_large_is_most_of_an_area_that_is_many_files_or_many_bytes_or_nearly_all(
    files: int, scanned: int, size: int, *, large: bool
) -> None:
    assert is_large(Extent(files, size, scanned), _settings().limits) is large
    assert bool(_reasons(_plan(files=files, scanned=scanned, size=size), None)) is large


def test_a_bound_of_a_hundred_percent_never_asks() -> None:
    settings = _settings(limits={"confirm_above": "100%"})
    assert not _reasons(_plan(files=10**6, scanned=10**6, size=10**15), None, settings)


def test_a_bound_of_nothing_asks_about_all_but_the_smallest() -> None:
    limits = {"confirm_above": "0%", "confirm_above_files": 0, "confirm_above_bytes": 0}
    assert _reasons(_plan(files=1, scanned=10**6), None, _settings(limits=limits))
    assert not _reasons(_plan(files=0, scanned=10**6), None, _settings(limits=limits))


@pytest.mark.parametrize("cause", [Cause.RETENTION, Cause.QUOTA])
@pytest.mark.parametrize(
    ("last", "word"),
    [
        (None, "no cleanup has ever removed"),
        (_last(has_lost=False), "no cleanup has ever removed"),
        (_last(_settings(retention="30d")), "its retention was shortened from 30d to 7d"),
        (_last(_settings(retention=-1)), "its retention was shortened from indefinite to 7d"),
        (_last(_settings(path="elsewhere")), "its path was changed from elsewhere to frames"),
        (_last(days_ago=-1), "before its last cleanup"),
        (_last(days_ago=14.01), "so long ago"),
        (_last(days_ago=13.99), None),  # twice the retention of 7 days
        (_last(), None),
        (_last(_settings(retention="1d")), None),  # it was shorter: now less goes
    ],
)
def test_there_must_be_doubt_and_retention_and_quota_wait_alike(
    last: LastRun | None, word: str | None, cause: Cause
) -> None:
    reasons = _reasons(_plan(cause=cause), last)
    if word is None:
        assert reasons == []
    else:
        (reason,) = reasons
        assert word in reason
        assert re.match(r"frames: 2,000 of 3,000 files \(\d.* B\) would go, and ", reason)


def _plan_with_purge(purge: Purge) -> Plan:
    plan = _plan(files=1)
    return replace(plan, areas=(replace(plan.areas[0], purge=purge),))


@pytest.mark.parametrize(
    ("purge", "is_large"),
    [
        (Purge(1_001, 0, 2_001), True),
        (Purge(1_000, 0, 1_999), False),
        (Purge(1_000, 11 * _GB, 1_999), True),
        (Purge(1_000, 11 * _GB, 2_000), False),
        (Purge(20, 0, 20), True),
        (Purge(19, 0, 19), False),
        (Purge(), False),
    ],
)
@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ({"trash": "30d"}, {"trash": 30}, "its trash was shortened from 30d to 30s"),
        ({"trash": "30d"}, {"trash": 0}, "its trash was shortened from 30d to 0s"),
        ({"trash": "30d", "path": "elsewhere"}, {"trash": "30d"}, "its path was changed"),
        ({"trash": "30d"}, {"trash": "30d"}, None),
        ({"trash": "7d"}, {"trash": "30d"}, None),
        ({"trash": "30d", "retention": "30d"}, {"trash": "30d"}, None),  # changes nothing about the trash
        ({"retention": "30d"}, {}, "its retention was shortened"),  # without a trash, what is expired goes
    ],
)
def test_a_trash_that_would_be_emptied_because_its_settings_changed_waits_for_a_person(
    before: dict[str, Any], after: dict[str, Any], word: str | None, purge: Purge, is_large: bool
) -> None:
    last = _last(_settings(**before))
    reasons = _reasons(_plan_with_purge(purge), last, _settings(**after))
    if word is None or not is_large:
        assert reasons == []
    else:
        (reason,) = reasons
        assert word in reason
        assert f"{purge.files:,} of the {purge.waiting:,} files in its trash (" in reason
        assert "would be removed for good" in reason


@pytest.mark.parametrize(("days_ago", "asks"), [(-1, True), (1, False), (15, True), (None, True)])
def test_a_trash_that_a_clock_or_a_lost_journal_would_empty_waits_for_a_person(
    days_ago: float | None, asks: bool
) -> None:
    settings = _settings(trash="7d")
    last = None if days_ago is None else _last(settings, days_ago=days_ago)
    assert bool(_reasons(_plan_with_purge(Purge(900, 0, 900)), last, settings)) == asks


def test_a_rare_schedule_makes_a_long_time_ordinary() -> None:
    last = _last(days_ago=50)
    assert _reasons(_plan(), last)
    assert not _reasons(_plan(), last, _settings(schedule="0 2 1 * *"))


def test_without_a_schedule_twice_the_retention_is_the_longest_that_is_ordinary() -> None:
    settings = _settings()
    for days_ago, is_asked in ((14, False), (14.01, True)):
        last_runs = {"frames": _last(days_ago=days_ago)}
        assert bool(reasons_to_ask(_plan(), settings, last_runs, interval=None)) is is_asked


def test_a_long_retention_makes_a_long_time_ordinary() -> None:
    last, settings = _last(days_ago=50), _settings(retention="30d")
    assert not _reasons(_plan(), replace(last, settings=deciding_settings(settings, "frames")), settings)


@pytest.mark.parametrize(
    ("arrived", "last", "asked"),
    [
        (1_001, _last(), True),
        (1_000, _last(), False),  # not most of the 2,000
        (2_000, _last(left=1_000), False),  # they were in use then, or could not be removed
        (2_000, _last(left=999), True),
        (2_000, _last(arrivals=67), False),  # 66.7 % of the area: a person has said that this is so here
        (2_000, _last(arrivals=66), True),
    ],
)
def test_what_came_since_with_old_times_is_doubted_beyond_what_was_approved(
    arrived: int, last: LastRun, *, asked: bool
) -> None:
    reasons = _reasons(_plan(arrived=arrived), last)
    assert bool(reasons) is asked
    assert not asked or "were due at its last cleanup already" in reasons[0]


def test_a_share_of_arrivals_is_rounded_up() -> None:
    (area,) = _plan(arrived=2_000).areas
    assert arrived_share(area) == 67
    assert arrived_share(replace(area, scanned=0)) == 0


def _cutoffs(*at: int | None) -> Cutoffs:
    return Cutoffs(
        tuple(None if one is None else Cutoff(at=one, cause=Cause.RETENTION) for one in at),
    )


def test_what_was_due_at_the_last_cleanup_is_what_was_before_its_cutoffs() -> None:
    (area,) = _plan().areas
    area = replace(area, cutoffs=_cutoffs(_NOW - 7 * DAY, None, _NOW - 3 * DAY, _NOW - 2 * DAY))
    cutoffs = cutoffs_to_remember(_cutoffs(_NOW - 8 * DAY, _NOW, _NOW - 2 * DAY))
    assert cutoffs == {"0": _NOW - 8 * DAY, "1": _NOW, "2": _NOW - 2 * DAY}
    then = due_before(area, _last(cutoffs=cutoffs))
    # of the third class less goes now than did then; the fourth had no cutoff then
    assert then == _cutoffs(_NOW - 8 * DAY, None, _NOW - 3 * DAY, BEGINNING)


def test_a_class_that_is_kept_has_no_cutoff_to_remember() -> None:
    assert cutoffs_to_remember(_cutoffs(None, 5)) == {"1": 5}


@pytest.mark.parametrize(("retention", "at"), [("9d", _NOW - 10 * DAY), (0, _NOW - DAY), (-1, BEGINNING)])
def test_where_no_cutoffs_are_remembered_the_retention_tells_what_was_due(
    retention: str | int, at: int
) -> None:
    (area,) = _plan().areas
    area = replace(area, cutoffs=_cutoffs(_NOW))
    assert due_before(area, _last(_settings(retention=retention))) == _cutoffs(at)


def test_where_no_cleanup_is_remembered_nothing_was_due() -> None:
    (area,) = _plan().areas
    assert due_before(area, None) == KEEP_ALL


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        ({}, False),
        ({"max_files": 10}, False),
        ({"max_files": 9}, True),
        ({"max_bytes": "1MB"}, False),
        ({"max_bytes": "999999B"}, True),
    ],
)
@pytest.mark.parametrize("cause", [Cause.RETENTION, Cause.QUOTA])
def test_a_run_has_its_own_bounds_whatever_the_reason(
    limits: dict[str, Any], cause: Cause, *, refused: bool
) -> None:
    plan = _plan(files=10, scanned=10, size=10**6, cause=cause)
    assert bool(_reasons(plan, _last(), _settings(limits=limits))) is refused


def test_settings_are_the_same_as_far_as_they_were_known() -> None:
    now = deciding_settings(_settings(), "frames")
    assert is_under({"frames": now}, {"frames": now})
    assert is_under({"frames": {"retention": now["retention"]}}, {"frames": now})
    assert not is_under({"frames": now | {"retention": 7}}, {"frames": now})
    assert not is_under({"frames": now}, {})


# -- a full disk


def _allowance(last: LastRun | None, settings: Settings, expired: Extent, taken: int = 0) -> Allowance:
    interval = interval_of(settings, _NOW)
    doubt = doubt_about_relief(settings, "frames", last, _NOW, interval=interval)
    return unasked(expired, settings.limits, doubt, taken=taken)


def test_without_doubt_all_that_is_expired_may_go_and_half_of_the_rest() -> None:
    for last in (None, _last(has_lost=False), _last()):
        allowance = _allowance(last, _settings(), Extent(900, 0, 1_000))
        assert allowance == Allowance(expired=True, unexpired=50)


@pytest.mark.parametrize(
    ("before", "after", "last"),
    [
        ({"retention": "30d"}, {}, {}),
        ({}, {"priority": 1}, {}),
        ({"pressure": {"high": "90%"}}, {"pressure": {"high": "9%"}}, {}),
        ({}, {}, {"days_ago": -1}),
        ({}, {}, {"days_ago": 400}),
    ],
)
def test_in_doubt_nothing_goes_early_and_no_large_part_as_expired(
    before: dict[str, Any], after: dict[str, Any], last: dict[str, Any]
) -> None:
    remembered = _last(_settings(**before), **last)
    settings = _settings(**after)
    small = _allowance(remembered, settings, Extent(100, 0, 1_000))
    large = _allowance(remembered, settings, Extent(900, 0, 1_000))
    assert (small.expired, small.unexpired) == (True, 0)
    assert (large.expired, large.unexpired) == (False, 0)
    for allowance in (small, large):
        assert allowance.doubt is not None
        assert allowance.doubt.kind in (DoubtKind.CHANGED, DoubtKind.CLOCK)


def test_looks_at_a_full_disk_do_not_take_half_of_the_rest_each_time() -> None:
    assert _allowance(_last(), _settings(), Extent(0, 0, 600), taken=400).unexpired == 100
    assert _allowance(_last(), _settings(), Extent(0, 0, 500), taken=500).unexpired == 0
    assert _allowance(_last(), _settings(), Extent(0, 0, 400), taken=600).unexpired == 0


def test_where_nothing_is_asked_about_a_full_disk_takes_what_it_needs() -> None:
    settings = _settings(limits={"confirm_above": "100%"})
    last = _last(_settings(retention="30d"))
    assert _allowance(last, settings, Extent(900, 0, 1_000)) == Allowance(expired=True, unexpired=100)


def test_just_below_a_hundred_percent_is_still_asked_about() -> None:
    settings = _settings(limits={"confirm_above": "99%"})
    last = _last(_settings(retention="30d"))
    assert _allowance(last, settings, Extent(900, 0, 1_000)).unexpired == 0


def test_of_what_has_given_nothing_yet_the_whole_share_may_go() -> None:
    assert unasked(Extent(0, 0, 100), _settings().limits, None).unexpired == 50
