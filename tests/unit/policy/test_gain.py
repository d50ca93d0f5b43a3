"""Whether removal gives room: when to go on, when to stop, and what later looks may expect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelflife.clock import SECOND
from shelflife.policy.gain import (
    LEAST,
    Balance,
    OnItsWay,
    ReliefStep,
    Remembered,
    expected_of,
    first_portion,
    next_step,
)
from shelflife.policy.load import NOTHING, Load
from shelflife.policy.watermark import ShareLevel, Sight, Space, Usage, Watermark, Watermarks

_MIB = LEAST.allocated
_WHOLE = 1000 * _MIB
_MARKS = Watermarks(space=(Watermark(ShareLevel(90), ShareLevel(80)),), inodes=())
_OF_INODES = Watermarks(space=(), inodes=(Watermark(ShareLevel(90), ShareLevel(80)),))
_NOW = 10**18


def _usage(used: int) -> Usage:
    """`used` in MiB."""
    return Usage(space=Space(used * _MIB, _WHOLE - used * _MIB), inodes=Space(0, 0))


def _mib(amount: float) -> Load:
    return Load(allocated=int(amount * _MIB))


def _step(*sights: tuple[int, float], has_waited: bool = False, carried: Load = NOTHING) -> ReliefStep:
    """Return what follows when the disk was seen with so much used, and so much had been released (MiB)."""
    balance = replace(Balance.begin(_usage(950), None), carried=carried)
    usage = _usage(950)
    for used, released in sights:
        usage = _usage(used)
        balance = balance.seen(usage, _mib(released))
    return next_step(_MARKS, balance, usage, has_waited=has_waited)


@pytest.mark.parametrize("has_waited", [False, True])
def test_what_shows_lets_more_go(has_waited: bool) -> None:
    assert _step((940, 10), has_waited=has_waited) is ReliefStep.SHOWN


def test_what_does_not_show_is_waited_for_and_then_ends_it() -> None:
    assert _step((950, 10)) is ReliefStep.WAIT
    assert _step((950, 10), has_waited=True) is ReliefStep.NO_GAIN


def test_a_little_that_shows_by_chance_is_no_sign() -> None:
    assert _step((949, 10), has_waited=True) is ReliefStep.NO_GAIN
    assert _step((947, 10), has_waited=True) is ReliefStep.SHOWN


def test_less_than_our_own_records_may_take_means_nothing() -> None:
    assert _step((950, 0.9), has_waited=True) is ReliefStep.GO_ON


def test_a_quarter_that_shows_is_enough_of_a_sign() -> None:
    assert _step((949, 4), has_waited=True) is ReliefStep.SHOWN
    assert _step((950, 1), has_waited=True) is ReliefStep.NO_GAIN  # so much should be seen already


@pytest.mark.parametrize(
    ("used", "released", "step"),
    [
        (9_500, 7, ReliefStep.GO_ON),  # our own records may have taken these
        (9_500, 8, ReliefStep.NO_GAIN),
        (9_476, 100, ReliefStep.NO_GAIN),
        (9_475, 100, ReliefStep.SHOWN),
    ],
)
def test_inodes_must_show_as_bytes_must(used: int, released: int, step: ReliefStep) -> None:
    start, usage = (Usage(space=Space(0, 0), inodes=Space(now, 10_000 - now)) for now in (9_500, used))
    balance = Balance.begin(start, None).seen(usage, Load(files=released))
    assert next_step(_OF_INODES, balance, usage, has_waited=True) is step


def test_what_a_writer_takes_at_once_has_shown_all_the_same() -> None:
    assert _step((940, 10), (950, 10), has_waited=True) is ReliefStep.SHOWN


def test_room_that_shows_is_enough_and_room_that_only_should_be_there_is_not() -> None:
    assert _step((799, 151)) is ReliefStep.ENOUGH
    assert _step((950, 151)) is ReliefStep.WAIT
    assert _step((950, 151), has_waited=True) is ReliefStep.NO_GAIN
    assert _step((890, 151)) is ReliefStep.ENOUGH  # no longer too full, and the rest is on its way
    assert (
        _step((890, 60), carried=_mib(91)) is ReliefStep.ENOUGH
    )  # likewise, by what an earlier look released


def test_once_shown_it_is_counted_anew() -> None:
    balance = Balance.begin(_usage(950), None).seen(_usage(940), _mib(10)).shown()
    assert next_step(_MARKS, balance, _usage(940), has_waited=True) is ReliefStep.GO_ON
    balance = balance.seen(_usage(940), _mib(20))
    assert next_step(_MARKS, balance, _usage(940), has_waited=True) is ReliefStep.NO_GAIN


def test_what_others_freed_with_it_is_no_sign_of_what_goes_later() -> None:
    balance = Balance.begin(_usage(950), None).seen(_usage(910), _mib(10)).shown().seen(_usage(910), _mib(20))
    assert next_step(_MARKS, balance, _usage(910), has_waited=True) is ReliefStep.NO_GAIN


# -- from look to look


def _after(start: int, *sights: tuple[int, float], before: OnItsWay | None = None) -> OnItsWay | None:
    balance = Balance.begin(_usage(start), before)
    for used, released in sights:
        balance = balance.seen(_usage(used), _mib(released))
    return balance.end(_NOW, before)


def test_what_has_not_shown_is_expected_by_the_next_look() -> None:
    assert _after(950, (950, 10)) == OnItsWay(at=_NOW, load=_mib(10), peak=_usage(950).sight, has_shown=False)
    found = _after(950, (910, 50))
    assert found is not None
    assert (found.load, found.has_shown) == (_mib(10), True)
    assert _after(950, (940, 10)) is None


def test_what_our_own_records_may_have_taken_is_not_expected() -> None:
    assert _after(950, (914, 40)) is None
    assert _after(950, (914, 40 + 1 / _MIB)) is not None
    start, later = (Usage(space=Space(0, 0), inodes=Space(used, 0)) for used in (9_500, 9_400))
    balance = Balance.begin(start, None)
    assert balance.seen(later, Load(files=116)).end(_NOW, None) is None
    assert balance.seen(later, Load(files=117)).end(_NOW, None) is not None


def test_little_of_which_nothing_shows_is_expected_all_the_same() -> None:
    found = _after(950, (950, 3))
    assert found is not None
    assert (found.load, found.has_shown) == (_mib(3), False)


def test_where_nothing_was_released_nothing_is_expected() -> None:
    assert expected_of(None, _usage(950), _NOW) is None


def test_a_look_that_releases_nothing_leaves_what_was_expected() -> None:
    before = _after(950, (950, 10))
    assert _after(950, (950, 0), before=before) is before


def test_what_looks_release_in_vain_adds_up() -> None:
    found = _after(950, (950, 10), before=_after(950, (950, 10)))
    assert found is not None
    assert (found.load, found.has_shown) == (_mib(20), False)


@pytest.mark.parametrize("later", [0, 3600 * SECOND, 10**6 * 3600 * SECOND])
def test_nothing_that_shows_is_never_forgotten(later: int) -> None:
    before = _after(950, (950, 10))
    found = expected_of(before, _usage(950), _NOW + later)
    assert found is not None
    assert (found.load, found.has_shown) == (_mib(10), False)


def test_the_disk_must_move_by_what_is_missing_and_from_its_highest_since() -> None:
    before = _after(950, (950, 10))
    noise = expected_of(expected_of(before, _usage(990), _NOW), _usage(988), _NOW)
    assert noise is not None
    assert not noise.has_shown
    moved = expected_of(noise, _usage(984), _NOW)
    assert moved is not None
    assert (moved.load, moved.has_shown) == (_mib(4), True)
    assert expected_of(noise, _usage(980), _NOW) is None


def test_the_rest_of_what_has_shown_is_not_waited_for_for_ever() -> None:
    before = _after(950, (910, 50))
    assert expected_of(before, _usage(910), _NOW + 300 * SECOND) == before
    assert expected_of(before, _usage(910), _NOW + 600 * SECOND) == before
    assert expected_of(before, _usage(910), _NOW + 600 * SECOND + 1) is None
    assert expected_of(before, _usage(910), _NOW - 1) is None  # the clock was set back


def test_only_our_own_records_that_shrink_are_no_fall_and_leave_the_highest() -> None:
    before = OnItsWay(at=_NOW, load=_mib(10), peak=Sight(_mib(950), _mib(945)), has_shown=True)
    assert expected_of(before, replace(_usage(946), records=_mib(1)), _NOW) == before


def test_a_little_that_was_released_changes_nothing() -> None:
    assert _after(950, (950, 0.5)) is None
    before = _after(950, (950, 10))
    assert _after(950, (950, 0.5), before=before) is before


@pytest.mark.parametrize(
    ("need", "first"),
    [
        (_mib(640), _mib(10)),
        (_mib(10), _mib(1)),
        (_mib(0.5), _mib(0.5)),
        (Load(files=6400), Load(files=100)),
        (Load(files=20), Load(files=8)),
    ],
)
def test_the_first_portion_is_small_and_large_enough_to_be_seen(need: Load, first: Load) -> None:
    assert first_portion(need) == first


def test_what_areas_have_given_adds_up_area_by_area() -> None:
    nothing = Remembered(file_system=7)
    assert nothing.is_empty
    assert nothing.give("frames", 0) == nothing
    given = nothing.give("frames", 3).give("movies", 1).give("frames", 2)
    assert given.taken == {"frames": 5, "movies": 1}
    assert not given.is_empty
    assert not replace(nothing, expected=_after(950, (950, 10))).is_empty
