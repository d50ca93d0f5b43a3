from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.policy.cutoff import BEGINNING, KEEP_ALL, Cause, Cutoff, Cutoffs

_OLD = Cutoff(at=10, cause=Cause.RETENTION)
_NEW = Cutoff(at=20, cause=Cause.QUOTA)
_LIMITED = Cutoff(at=10, cause=Cause.RETENTION, wanted=15)

_CUTOFFS = st.builds(Cutoff, at=st.integers(0, 9), cause=st.sampled_from(Cause), wanted=st.none())


@pytest.mark.parametrize(("time", "spared"), [(9, False), (10, True), (14, True), (15, False)])
def test_what_stays_only_as_one_of_the_newest_is_between_the_cutoff_and_the_wanted_one(
    time: int, *, spared: bool
) -> None:
    assert _LIMITED.spares(time) is spared
    assert not _OLD.spares(time)


def test_a_limit_lowers_a_cutoff_and_never_raises_it() -> None:
    assert _OLD.limited(None) is _OLD
    assert _OLD.limited(10) is _OLD
    assert _OLD.limited(11) is _OLD
    assert _OLD.limited(9) == Cutoff(at=9, cause=Cause.RETENTION, wanted=10)


def test_a_second_limit_leaves_what_was_wanted_at_first() -> None:
    assert _LIMITED.limited(5) == Cutoff(at=5, cause=Cause.RETENTION, wanted=15)


def test_the_latest_of_several_cutoffs_is_known() -> None:
    assert Cutoffs((_OLD, None, _NEW)).latest == 20
    assert Cutoffs((None,)).latest == KEEP_ALL.latest == BEGINNING


def test_a_class_that_nothing_was_chosen_for_is_kept() -> None:
    cutoffs = Cutoffs((_OLD, _NEW))
    assert (cutoffs[0], cutoffs[1], cutoffs[2], cutoffs.own) == (_OLD, _NEW, None, _OLD)
    assert (cutoffs.at(1), cutoffs.at(2)) == (20, BEGINNING)


def test_where_a_cutoff_would_be_without_the_newest_files_is_told_beside_it() -> None:
    cutoffs = Cutoffs((_LIMITED, _NEW, None))
    assert [cutoffs.at(number) for number in range(4)] == [10, 20, BEGINNING, BEGINNING]
    assert [cutoffs.wanted(number) for number in range(4)] == [15, 20, BEGINNING, BEGINNING]


@pytest.mark.parametrize(("by_class", "any_goes"), [((), False), ((None, None), False), ((None, _OLD), True)])
def test_something_may_go_where_any_class_has_a_cutoff(
    by_class: tuple[Cutoff | None, ...], *, any_goes: bool
) -> None:
    assert bool(Cutoffs(by_class)) is any_goes


def test_in_a_directory_right_below_the_area_what_was_chosen_for_it_counts_and_in_others_nothing_goes() -> (
    None
):
    here, there = Cutoffs.only(_OLD), Cutoffs.only(_NEW)
    cutoffs = Cutoffs((_OLD,), tops={"a": there, "": here})
    assert cutoffs.within("a/") is cutoffs.within("a/b/c.jpg") is there
    assert cutoffs.within("") is cutoffs.within("a") is here  # a file of that name lies in the area's own
    assert cutoffs.within("b/") is KEEP_ALL
    assert here.within("b/c") is here


@given(st.lists(st.none() | _CUTOFFS, max_size=4).map(tuple))
def test_what_the_journal_keeps_is_read_as_what_was_written(by_class: tuple[Cutoff | None, ...]) -> None:
    record: dict[str, Any] = json.loads(json.dumps(Cutoffs(by_class).as_record()))
    read = Cutoffs.of_record(record)
    assert [read[number] for number in range(5)] == [Cutoffs(by_class)[number] for number in range(5)]


def test_of_one_class_the_journal_keeps_what_it_always_kept() -> None:
    assert Cutoffs.only(_OLD).as_record() == {"at": 10, "cause": "retention"}
    assert Cutoffs((_OLD, None)).as_record() == {"at": 10, "cause": "retention"}
    assert KEEP_ALL.as_record() == {"at": None, "cause": None}


@pytest.mark.parametrize("record", [None, {}, {"at": None, "cause": None}])
def test_a_journal_without_a_cutoff_keeps_all(record: dict[str, Any] | None) -> None:
    assert not Cutoffs.of_record(record)
