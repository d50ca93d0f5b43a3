from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.rules import File
from shelflife.policy.rules.neighbours import stems_of
from shelflife.policy.verdict import Reason
from tests.unit.policy.areas import an_area

_CUTOFFS = Cutoffs((Cutoff(at=100, cause=Cause.RETENTION), None))


def _judged(values: Mapping[str, object], times: dict[str, int], **staying: Reason) -> dict[str, Reason]:
    files = [File(name, time) for name, time in times.items()]
    names = list(times)
    kept = {names.index(name.replace("_", ".")): reason for name, reason in staying.items()}
    verdicts = an_area(**values).rules.judge_together(files, _CUTOFFS, kept)
    return {name: verdict.reason for name, verdict in zip(times, verdicts, strict=True)}


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["c.mp4", "c.json", "d.mp4"], [{"c.mp4", "c.json"}, {"d.mp4"}]),
        (["c.mp4", "c.json", "c.mp4.json"], [{"c.mp4", "c.json", "c.mp4.json"}]),
        (["c.mp4.json", "c.json"], [{"c.mp4.json"}, {"c.json"}]),
        (["c.mp4.json", "c.mp4.txt"], [{"c.mp4.json", "c.mp4.txt"}]),
        (["aa", "aa.info"], [{"aa", "aa.info"}]),
        (["aa.info", "bb.info"], [{"aa.info"}, {"bb.info"}]),
        ([".a", ".b", "..c"], [{".a"}, {".b"}, {"..c"}]),
        (["a.", "a"], [{"a.", "a"}]),
    ],
)
def test_names_belong_together_by_their_stems(names: list[str], groups: list[set[str]]) -> None:
    assert [{names[at] for at in group} for group in stems_of(names)] == groups


@given(st.lists(st.text("ab.", min_size=1, max_size=5), unique=True, max_size=8))
def test_every_name_is_in_one_group_and_order_does_not_matter(names: list[str]) -> None:
    one = {frozenset(names[at] for at in group) for group in stems_of(names)}
    backwards = names[::-1]
    other = {frozenset(backwards[at] for at in group) for group in stems_of(backwards)}
    assert one == other
    assert sorted(name for group in one for name in group) == sorted(names)


_STEM = {"expire": "stem", "protect": ["*.keep"]}


@pytest.mark.parametrize(
    ("times", "goes"),
    [
        ({"aa": 200, "aa.info": 5}, set()),
        ({"c.mp4": 5, "c.json": 5, "c.jpg": 200}, set()),
        ({"d.mp4": 5, "d.json": 99}, {"d.mp4", "d.json"}),
        ({"d.mp4": 5, "d.json": 100}, set()),
        ({"e.mp4": 5, "e.keep": 5}, set()),
        ({"f.mp4": 5, "g.json": 200}, {"f.mp4"}),
        ({".DS_Store": 200, "f.mp4": 5}, {"f.mp4"}),
    ],
)
def test_files_of_one_stem_go_together_by_the_newest_or_not_at_all(
    times: dict[str, int], goes: set[str]
) -> None:
    judged = _judged(_STEM, times)
    assert {name for name, reason in judged.items() if reason is Reason.EXPIRED} == goes


@pytest.mark.parametrize(
    ("staying", "reason"),
    [
        (Reason.HELD, Reason.UNIT_HELD),
        (Reason.IN_USE, Reason.UNIT_IN_USE),
        (Reason.CHANGED, Reason.UNIT_NOT_EXPIRED),
    ],
)
def test_a_member_that_is_held_or_in_use_keeps_its_group(staying: Reason, reason: Reason) -> None:
    judged = _judged(_STEM, {"h.mp4": 5, "h.json": 5, "i.mp4": 5}, h_mp4=staying)
    assert judged == {"h.mp4": staying, "h.json": reason, "i.mp4": Reason.EXPIRED}


def test_noise_counts_for_no_stems_age_and_goes_with_it() -> None:
    values = {"expire": "stem", "ignore": ["*.tmp"]}
    assert set(_judged(values, {"a.mp4": 5, "a.tmp": 200}).values()) == {Reason.EXPIRED}
    assert set(_judged(values, {"a.tmp": 200}).values()) == {Reason.NOT_EXPIRED}  # noise alone is a file


def test_a_file_is_kept_where_its_neighbours_are_not_known() -> None:
    for values in ({"expire": "stem"}, {"keep_newest": {"count": 1, "per": "directory"}}):
        rules = an_area(**dict[str, object](values)).rules
        assert rules.needs_neighbours
        assert not rules.judge(File("a", 0), _CUTOFFS).remove
        assert rules.native("", _CUTOFFS) is None


@pytest.mark.parametrize(
    ("count", "times", "goes"),
    [
        (1, {"a": 1, "b": 2, "c": 3}, {"a", "b"}),
        (3, {"a": 1, "b": 2, "c": 3}, set()),
        (9, {"a": 1, "b": 2, "c": 3}, set()),
        (2, {"a": 1, "b": 2, "c": 300}, {"a"}),
        (1, {"a": 1, "b": 200, "c": 300}, {"a"}),
        (2, {"a": 1, "b": 2, "c": 2, "d": 2}, {"a"}),  # files of the very same time stand or fall together
    ],
)
def test_the_newest_of_a_directory_stay_however_old_they_are(
    count: int, times: dict[str, int], goes: set[str]
) -> None:
    judged = _judged({"keep_newest": {"count": count, "per": "directory"}}, times)
    assert {name for name, reason in judged.items() if reason is Reason.EXPIRED} == goes
    kept = {reason for name, reason in judged.items() if name not in goes}
    assert kept <= {Reason.NEWEST, Reason.NOT_EXPIRED}


def test_stems_count_as_one_among_the_newest() -> None:
    values = {"expire": "stem", "keep_newest": {"count": 1, "per": "directory"}}
    judged = _judged(values, {"a.mp4": 1, "a.json": 2, "b.mp4": 3, "b.json": 1})
    assert {name for name, reason in judged.items() if reason is Reason.EXPIRED} == {"a.mp4", "a.json"}


def test_a_cutoff_that_the_newest_hold_back_says_so() -> None:
    cutoff = Cutoff(at=100, cause=Cause.RETENTION)
    assert cutoff.limited(None) is cutoff
    assert cutoff.limited(100) is cutoff
    held = cutoff.limited(40)
    assert (held.at, held.cause, held.wanted) == (40, Cause.RETENTION, 100)
    rules = an_area().rules
    reasons = [rules.judge(File("a", time), Cutoffs.only(held)).reason for time in (39, 40, 99, 100)]
    assert reasons == [Reason.EXPIRED, Reason.NEWEST, Reason.NEWEST, Reason.NOT_EXPIRED]
