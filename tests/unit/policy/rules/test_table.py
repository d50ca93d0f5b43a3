from __future__ import annotations

from dataclasses import replace

import pytest

from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.rules import Rules
from shelflife.policy.rules.file import File
from shelflife.policy.rules.neighbours import Neighbours
from shelflife.policy.rules.table import TABLE, Case, Rule, RuleNeed
from shelflife.policy.verdict import Reason
from tests.unit.policy.areas import an_area

_CUTOFF = Cutoff(at=100, cause=Cause.RETENTION)


def _rules(**values: object) -> Rules:
    return an_area(**values).rules


def _case(
    file: File,
    *,
    rules: Rules | None = None,
    number: int = 0,
    cutoff: Cutoff | None = _CUTOFF,
    neighbours: Neighbours | None = None,
) -> Case:
    rules = rules or _rules()
    return Case(file, rules.classes[number], cutoff, rules.settings, neighbours)


def _kept(case: Case) -> list[Reason]:
    """Return every reason for which a file is kept, not only the first."""
    return [rule.reason for rule in TABLE if rule.applies(case.settings) and rule.keeps(case)]


@pytest.mark.parametrize(
    ("path", "time", "reasons"),
    [
        ("a", 99, []),
        ("a", 100, [Reason.NOT_EXPIRED]),
        (".gitkeep", 99, [Reason.KEEP_FILE]),
        ("d/.gitkeep", 99, [Reason.KEEP_FILE]),
        ("a.gitkeep", 99, []),
        (".gitkeep/a", 99, []),
        (".nfs000000000a1b2c3d", 99, [Reason.LEFT_OPEN]),
        (".nfs000000000a1b2c3d/a", 99, []),
        (".nfs1", 99, []),
    ],
)
def test_each_rule_keeps_what_it_is_for_and_nothing_else(path: str, time: int, reasons: list[Reason]) -> None:
    assert _kept(_case(File(path, time))) == reasons


def test_only_a_class_with_patterns_protects_and_one_without_cutoff_is_kept_for_ever() -> None:
    rules = _rules(protect=["*.keep"], retention=-1)
    assert _kept(_case(File("a", 0), rules=rules, cutoff=None)) == [Reason.INDEFINITE]
    assert _kept(_case(File("a.keep", 0), rules=rules, number=1, cutoff=None)) == [
        Reason.PROTECTED,
        Reason.INDEFINITE,
    ]


def test_a_file_between_the_cutoff_and_the_one_that_was_wanted_is_among_the_newest() -> None:
    cutoff = Cutoff(at=100, cause=Cause.RETENTION, wanted=200)
    assert _kept(_case(File("a", 99), cutoff=cutoff)) == []
    assert _kept(_case(File("a", 150), cutoff=cutoff)) == [Reason.NEWEST, Reason.NOT_EXPIRED]
    assert _kept(_case(File("a", 200), cutoff=cutoff)) == [Reason.NOT_EXPIRED]


def test_the_newest_of_a_directory_stay_and_all_where_its_files_are_not_known() -> None:
    rules = _rules(keep_newest={"count": 2, "per": "directory"})
    files = [File(name, time) for name, time in (("a", 1), ("b", 2), ("c", 3))]
    neighbours = Neighbours(files, [0, 0, 0], [[0], [1], [2]], lambda _: False)
    kept = [bool(_kept(_case(file, rules=rules, neighbours=neighbours))) for file in files]
    assert kept == [False, True, True]
    assert _kept(_case(files[0], rules=rules)) == [Reason.NEWEST]


@pytest.mark.parametrize(
    ("keep_newest", "asked"),
    [
        (0, False),
        (3, False),  # of the whole area: its cutoff is lower
        ({"count": 3, "per": "top"}, False),
        ({"count": 0, "per": "directory"}, False),
        ({"count": 1, "per": "directory"}, True),
    ],
)
def test_neighbours_are_asked_only_where_directories_keep_their_newest(
    keep_newest: object, *, asked: bool
) -> None:
    assert _rules(keep_newest=keep_newest).needs_neighbours is asked


def test_a_rule_of_which_nobody_says_so_is_not_applied_by_the_compiled_code() -> None:
    rules, cutoffs = _rules(), Cutoffs.only(_CUTOFF)
    new = Rule(reason=Reason.SPECIAL, needs=RuleNeed.NAME, keeps=lambda case: case.file.name == "special")
    assert rules.native("a/", cutoffs) is not None
    assert replace(rules, table=(*TABLE, new)).native("a/", cutoffs) is None
