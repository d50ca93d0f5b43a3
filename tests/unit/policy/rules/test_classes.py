from __future__ import annotations

import pytest

from shelflife.policy.choose import by_retention_of_classes
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.rules import File
from shelflife.policy.verdict import Reason
from tests.unit.policy.areas import DAY, an_area

_NOW = 1_900_000_000 * 10**9
_AREA = an_area(
    retention="30d",
    protect=["*.keep"],
    rules=[
        {"match": "*.log", "retention": "3d"},
        {"match": ["/premium/**", "*.keep"], "retention": "90d"},
        {"match": "/cam1/", "retention": "7d"},
        {"match": "*.gold", "retention": -1},
    ],
)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("a.mp4", 0),
        ("a.log", 2),
        ("premium/a.log", 2),  # the first that matches decides
        ("premium/a.mp4", 3),
        ("premium/a.keep", 1),  # protect comes before all others
        ("cam1/deep/a.mp4", 4),
        ("cam1/a.gold", 4),
        ("a.gold", 5),
    ],
)
def test_a_file_is_of_the_first_class_whose_patterns_match(path: str, number: int) -> None:
    assert _AREA.rules.class_of(path) == number


def test_classes_are_numbered_by_their_place_and_keep_their_retentions() -> None:
    assert [(kind.number, kind.name, kind.retention) for kind in _AREA.rules.classes] == [
        (0, "", 30 * DAY),
        (1, "protect", None),
        (2, "*.log", 3 * DAY),
        (3, "/premium/**, *.keep", 90 * DAY),
        (4, "/cam1/", 7 * DAY),
        (5, "*.gold", None),
    ]


@pytest.mark.parametrize(
    ("path", "days", "reason"),
    [
        ("a.log", 4, Reason.EXPIRED),
        ("a.log", 2, Reason.NOT_EXPIRED),
        ("a.mp4", 4, Reason.NOT_EXPIRED),
        ("a.mp4", 31, Reason.EXPIRED),
        ("premium/a.mp4", 31, Reason.NOT_EXPIRED),
        ("a.gold", 1000, Reason.PROTECTED),
        ("a.keep", 1000, Reason.PROTECTED),
    ],
)
def test_each_class_has_a_cutoff_of_its_own(path: str, days: int, reason: Reason) -> None:
    cutoffs = by_retention_of_classes(_AREA, _NOW)
    assert _AREA.rules.judge(File(path, _NOW - days * DAY), cutoffs).reason is reason


def test_an_indefinite_area_may_have_files_that_expire() -> None:
    area = an_area(retention=-1, rules=[{"match": "*.tmp", "retention": "1d"}])
    cutoffs = by_retention_of_classes(area, _NOW)
    assert area.rules.judge(File("a.tmp", _NOW - 2 * DAY), cutoffs).remove
    assert area.rules.judge(File("a.mp4", 0), cutoffs).reason is Reason.INDEFINITE


def test_a_class_that_nothing_chose_a_cutoff_for_stays() -> None:
    cutoffs = Cutoffs.only(Cutoff(at=_NOW, cause=Cause.RETENTION))
    assert not _AREA.rules.judge(File("a.log", 0), cutoffs).remove


@pytest.mark.parametrize(
    ("directory", "number"), [("", None), ("cam1/", None), ("premium/", None), ("cam2/", None)]
)
def test_names_matter_where_a_pattern_of_names_comes_first(directory: str, number: int | None) -> None:
    assert _AREA.rules.class_of_all_in(directory) == number


@pytest.mark.parametrize(("directory", "number"), [("", 0), ("cam1/", 1), ("cam1/deep/", 1), ("cam2/", 0)])
def test_a_subtree_of_its_own_class_is_known_as_a_whole(directory: str, number: int) -> None:
    rules = an_area(rules=[{"match": "/cam1/**", "retention": "3d"}]).rules
    cutoffs = by_retention_of_classes(an_area(rules=[{"match": "/cam1/**", "retention": "3d"}]), _NOW)
    assert rules.class_of_all_in(directory) == number
    native = rules.native(directory, cutoffs)
    assert native is not None
    assert (native.number, native.cutoff) == (number, _NOW - (3 if number else 7) * DAY)


@pytest.mark.parametrize(
    ("values", "directory", "may"),
    [
        ({}, "a/", True),
        ({}, "", False),
        ({}, "lost+found/", False),
        ({}, "a/lost+found/", True),  # it belongs to a file system's root, which an area may be
        ({"prune": False}, "a/", False),
        ({"protect": [".stfolder/", "/inbox/"]}, "a/.stfolder/", False),
        ({"protect": [".stfolder/", "/inbox/"]}, "inbox/", False),
        ({"protect": [".stfolder/", "/inbox/"]}, "inbox/deep/", False),
        ({"protect": [".stfolder/", "/inbox/"]}, "plain/", True),
        ({"protect": ["*.keep"]}, "a/", True),
        ({"rules": [{"match": "/a/", "retention": -1}]}, "a/", False),
        ({"rules": [{"match": "/a/", "retention": "1d"}]}, "a/", True),
    ],
)
def test_a_directory_may_go_where_a_file_of_its_place_might(
    values: dict[str, object], directory: str, may: bool
) -> None:
    assert an_area(**values).rules.may_prune(directory) is may
