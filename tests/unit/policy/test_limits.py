from __future__ import annotations

from typing import Any

import pytest

from shelflife.policy.area import Area
from shelflife.policy.choose import by_retention
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.limits import LastRun, reasons_to_ask, removes_more, settings_of
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan
from shelflife.settings import Settings
from tests.unit.policy.areas import DAY, an_area

_NOW = 20_000 * DAY


def _plan(area: Area, *, files: int, scanned: int) -> Plan:
    due = DueDirectory(root="frames", path="", files=files, bytes=files * 10)
    cutoff = by_retention(area, _NOW)
    return Plan(
        made=_NOW, areas=(AreaPlan(area="frames", cutoffs=Cutoffs.only(cutoff), scanned=scanned, due=(due,)),)
    )


def _reasons(
    *,
    files: int = 2_000,
    scanned: int = 3_000,
    last: LastRun | None = None,
    area: Area | None = None,
    interval: int | None = DAY,
    **limits: object,
) -> list[str]:
    area = area or an_area()
    settings = Settings.build(base_path="/srv/storage-of-a-test", areas={"frames": "7d"}, limits=limits)
    last_runs = {} if last is None else {"frames": last}
    plan = _plan(area, files=files, scanned=scanned)
    return reasons_to_ask(plan, {"frames": area}, last_runs, settings.limits, interval=interval)


def _last(*, days_ago: float = 1, **values: object) -> LastRun:
    return LastRun(at=int(_NOW - days_ago * DAY), settings=settings_of(an_area(**values)))


@pytest.mark.parametrize(
    ("files", "scanned", "asked"),
    [
        (1_000, 1_000, False),  # not more than confirm_above_files
        (1_001, 1_001, True),
        (1_001, 2_001, True),  # a little more than half
        (1_001, 2_002, False),  # exactly half
        (5_000, 100_000, False),  # many, but a small part
        (0, 0, False),
    ],
)
def test_only_what_is_a_large_part_and_many_files_is_asked_about(
    files: int, scanned: int, *, asked: bool
) -> None:
    assert bool(_reasons(files=files, scanned=scanned)) is asked


@pytest.mark.parametrize(
    ("last", "word"),
    [
        (None, "never cleaned"),
        (_last(retention="30d"), "shortened"),
        (_last(retention=-1), "indefinite"),
        (_last(protect=["*.keep"]), "taken away"),
        (_last(expire="directory"), "expire"),
        (_last(age_from="changed"), "age_from"),
        (_last(path="elsewhere"), "another directory"),
        (_last(days_ago=-1), "before the last"),
        (_last(days_ago=14.01), "so long ago"),
        (_last(days_ago=13.99), None),  # twice the retention of 7 days
        (_last(), None),
        (_last(retention="1d"), None),  # it was shorter: now less goes
    ],
)
def test_there_must_be_a_reason_to_doubt(last: LastRun | None, word: str | None) -> None:
    reasons = _reasons(last=last)
    if word is None:
        assert reasons == []
    else:
        (reason,) = reasons
        assert word in reason
        assert "2000 of 3000" in reason


def test_a_rare_schedule_makes_a_long_time_ordinary() -> None:
    last = _last(days_ago=50)
    assert _reasons(last=last, interval=DAY)
    assert not _reasons(last=last, interval=30 * DAY)
    assert _reasons(last=last, interval=None)


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        ([], ["*.a"], False),
        (["*.a"], ["*.a", "*.b"], False),
        (["*.a", "*.b"], ["*.b", "*.a"], False),
        (["*.a"], [], True),
        (["*.a"], ["*.b"], True),
        (["*.a"], ["*.a", "!x.a"], True),
        (["!x.a", "*.a"], ["*.a", "!x.a"], True),  # the same patterns, and x.a is protected no more
        (["*.a", "!x.a"], ["*.a", "!x.a"], False),
        (["*.a", "!x.a"], ["*.a"], True),  # not so, but it is no harm to ask
    ],
)
def test_patterns_that_protect_less_are_noticed(before: list[str], after: list[str], *, less: bool) -> None:
    change = removes_more(settings_of(an_area(protect=before)), settings_of(an_area(protect=after)))
    assert (change is not None) is less


def test_what_the_journal_of_an_older_version_does_not_know_is_a_reason() -> None:
    assert removes_more({}, settings_of(an_area())) is not None


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        ({}, False),
        ({"max_files": 10}, False),
        ({"max_files": 9}, True),
        ({"max_bytes": 100}, False),
        ({"max_bytes": 99}, True),
    ],
)
def test_a_run_has_its_own_bounds_whatever_the_reason(limits: dict[str, Any], *, refused: bool) -> None:
    assert bool(_reasons(files=10, scanned=10, last=_last(), **limits)) is refused
