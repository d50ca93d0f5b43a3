"""Which changes of the settings make a cleanup remove more: every setting is compared, or it is said why not."""

from __future__ import annotations

from typing import Any

import pytest

from shelflife.policy.changes import (
    IRRELEVANT,
    OF_A_CLEANUP,
    OF_RELIEF,
    WATERMARKS,
    longest_retention,
    lowers_watermarks,
    remembered,
    removes_more,
    upgraded,
)
from shelflife.settings import AreaSettings, PressureSettings, Settings

_DAY = 86_400


def _settings(*, pressure: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    area = {"retention": "7d"} | values
    built = Settings.build(base_path="/srv/storage-of-a-test", areas={"frames": area}, pressure=pressure)
    return remembered(built.areas["frames"], built.pressure)


@pytest.mark.parametrize(("section", "compared"), [(AreaSettings, OF_RELIEF), (PressureSettings, WATERMARKS)])
def test_each_setting_is_compared_or_it_is_said_why_it_need_not_be(
    section: type[AreaSettings | PressureSettings], compared: dict[str, Any]
) -> None:
    forgotten = set(section.fields) - set(compared) - set(IRRELEVANT)
    assert not forgotten, f"a change of {forgotten} would not be doubted: see shelflife/policy/changes.py"


def test_no_setting_is_both_compared_and_irrelevant() -> None:
    assert not {*OF_RELIEF, *WATERMARKS} & set(IRRELEVANT)
    assert all(IRRELEVANT.values())


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"retention": "7d"}, {"retention": 7}, "its retention was shortened from 7d to 7s"),
        ({"retention": -1}, {"retention": "1d"}, "its retention was shortened from indefinite to 1d"),
        ({"retention": "7d"}, {"retention": "8d"}, None),
        (
            {"rules": [{"match": "*.a", "retention": 5}]},
            {"rules": [{"match": "*.a", "retention": 0}]},
            "its rules were changed, and may keep files for a shorter time",
        ),
        (
            {"rules": [{"match": "*.a", "retention": 0}]},
            {"rules": [{"match": "*.a", "retention": -1}]},
            None,
        ),
        ({"retention": "7d"}, {"retention": -1}, None),
        ({}, {"quota": "2TB"}, "its quota was lowered from none to 2TB"),
        ({"quota": "2TB"}, {"quota": "200GB"}, "its quota was lowered from 2TB to 200GB"),
        ({"quota": "200GB"}, {"quota": "2TB"}, None),
        ({"quota": "200GB"}, {}, None),
        ({"max_files": 10_000}, {"max_files": 1_000}, "its max_files was lowered from 10,000 to 1,000"),
        ({"max_files": 1_000}, {"max_files": 10_000}, None),
        ({"min_age": "3d"}, {"min_age": 3}, "its min_age was shortened from 3d to 3s"),
        ({"min_age": "3d"}, {"min_age": "4d"}, None),
        ({"trash": "2d"}, {"trash": 0}, "its trash was shortened from 2d to 0s"),
        ({"trash": 0}, {"trash": "2d"}, None),
        ({}, {"path": "movies"}, "its path was changed from frames to movies"),
        ({}, {"aliases": ["movies"]}, "its aliases got another directory, movies"),
        ({"aliases": ["movies"]}, {}, None),
        ({}, {"expire": "directory"}, "its expire was changed from file to directory"),
        ({"expire": "directory"}, {}, "its expire was changed from directory to file"),
        ({"age_from": "changed"}, {}, "its age_from was changed from changed to modified"),
        ({}, {"age_from": "changed"}, None),  # by a later time, files are younger
        ({}, {"in_use": "off"}, "its in_use was changed from check to off"),
        ({"in_use": "off"}, {}, None),
        ({}, {}, None),
    ],
)
def test_a_change_is_told_when_it_removes_more(
    before: dict[str, Any], after: dict[str, Any], words: str | None
) -> None:
    assert removes_more(_settings(**before), _settings(**after)) == words


@pytest.mark.parametrize(
    ("name", "before", "after", "words"),
    [
        ("prune", False, True, "its prune was changed from False to True"),
        ("prune", True, False, None),
        ("keep_newest", 3, 0, "its keep_newest was lowered from 3 to 0"),
        ("keep_newest", 3, 5, None),
        ("keep_newest", 3, {"count": 3, "per": "area"}, None),
        (
            "keep_newest",
            {"count": 3, "per": "top"},
            3,
            "its keep_newest was changed from per top to per area",
        ),
        ("keep_newest", 0, {"count": 3, "per": "top"}, None),
        ("keep_newest", {"per": "top"}, 0, None),  # of none
        ("ignore", ["._*"], ["._*", "*.mp4"], "its ignore got a pattern, *.mp4"),
        ("ignore", ["._*", "@eaDir/"], ["._*"], None),
    ],
)
def test_what_rules_read_is_compared_by_its_plain_value(
    name: str, before: Any, after: Any, words: str | None
) -> None:
    assert removes_more({name: before}, _settings() | {"retention": -1, name: after}) == words


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        ([], [("a", 3)], True),  # the area's own is 7 days
        ([], [("a", 9)], False),
        ([], [("a", -1)], False),
        ([("a", 9)], [], True),
        ([("a", 3)], [], False),
        ([("a", 9)], [("a", 8)], True),
        ([("a", 9)], [("a", 10)], False),
        ([("a", -1)], [("a", 99)], True),
        ([("a", 9), ("b", 3)], [("b", 3), ("a", 9)], True),  # what matches both
        ([("b", 3), ("a", 9)], [("a", 9), ("b", 3)], False),
        ([("a", 9)], [("b", 9)], True),
        ([("a", 9)], [("b", 9), ("a", 9)], False),
        ([("a", 9)], [("a", 9), ("b", 3)], True),
        ([("a", 9)], [("a", 9), ("b", 7)], False),
    ],
)
def test_rules_remove_more_when_a_file_may_fall_under_a_shorter_retention(
    before: list[tuple[str, int]], after: list[tuple[str, int]], *, less: bool
) -> None:
    def values(rules: list[tuple[str, int]]) -> dict[str, Any]:
        listed = [{"match": [match], "retention": days * _DAY} for match, days in rules]
        return _settings() | {"rules": listed}

    words = removes_more(values(before), values(after))
    assert words == ("its rules were changed, and may keep files for a shorter time" if less else None)


def test_a_rule_with_one_pattern_may_have_it_as_a_list_or_not() -> None:
    one, other = ({"rules": [{"match": match, "retention": 99 * _DAY}]} for match in ("a", ["a"]))
    assert removes_more(_settings() | one, _settings() | other) is None


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
    assert (removes_more(_settings(protect=before), _settings(protect=after)) is not None) is less


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, {"high": "9%"}, "pressure.high was lowered from none to 9%"),
        ({"high": "90%"}, {"high": "9%"}, "pressure.high was lowered from 90% to 9%"),
        ({"high": "90%"}, {"high": "90%", "low": "8%"}, "pressure.low was lowered from 80% to 8%"),
        ({"high": "90%"}, {"high": "95%"}, None),
        ({"high": "90%"}, None, None),
        ({"high": "90%"}, {"high": "90%", "check_every": "5m"}, None),
    ],
)
def test_watermarks_that_call_a_disk_full_sooner_are_noticed(
    before: dict[str, Any] | None, after: dict[str, Any] | None, words: str | None
) -> None:
    assert lowers_watermarks(_settings(pressure=before), _settings(pressure=after)) == words


def test_more_that_must_be_free_calls_a_disk_full_sooner() -> None:
    before, after = ({"pressure": {"min_free": free}} for free in (10**9, 10**12))
    assert lowers_watermarks(before, after) == "pressure.min_free was raised from 1GB to 1TB"
    assert lowers_watermarks(after, before) is None
    assert lowers_watermarks(after, after) is None


def test_only_making_room_looks_at_the_order_of_the_areas() -> None:
    before, after = _settings(), _settings(priority=1)
    assert removes_more(before, after) is None
    assert removes_more(before, after, OF_RELIEF) == "its priority was lowered from none to 1"
    assert set(OF_A_CLEANUP) <= set(OF_RELIEF)


def test_what_an_older_version_remembered_is_read() -> None:
    old = {
        "retention": 7 * _DAY * 10**9,
        "expire": "file",
        "age_from": "modified",
        "protect": [],
        "directories": ["frames"],
    }
    assert removes_more(upgraded(old), _settings()) is None
    assert removes_more(upgraded(old), _settings(retention=7)) == "its retention was shortened from 7d to 7s"
    assert removes_more(upgraded(old), _settings(aliases=["x"])) is not None
    assert upgraded(_settings()) == _settings()
    assert upgraded(old | {"retention": None})["retention"] == -1


def test_what_is_not_remembered_at_all_is_a_reason() -> None:
    assert removes_more({}, _settings()) is not None


def test_the_longest_retention_of_an_area_is_that_of_any_of_its_classes() -> None:
    assert longest_retention(_settings()) == 7 * _DAY * 10**9
    rules = [{"match": ["a"], "retention": 9 * _DAY}, {"match": ["b"], "retention": -1}]
    assert longest_retention(_settings() | {"rules": rules}) == 9 * _DAY * 10**9
    assert longest_retention(_settings(retention=-1)) == 0
