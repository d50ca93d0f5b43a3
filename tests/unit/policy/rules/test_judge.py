from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.rules import File, NativeRules, Rule, RuleNeed, Unit, judge_unit, table
from shelflife.policy.rules.times import AgeKind
from shelflife.policy.verdict import Reason, Verdict
from tests.unit.policy.areas import an_area

_AT = 1_900_000_000 * 10**9
_CUTOFF = Cutoff(at=_AT, cause=Cause.RETENTION)
_RULES = an_area(protect=["*.keep", "!not.keep"]).rules


def _judge(path: str, time: int, cutoff: Cutoff | None) -> Verdict:
    return _RULES.judge(File(path, time), Cutoffs.only(cutoff))


_FILES = [
    # path, time, cutoff, verdict
    ("a.jpg", _AT - 1, _CUTOFF, Verdict(remove=True, reason=Reason.EXPIRED)),
    ("a.jpg", _AT, _CUTOFF, Verdict(remove=False, reason=Reason.NOT_EXPIRED)),
    ("a.jpg", _AT + 1, _CUTOFF, Verdict(remove=False, reason=Reason.NOT_EXPIRED)),
    ("a.jpg", -(2**63), _CUTOFF, Verdict(remove=True, reason=Reason.EXPIRED)),
    ("a.jpg", 0, None, Verdict(remove=False, reason=Reason.INDEFINITE)),
    ("a.keep", 0, _CUTOFF, Verdict(remove=False, reason=Reason.PROTECTED, pattern="*.keep")),
    ("a.keep", 0, None, Verdict(remove=False, reason=Reason.PROTECTED, pattern="*.keep")),
    ("not.keep", 0, _CUTOFF, Verdict(remove=True, reason=Reason.EXPIRED)),
    (".gitkeep", 0, _CUTOFF, Verdict(remove=False, reason=Reason.KEEP_FILE)),
    ("a/b/.gitkeep", 0, _CUTOFF, Verdict(remove=False, reason=Reason.KEEP_FILE)),
    ("a/.nfs000000000a1b2c3d00000007", 0, _CUTOFF, Verdict(remove=False, reason=Reason.LEFT_OPEN)),
    (".nfs0000", 0, _CUTOFF, Verdict(remove=True, reason=Reason.EXPIRED)),
    (".nfs000000000a1b2c3d.jpg", 0, _CUTOFF, Verdict(remove=True, reason=Reason.EXPIRED)),
    ("a.gitkeep", 0, _CUTOFF, Verdict(remove=True, reason=Reason.EXPIRED)),
]


@pytest.mark.parametrize(("path", "time", "cutoff", "verdict"), _FILES)
def test_a_file_goes_when_it_is_older_than_the_cutoff_and_nothing_keeps_it(
    path: str, time: int, cutoff: Cutoff | None, verdict: Verdict
) -> None:
    assert _judge(path, time, cutoff) == verdict


_UNITS = [
    # newest, changed, protected, staying, cutoff, reason
    (_AT - 1, _AT - 1, 0, 0, _CUTOFF, Reason.EXPIRED),
    (_AT - 1, _AT, 0, 0, _CUTOFF, Reason.UNIT_NOT_EXPIRED),  # unpacked just now, with old times
    (_AT, 0, 0, 0, _CUTOFF, Reason.UNIT_NOT_EXPIRED),
    (None, _AT - 1, 0, 0, _CUTOFF, Reason.EXPIRED),
    (None, _AT, 0, 0, _CUTOFF, Reason.UNIT_NOT_EXPIRED),
    (0, 0, 1, 0, _CUTOFF, Reason.UNIT_PROTECTED),
    (0, 0, 0, 1, _CUTOFF, Reason.SPECIAL),
    (0, 0, 0, 0, None, Reason.INDEFINITE),
]


@pytest.mark.parametrize(("newest", "changed", "protected", "staying", "cutoff", "reason"), _UNITS)
def test_a_unit_goes_by_its_newest_file_and_one_member_that_stays_keeps_it(
    newest: int | None, changed: int, protected: int, staying: int, cutoff: Cutoff | None, reason: Reason
) -> None:
    unit = Unit(newest=newest, changed=changed, protected=protected, staying=staying)
    assert judge_unit(unit, Cutoffs.only(cutoff)) == Verdict(remove=reason is Reason.EXPIRED, reason=reason)


_NAMES = st.sampled_from(["a.jpg", "b/a.keep", "not.keep", ".gitkeep", "x/.gitkeep"])
_TIMES = st.integers(_AT - 3, _AT + 3)


@given(path=_NAMES, time=_TIMES, at=_TIMES)
def test_only_expired_removes_and_expired_always_removes(path: str, time: int, at: int) -> None:
    verdict = _judge(path, time, Cutoff(at=at, cause=Cause.RETENTION))
    assert verdict.remove is (verdict.reason is Reason.EXPIRED)


@given(path=_NAMES, time=_TIMES, at=_TIMES, later=st.integers(0, 3))
def test_what_goes_at_one_cutoff_goes_at_every_later_one(path: str, time: int, at: int, later: int) -> None:
    early, late = (Cutoff(at=moment, cause=Cause.RETENTION) for moment in (at, at + later))
    assert _judge(path, time, early).remove <= _judge(path, time, late).remove


@given(
    newest=st.none() | _TIMES,
    changed=_TIMES,
    protected=st.integers(0, 1),
    staying=st.integers(0, 1),
    at=_TIMES,
)
def test_a_unit_with_a_file_that_stays_never_goes(
    newest: int | None, changed: int, protected: int, staying: int, at: int
) -> None:
    unit = Unit(newest=newest, changed=changed, protected=protected, staying=staying)
    verdict = judge_unit(unit, Cutoffs.only(Cutoff(at=at, cause=Cause.RETENTION)))
    if protected or staying or (newest is not None and newest >= at):
        assert not verdict.remove


_MONDAYS = Rule(reason=Reason.PROTECTED, needs=RuleNeed.NAME, keeps=lambda case: "monday" in case.file.name)


def test_a_rule_that_is_put_into_the_table_keeps_files_and_takes_the_area_from_the_compiled_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _judge("monday.jpg", 0, _CUTOFF).remove
    assert an_area().rules.native("", Cutoffs.only(_CUTOFF)) == NativeRules(0, _AT, AgeKind.MODIFIED)
    monkeypatch.setattr(table, "TABLE", (*table.TABLE, _MONDAYS))
    rules = an_area().rules
    assert rules.judge(File("monday.jpg", 0), Cutoffs.only(_CUTOFF)).reason is Reason.PROTECTED
    assert rules.judge(File("tuesday.jpg", 0), Cutoffs.only(_CUTOFF)).remove
    assert rules.native("", Cutoffs.only(_CUTOFF)) is None


def test_where_names_matter_the_compiled_code_is_told_nothing() -> None:
    assert _RULES.native("a/", Cutoffs.only(_CUTOFF)) is None
    assert _RULES.class_of_all_in("a/") is None


def test_each_directory_right_below_the_area_may_have_its_own_cutoffs() -> None:
    tops = {"a": Cutoffs.only(_CUTOFF), "": Cutoffs.only(Cutoff(at=_AT - 5, cause=Cause.RETENTION))}
    cutoffs = Cutoffs((_CUTOFF,), tops)
    gone = {
        path: _RULES.judge(File(path, _AT - 1), cutoffs).remove
        for path in ("a/b/c.jpg", "b/c.jpg", "c.jpg")  # nothing is said of the second
    }
    assert gone == {"a/b/c.jpg": True, "b/c.jpg": False, "c.jpg": False}
    assert _RULES.judge(File("c.jpg", _AT - 6), cutoffs).remove


def test_an_empty_directory_where_names_matter_goes_by_the_areas_own_class() -> None:
    rules = an_area(rules=[{"match": "*.mp4", "retention": "30d"}]).rules
    assert rules.class_of_all_in("a/") is None
    assert rules.own.retention == rules.classes[0].retention != rules.classes[1].retention
    cutoffs = Cutoffs((_CUTOFF, Cutoff(at=_AT - 5, cause=Cause.RETENTION)))
    assert rules.empty_goes("a/", _AT - 1, cutoffs)
    assert not rules.empty_goes("a/", _AT, cutoffs)
    assert not rules.empty_goes("", _AT - 1, cutoffs)  # the area itself


def test_only_patterns_that_keep_for_ever_protect() -> None:
    rules = an_area(protect=["*.keep"], rules=[{"match": ["*.log", "!x.log"], "retention": "1d"}]).rules
    assert rules.protect == ["*.keep"]
    assert (rules.protecting("a.keep"), rules.protecting("a.log"), rules.protecting("a")) == (
        "*.keep",
        None,
        None,
    )
    kept = an_area(rules=[{"match": ["*.log", "!x.log"], "retention": -1}]).rules
    assert kept.protect == ["*.log", "!x.log"]
    assert [kind.is_kept for kind in kept.classes] == [False, True]


def test_a_retention_of_nothing_keeps_nothing_and_is_not_for_ever() -> None:
    assert [kind.retention for kind in an_area(retention=0, rules=[]).rules.classes] == [0]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("d/a.jpg", Reason.EXPIRED),
        ("d/a.keep", Reason.PROTECTED),
        ("d/.gitkeep", Reason.KEEP_FILE),
        ("d/a.old", Reason.INDEFINITE),
    ],
)
def test_what_never_goes_is_known_whatever_its_age_and_its_neighbours(path: str, reason: Reason) -> None:
    rules = an_area(
        protect=["*.keep"],
        rules=[{"match": "*.old", "retention": -1}],
        keep_newest={"count": 9, "per": "directory"},
    ).rules
    found = rules.judge_whatever_its_age(path)
    assert (found.reason, found.remove) == (
        Reason.PROTECTED if reason is Reason.INDEFINITE else reason,
        reason is Reason.EXPIRED,
    )


def test_a_second_look_asks_for_age_and_name_but_not_for_neighbours_and_noise_goes_at_any_age() -> None:
    rules = an_area(expire="directory", keep_newest=9, ignore=["*.tmp"]).rules
    cutoffs = Cutoffs.only(_CUTOFF)

    def goes(path: str, time: int) -> bool:
        return rules.look_again(File(path, time), cutoffs).remove

    assert (goes("u/a", _AT - 1), goes("u/a", _AT)) == (True, False)
    assert (goes("u/a.tmp", _AT - 1), goes("u/a.tmp", _AT + 1)) == (True, True)
    assert not goes("u/.gitkeep", _AT - 1)
    newest = an_area(keep_newest={"count": 9, "per": "directory"}).rules
    assert newest.look_again(File("a", _AT - 1), cutoffs).remove
    assert not newest.judge(File("a", _AT - 1), cutoffs).remove  # its neighbours are not known


@pytest.mark.parametrize(
    ("ignore", "noise"),
    [
        (["*.tmp", "Thumbs.db"], ("*.tmp", "Thumbs.db")),
        (["*.tmp", "@eaDir/"], ("*.tmp",)),  # a directory is asked about by itself
        (["?.tmp"], None),
        ([], ()),
        (["[ab].tmp"], None),
        (["a b"], None),
        (["d/*.tmp"], None),
        (["/a"], None),
        (["!a"], None),
        (["\\#a"], None),
        (["*.tmp", "[ab].tmp"], None),
    ],
)
def test_noise_that_fnmatch_understands_alike_is_told_to_the_compiled_code(
    ignore: list[str], noise: tuple[str, ...] | None
) -> None:
    rules = an_area(expire="directory", ignore=ignore).rules
    found = rules.native("u/", Cutoffs.only(_CUTOFF))
    assert (None if found is None else found.noise) == noise
    by_file = an_area(ignore=ignore).rules.native("u/", Cutoffs.only(_CUTOFF))
    assert by_file is not None
    assert by_file.noise == ()


def test_a_directory_that_is_noise_goes_the_careful_way() -> None:
    rules = an_area(expire="directory", ignore=["@eaDir/"]).rules
    assert rules.is_noise("u/@eaDir/")
    assert rules.native("u/@eaDir/", Cutoffs.only(_CUTOFF)) is None
    assert rules.native("u/other/", Cutoffs.only(_CUTOFF)) is not None
    assert not an_area(ignore=["@eaDir/"]).rules.is_noise("u/@eaDir/")  # files count each by itself
    assert not rules.is_noise("")


def test_before_a_class_that_is_kept_the_compiled_code_is_told_of_no_cutoff() -> None:
    rules = an_area(rules=[{"match": "/kept/", "retention": -1}]).rules
    found = rules.native("kept/", Cutoffs((_CUTOFF, None)))
    assert found is not None
    assert (found.number, found.cutoff) == (1, None)
