"""Watermarks: how much must go, and where from."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.policy.area import Area, areas_of
from shelflife.policy.choose import by_retention
from shelflife.policy.cutoff import Cause
from shelflife.policy.gain import LEAST, OnItsWay
from shelflife.policy.load import NOTHING, Load, total
from shelflife.policy.pressure import (
    Candidate,
    Empty,
    Need,
    ReliefPlan,
    SpaceUse,
    choose_cutoffs,
    kept_in,
    what_fills,
)
from shelflife.policy.watermark import ShareLevel, Space, Usage, Watermark, Watermarks
from shelflife.settings import Settings
from tests.unit.policy.histograms import FILES, NOW, Disk, File

_NONE = Space(0, 0)


def _usage(used: int, available: int) -> Usage:
    return Usage(space=Space(used, available), inodes=_NONE)


def _marks(high: int, low: int) -> Watermarks:
    mark = Watermark(ShareLevel(high), ShareLevel(low))
    return Watermarks(space=(mark,), inodes=(mark,))


# -- which areas give


def _areas(**areas: object) -> list[Area]:
    return list(areas_of(Settings.build(base_path="/srv/storage-of-a-test", areas=areas)).values())


def _candidate(area: Area, files: list[File]) -> Candidate:
    disk = Disk(files)
    retention = by_retention(area, NOW)
    expired = disk.load(before=retention.at) if retention else NOTHING
    histogram = total_before(disk, NOW - area.min_age)
    return Candidate(area=area, expired=expired, histogram=histogram, measure=disk.measure)


def total_before(disk: Disk, latest: int) -> dict[int, Load]:
    return disk.measure(-(2**63), latest, HOUR)


def _choose(
    candidates: list[Candidate], used: int, *, trash: int = 0, high: int = 90, low: int = 80
) -> ReliefPlan:
    need = Need.of(_marks(high, low), _usage(used, 1000 - used), None)
    return choose_cutoffs(candidates, need, trash=Load(1, trash, trash), now=NOW)


def _hourly(count: int, size: int = 10, *, from_hours: int = 30) -> list[File]:
    return [File(NOW - (from_hours + count - number) * HOUR, size) for number in range(count)]


def test_the_trash_alone_may_be_enough() -> None:
    (area,) = _areas(a={"retention": "1d", "priority": 1})
    assert _choose([_candidate(area, _hourly(50))], 950, trash=200) == ReliefPlan(is_enough=True)


def test_expired_files_go_before_anything_unexpired() -> None:
    first, second = _areas(a={"retention": "30d", "priority": 1}, b={"retention": "1d"})
    relief = _choose([_candidate(first, _hourly(50)), _candidate(second, _hourly(50))], 950)
    assert [(name, cutoff.cause) for name, cutoff in relief.cutoffs] == [("b", Cause.RETENTION)]
    assert relief.is_enough


def test_areas_give_in_the_order_of_their_priorities() -> None:
    areas = _areas(
        c={"retention": "30d", "priority": 3},
        a={"retention": "30d", "priority": 1},
        none={"retention": "30d"},
        b={"retention": "30d", "priority": 2},
    )
    candidates = [_candidate(area, _hourly(10)) for area in areas]
    relief = _choose(candidates, 950)
    assert [name for name, _ in relief.cutoffs] == ["a", "b"]
    (_, first), (_, second) = relief.cutoffs
    disk = Disk(_hourly(10))
    assert disk.load(before=first.at).files == 10
    assert disk.load(before=second.at).files == 6  # 151 are needed: 16 files


def test_where_everything_would_not_do_nothing_unexpired_goes() -> None:
    first, second = _areas(a={"retention": "30d", "priority": 1}, b={"retention": "1d"})
    relief = _choose([_candidate(first, _hourly(3)), _candidate(second, _hourly(1))], 950)
    assert [name for name, _ in relief.cutoffs] == ["b"]
    assert relief.is_hopeless


def test_where_everything_does_for_the_high_watermark_only_it_goes() -> None:
    (area,) = _areas(a={"retention": "30d", "priority": 1})
    relief = _choose([_candidate(area, _hourly(10))], 950)
    assert (relief.is_enough, relief.is_hopeless, len(relief.cutoffs)) == (False, False, 1)


_AREA_SETS = st.lists(
    st.fixed_dictionaries(
        {
            "retention": st.sampled_from(["20h", "40h", -1]),
            "priority": st.none() | st.integers(0, 3),
            "min_age": st.sampled_from(["1h", "10h", "30h"]),
        }
    ).map(lambda area: {"retention": -1} if area["retention"] == -1 else area),
    min_size=1,
    max_size=3,
)


@settings(deadline=None)  # others may be using the machine
@given(
    areas=_AREA_SETS,
    files=st.lists(FILES, min_size=3, max_size=3),
    used=st.integers(0, 400),
    trash=st.integers(0, 50),
)
def test_priority_minimum_age_and_indefinite_areas_are_never_violated(
    areas: list[dict[str, object]], files: list[list[File]], used: int, trash: int
) -> None:
    made = _areas(**{f"a{number}": area for number, area in enumerate(areas)})
    candidates = [_candidate(area, found) for area, found in zip(made, files, strict=False)]
    usage = _usage(used, 400 - used)
    need = Need.of(_marks(60, 30), usage, None)
    relief = choose_cutoffs(candidates, need, trash=Load(1, trash, trash), now=NOW)
    by_name = {candidate.area.name: candidate for candidate in candidates}
    for name, cutoff in relief.cutoffs:
        area = by_name[name].area
        retention = by_retention(area, NOW)
        assert retention is not None
        if cutoff.cause is Cause.RETENTION:
            assert cutoff == retention
        else:
            assert area.priority is not None
            assert retention.at < cutoff.at <= NOW - area.min_age
    pressed = [
        by_name[name].area.priority or 0 for name, cutoff in relief.cutoffs if cutoff.cause is Cause.PRESSURE
    ]
    assert pressed == sorted(pressed)
    # An area gives only when those before it have given all that they may.
    for name, cutoff in [one for one in relief.cutoffs if one[1].cause is Cause.PRESSURE][:-1]:
        assert cutoff.at == NOW - by_name[name].area.min_age


@settings(deadline=None)  # others may be using the machine
@given(files=FILES, used=st.integers(0, 400), more=st.integers(0, 100))
def test_a_fuller_disk_never_frees_less_while_it_can_be_helped(
    files: list[File], used: int, more: int
) -> None:
    (area,) = _areas(a={"retention": "40h", "priority": 1, "min_age": "5h"})
    disk = Disk(files)
    freed = []
    for amount in (used, used + more):
        usage = _usage(amount, 500 - amount)
        need = Need.of(_marks(30, 20), usage, None)
        relief = choose_cutoffs([_candidate(area, files)], need, trash=NOTHING, now=NOW)
        if relief.is_hopeless:
            return
        freed.append(total(disk.load(before=cutoff.at) for _, cutoff in relief.cutoffs))
    assert freed[1].covers(freed[0])


def test_what_fills_a_disk_is_told_in_words_the_largest_share_first() -> None:
    frames, outputs = _areas(frames={"retention": "30d"}, outputs=-1)
    parts = [SpaceUse(kept_in(frames), Load(1, 5, 5)), SpaceUse(kept_in(outputs), Load(1, 150, 150))]
    assert what_fills(_marks(90, 80), _usage(1000, 0), parts) == [
        "85 % of the used space is outside the storage",
        "15 % of the used space is in outputs, kept indefinitely",
    ]


@given(amounts=st.lists(st.integers(0, 10**12), max_size=8), outside=st.integers(0, 10**12))
def test_what_fills_a_disk_adds_up_to_all_of_it(amounts: list[int], outside: int) -> None:
    parts = [SpaceUse(f"part {number}", Load(1, amount, amount)) for number, amount in enumerate(amounts)]
    told = what_fills(_marks(90, 80), _usage(sum(amounts) + outside, 0), parts)
    assert sum(int(text.split()[0]) for text in told) == (100 if sum(amounts) + outside else 0)


def test_what_counts_more_than_is_used_leaves_nothing_outside_and_adds_up_all_the_same() -> None:
    parts = [SpaceUse("here", Load(1, 0, 150)), SpaceUse("there", Load(1, 0, 150))]
    assert what_fills(_marks(90, 80), _usage(200, 0), parts) == [
        "50 % of the used space is there",
        "50 % of the used space is here",
    ]


def test_what_fills_inodes_is_told_where_they_ran_out() -> None:
    mark = Watermark(ShareLevel(90), ShareLevel(80))
    usage = Usage(space=Space(99, 1), inodes=Space(95, 5))
    told = what_fills(Watermarks(space=(), inodes=(mark,)), usage, [SpaceUse("here", Load(19, 0, 99))])
    assert told == ["80 % of the used inodes is outside the storage", "20 % of the used inodes is here"]


# -- what an area gives unasked


def test_an_area_gives_no_more_unexpired_files_than_go_unasked_and_the_next_one_helps_out() -> None:
    first, second = _areas(a={"retention": "30d", "priority": 1}, b={"retention": "30d", "priority": 2})
    files = _hourly(30)
    candidates = [replace(_candidate(first, files), unasked=6), _candidate(second, files)]
    relief = _choose(candidates, 950)  # 151 are needed: 16 files
    loads = {name: Disk(files).load(before=cutoff.at).files for name, cutoff in relief.cutoffs}
    assert loads == {"a": 6, "b": 10}
    assert (relief.is_enough, relief.withheld) == (True, ())


def test_what_would_be_needed_beyond_that_is_told() -> None:
    (area,) = _areas(a={"retention": "30d", "priority": 1})
    files = _hourly(30)
    relief = _choose([replace(_candidate(area, files), unasked=6)], 950)
    assert [Disk(files).load(before=cutoff.at).files for _, cutoff in relief.cutoffs] == [6]
    assert (relief.is_enough, relief.is_hopeless, relief.withheld) == (False, False, (("a", 10),))


def test_an_area_in_doubt_gives_only_what_is_expired() -> None:
    (area,) = _areas(a={"retention": "40h", "priority": 1})
    files = _hourly(30)  # 30 to 60 hours old
    relief = _choose([replace(_candidate(area, files), unasked=0)], 1000)
    assert [(name, cutoff.cause) for name, cutoff in relief.cutoffs] == [("a", Cause.RETENTION)]
    assert relief.withheld == (("a", 1),)


def test_a_small_portion_goes_first_and_the_oldest() -> None:
    (area,) = _areas(a={"retention": "30d", "priority": 1})
    files = _hourly(200, LEAST.allocated // 2)
    need = Need(enough=Load(allocated=80 * LEAST.allocated), least=Load(allocated=1))
    relief = choose_cutoffs([_candidate(area, files)], need, trash=NOTHING, now=NOW)
    disk = Disk(files)
    assert [disk.load(before=cutoff.at).files for _, cutoff in relief.first] == [3]  # a 64th
    assert [disk.load(before=cutoff.at).files for _, cutoff in relief.cutoffs] == [160]


# -- empty directories


def _needs_inodes(count: int) -> Need:
    return Need(enough=Load(files=count), least=Load(files=1))


def test_empty_directories_go_before_any_file_that_is_not_expired() -> None:
    first, second = _areas(a={"retention": "30d", "priority": 1}, b={"retention": "30d", "priority": 2})
    times = tuple(NOW - (90 - number) * HOUR for number in range(10))
    candidates = [replace(_candidate(area, _hourly(20)), empty=Empty(0, times)) for area in (first, second)]
    relief = choose_cutoffs(candidates, _needs_inodes(14), trash=NOTHING, now=NOW)
    assert [(name, cutoff.at) for name, cutoff in relief.empty] == [("a", times[-1] + 1), ("b", times[3] + 1)]
    assert {cutoff.cause for _, cutoff in relief.cutoffs} == {Cause.RETENTION}
    assert (relief.is_enough, relief.first) == (True, ())
    relief = choose_cutoffs(candidates, _needs_inodes(25), trash=NOTHING, now=NOW)
    given = {name: Disk(_hourly(20)).load(before=cutoff.at).files for name, cutoff in relief.cutoffs}
    assert given == {"b": 0, "a": 5}


def test_expired_empty_directories_count_as_what_is_expired() -> None:
    (area,) = _areas(a={"retention": "30d", "priority": 1})
    candidate = replace(_candidate(area, _hourly(20)), empty=Empty(expired=7))
    relief = choose_cutoffs([candidate], _needs_inodes(7), trash=NOTHING, now=NOW)
    assert [(stage.area, stage.cutoff.cause, stage.only_empty) for stage in relief.stages] == [
        ("a", Cause.RETENTION, False),
        ("a", Cause.RETENTION, False),
    ]
    assert relief.is_enough


def test_how_many_files_go_unasked_says_nothing_of_empty_directories() -> None:
    (area,) = _areas(a={"retention": "30d", "priority": 1})
    times = tuple(NOW - (90 - number) * HOUR for number in range(10))
    candidate = replace(_candidate(area, _hourly(20)), unasked=0, empty=Empty(0, times))
    relief = choose_cutoffs([candidate], _needs_inodes(12), trash=NOTHING, now=NOW)
    assert [cutoff.at for _, cutoff in relief.empty] == [times[-1] + 1]
    assert (relief.is_enough, relief.withheld) == (False, (("a", 2),))


# -- what is on its way


def _on_its_way(amount: int, *, has_shown: bool) -> OnItsWay:
    return OnItsWay(at=NOW, load=Load(allocated=amount), peak=_usage(1000, 0).sight, has_shown=has_shown)


def test_what_is_on_its_way_is_not_removed_once_more() -> None:
    usage = _usage(950, 50)
    assert Need.of(_marks(90, 80), usage, None).enough == Load(allocated=151)
    assert Need.of(_marks(90, 80), usage, _on_its_way(100, has_shown=True)).enough == Load(allocated=51)


def test_after_no_gain_only_trash_and_expired_files_go() -> None:
    first, second = _areas(a={"retention": "30d", "priority": 1}, b={"retention": "1d"})
    candidates = [_candidate(first, _hourly(50)), _candidate(second, _hourly(2))]
    need = Need.of(_marks(90, 80), _usage(950, 50), _on_its_way(10, has_shown=False))
    relief = choose_cutoffs(candidates, need, trash=NOTHING, now=NOW)
    assert [(name, cutoff.cause) for name, cutoff in relief.cutoffs] == [("b", Cause.RETENTION)]
    assert not relief.is_enough


def test_bytes_that_gave_no_room_do_not_keep_inodes_from_being_freed() -> None:
    mark = Watermark(ShareLevel(90), ShareLevel(80))
    marks = Watermarks(space=(), inodes=(mark,))
    usage = Usage(space=Space(950, 50), inodes=Space(95, 5))
    need = Need.of(marks, usage, _on_its_way(100, has_shown=False))
    assert (need.enough, need.may_take_unexpired) == (Load(files=16), True)
