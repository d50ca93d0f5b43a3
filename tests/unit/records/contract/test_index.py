"""What every index does, whatever it is kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.files.known import Known
from shelflife.files.listing import FOREVER
from shelflife.files.survey import ClassSurvey, Key, Survey
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.load import Load
from shelflife.records.index import Index, RowState
from tests.unit.records.contract.conftest import FLEETING, each_fleeting
from tests.unit.records.contract.indexing import TREE, before, paths_of, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shelflife.records.records import Records


def _is_preorder(paths: list[str]) -> bool:
    """Each directory comes before what is below it, and all below it comes before anything else."""
    way: list[str] = []
    done: set[str] = set()
    for path in paths:
        while way and not path.startswith(way[-1]):
            done.add(way.pop())
        if any(path.startswith(parent) for parent in done if parent):
            return False
        way.append(path)
    return True


_names = st.text(st.sampled_from("ab-./0\n~\udcff\udc80ä"), min_size=1, max_size=3).filter(
    lambda name: "/" not in name
)
_trees = st.lists(
    st.lists(_names, max_size=4).map(lambda parts: "".join(f"{part}/" for part in parts)), max_size=20
)


def test_rows_come_in_preorder_whatever_the_names(index: Index) -> None:
    root = index.root("frames")
    for path in reversed(TREE):
        put(index, root, path)
    index.flush()
    found = paths_of(index, root)
    assert sorted(found) == sorted(TREE)
    assert found[0] == ""
    assert _is_preorder(found)


@each_fleeting
@given(paths=_trees)
def test_every_tree_comes_in_preorder(kind: str, paths: list[str]) -> None:
    complete = {path[: position + 1] for path in paths for position, char in enumerate(path) if char == "/"}
    with FLEETING[kind]() as index:
        root = index.root("frames")
        for path in {"", *complete}:
            put(index, root, path)
        index.flush()
        found = paths_of(index, root)
    assert set(found) == {"", *complete}
    assert _is_preorder(found)


@each_fleeting
@given(paths=_trees, dropped=st.lists(_names, max_size=3))
def test_dropping_a_directory_drops_what_is_below_it_and_nothing_else(
    kind: str, paths: list[str], dropped: list[str]
) -> None:
    gone = "".join(f"{part}/" for part in dropped)
    with FLEETING[kind]() as index:
        root, other = index.root("frames"), index.root("temp")
        for path in {"", *paths, gone}:
            put(index, root, path)
            put(index, other, path)
        index.drop(root, gone)
        assert set(paths_of(index, root)) == {path for path in {"", *paths} if not path.startswith(gone)}
        assert set(paths_of(index, other)) == {"", *paths, gone}


@pytest.mark.parametrize("path", TREE)
def test_a_row_is_found_again(index: Index, path: str) -> None:
    root = index.root("frames")
    put(index, root, path)
    index.flush()
    row = index.row(root, path)
    assert row is not None
    assert (row.path, row.key, row.listed, row.rules, row.state) == (path, Key(1, 2, 3), 5, 7, RowState.OK)
    assert index.row(root, path + "none/") is None


@pytest.mark.parametrize(
    ("settled", "given_state", "recorded"),
    [
        (True, None, RowState.OK),
        (False, None, RowState.UNSETTLED),
        (True, RowState.DIRTY, RowState.DIRTY),
        (False, RowState.UNREADABLE, RowState.UNREADABLE),
    ],
)
def test_a_survey_that_is_not_settled_is_recorded_as_such(
    index: Index, settled: bool, given_state: RowState | None, recorded: RowState
) -> None:
    root = index.root("frames")
    put(index, root, "a/", given_state, settled=settled)
    index.flush()
    row = index.row(root, "a/")
    assert row is not None
    assert row.state == recorded


def test_forgetting_a_directory_leaves_the_others(index: Index) -> None:
    root = index.root("frames")
    for path in ("a/", "a/b/", "a-b/"):
        put(index, root, path)
    index.forget(root, "a/b/")
    index.flush()
    assert paths_of(index, root) == ["a-b/", "a/"]


def test_what_cannot_be_read_keeps_its_numbers_and_is_not_due(index: Index) -> None:
    root = index.root("frames")
    for path in ("", "a/", "a/b/", "a-b/"):
        put(index, root, path, files=3, bytes=30, first_due=1)
    index.mark(root, "a/", RowState.UNREADABLE, listed=9)
    index.complete(root, as_of=9)
    assert list(index.due(root, before(5))) == ["", "a-b/"]
    totals = index.totals("frames")
    assert (totals.files, totals.bytes, totals.directories, totals.scanned) == (12, 120, 4, 6)
    below = index.row(root, "a/b/")
    assert below is not None
    assert below.state == RowState.UNREADABLE


def test_what_was_never_read_is_marked_without_numbers(index: Index) -> None:
    root = index.root("frames")
    index.mark(root, "mounted/", RowState.MOUNT, listed=9)
    index.complete(root, as_of=9)
    totals = index.totals("frames")
    assert (totals.files, totals.directories, totals.of(0).oldest, totals.newest) == (0, 1, None, None)
    assert list(index.due(root, before(FOREVER))) == []


@pytest.mark.parametrize(
    ("row_state", "due"),
    [
        (RowState.OK, True),
        (RowState.UNSETTLED, True),
        (RowState.DIRTY, False),
        (RowState.UNREADABLE, False),
        (RowState.MOUNT, False),
    ],
)
@pytest.mark.parametrize("path", ["", "a/"])
def test_a_directory_is_due_when_something_in_it_is_before_the_cutoff(
    index: Index, row_state: RowState, due: bool, path: str
) -> None:
    root = index.root("frames")
    put(index, root, path, row_state, first_due=10)
    assert list(index.due(root, before(11))) == ([path] if due else [])
    assert list(index.due(root, before(10))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": RowState.UNSETTLED},
        {"state": RowState.DIRTY},
        {"entries": 4},  # a link, or a directory below it
        {"first_due": 50},
        {"newest": 49},  # all of it is due
    ],
)
def test_what_may_be_known_without_being_read_is_settled_and_has_files_only(
    index: Index, change: dict[str, Any]
) -> None:
    root = index.root("frames")
    plain: dict[str, Any] = {"entries": 3, "files": 3, "bytes": 30, "first_due": 5, "oldest": 5, "newest": 90}
    put(index, root, "a/", **plain)
    put(index, root, "b/", **plain | change)
    index.flush()
    known = index.plain(root, ["a/", "b/"], before(50), 7)
    assert known == {"a/": Known(Key(1, 2, 3).pack(), 3, 30, 0, 5, 0, 90, b"")}
    assert index.plain(root, ["a/", "b/"], before(50), 8) == {}  # listed under other rules
    assert index.plain(root, [], before(50), 7) == {}


def test_sums_are_of_the_rows_as_they_are_and_totals_as_they_were_when_last_summed_up(index: Index) -> None:
    root = index.root("frames")
    put(index, root, "a/", files=2, bytes=20, first_due=50)
    index.complete(root, as_of=77)
    summed = index.sums(root)
    assert summed == index.totals("frames")
    assert (summed.scanned, summed.readable.bytes, summed.of(0).first_due) == (2, 20, 50)

    def changes() -> Iterator[Callable[[], None]]:
        yield lambda: put(index, root, "b/", files=1, bytes=5, first_due=40)
        yield lambda: index.mark(root, "a/", RowState.UNREADABLE, listed=1)
        yield lambda: index.forget(root, "b/")
        yield lambda: index.drop(root, "a/")

    expected = [(3, 25, 40), (1, 5, 40), (0, 0, None), (0, 0, None)]
    for change, numbers in zip(changes(), expected, strict=True):
        earlier = index.totals("frames")
        change()
        now = index.sums(root)
        assert (now.scanned, now.readable.bytes, now.of(0).first_due) == numbers
        assert index.totals("frames") == earlier
        assert list(index.due(root, before(41))) == (["b/"] if numbers[2] == 40 else [])
        index.complete(root, as_of=None)
        assert index.totals("frames") == now


def test_totals_are_the_sums_of_the_rows(index: Index) -> None:
    root = index.root("frames")
    put(index, root, "", files=1, bytes=10, allocated=4096, oldest=7, newest=7)
    part = ClassSurvey(files=3, bytes=5, allocated=8192, oldest=1, newest=11)
    put(index, root, "a/", files=2, bytes=20, oldest=4, newest=9, others={1: part})
    put(index, root, "empty/")
    index.complete(root, as_of=77)
    totals = index.totals("frames")
    assert (totals.as_of, totals.files, totals.bytes, totals.directories) == (77, 6, 35, 3)
    assert (totals.newest, totals.scanned, totals.readable) == (11, 6, Load(6, 35, 12288))
    own, other = totals.of(0), totals.of(1)
    assert (own.files, own.bytes, own.allocated, own.oldest, own.newest) == (3, 30, 4096, 4, 9)
    assert (other.files, other.bytes, other.allocated, other.oldest, other.newest) == (3, 5, 8192, 1, 11)
    assert index.totals("temp").as_of == 0


def test_units_are_the_sums_of_all_below_them(index: Index) -> None:
    root = index.root("frames")
    put(index, root, "", files=9, newest=99)
    put(index, root, "a/", files=1, bytes=2, newest=5)
    part = ClassSurvey(files=1, bytes=4, newest=6)
    put(index, root, "a/deep/down/", files=2, bytes=3, newest=8, others={1: part}, staying=1)
    put(index, root, "a/deep/", others={1: ClassSurvey(files=1, bytes=4, newest=7), 2: ClassSurvey(newest=1)})
    put(index, root, "a-b/", RowState.UNREADABLE, newest=-FOREVER)
    first, second = index.units(root)
    assert (first.path, first.state, first.newest) == ("a-b/", int(RowState.UNREADABLE), {})
    assert (second.path, second.load) == ("a/", Load(5, 13, 0))
    assert second.newest == {0: 8, 1: 7, 2: 1}
    assert (second.staying, second.changed) == (1, 2)


def _of(first: int | None = None, second: int | None = None) -> Cutoffs:
    moments = (None, first, second)
    return Cutoffs(tuple(None if at is None else Cutoff(at=at, cause=Cause.RETENTION) for at in moments))


def test_a_directory_is_due_when_something_of_some_class_is_before_the_cutoff_of_that_class(
    index: Index,
) -> None:
    root = index.root("frames")
    put(index, root, "a/", first_due=1, others={1: ClassSurvey(first_due=10)})
    put(index, root, "a/b/", first_due=1, others={2: ClassSurvey(first_due=20)})
    put(index, root, "c/", RowState.DIRTY, first_due=1, others={1: ClassSurvey(first_due=10)})
    index.flush()
    assert list(index.due(root, _of(first=10, second=20))) == []
    assert list(index.due(root, _of(first=11))) == ["a/"]
    assert list(index.due(root, _of(second=21))) == ["a/b/"]
    assert list(index.due(root, _of(first=11, second=21))) == ["a/", "a/b/"]
    assert list(index.due(root, before(2))) == ["a/", "a/b/"]


def test_a_listing_that_lacks_a_class_takes_its_numbers_away(index: Index) -> None:
    root = index.root("frames")
    put(index, root, "a/", others={1: ClassSurvey(files=3, first_due=1), 2: ClassSurvey(files=1)})
    index.flush()
    put(index, root, "a/", others={2: ClassSurvey(files=2)})
    put(index, root, "a/", others={2: ClassSurvey(files=5)})  # twice before it is written
    assert {number: found.files for number, found in index.sums(root).classes.items()} == {0: 0, 2: 5}
    index.forget(root, "a/")
    assert index.sums(root).files == 0
    assert list(index.units(root)) == []


def test_dropping_a_directory_drops_what_is_of_other_classes_there(index: Index) -> None:
    root = index.root("frames")
    for path in ("a/", "a/b/", "a-b/"):
        put(index, root, path, others={1: ClassSurvey(files=3, newest=4)})
    index.drop(root, "a/")
    assert index.sums(root).of(1).files == 3
    assert [unit.path for unit in index.units(root)] == ["a-b/"]


def test_what_may_be_known_without_being_read_may_be_of_any_one_class(index: Index) -> None:
    root = index.root("frames")
    part = ClassSurvey(files=3, bytes=30, first_due=5, oldest=5, newest=90)
    put(index, root, "a/", entries=3, others={1: part})
    put(index, root, "b/", entries=4, files=1, first_due=5, newest=90, others={1: part})
    index.flush()
    assert list(index.plain(root, ["a/", "b/"], _of(first=50), 7)) == ["a/"]
    assert index.plain(root, ["a/", "b/"], _of(second=50), 7) == {}


def test_hours_and_times_are_kept_by_class(index: Index) -> None:
    root = index.root("frames")
    hours = {3: Load(1, 5, 4096)}
    put(index, root, "", others={1: ClassSurvey(files=1, hours=hours, first_due=3 * HOUR, newest=3 * HOUR)})
    put(index, root, "a/", others={1: ClassSurvey(files=1, hours=hours, first_due=3 * HOUR, newest=3 * HOUR)})
    assert index.hours(root) == {}
    assert index.hours(root, number=1) == {3: Load(2, 10, 8192)}
    assert index.hours(root, number=1, own=True) == hours
    assert index.between(root, 3 * HOUR, 4 * HOUR) == ["", "a/"]
    assert index.between(root, 4 * HOUR, 5 * HOUR) == []


def test_a_directory_is_found_by_its_inode(index: Index) -> None:
    root = index.root("frames")
    for number, path in enumerate(["a/", "a/b/", "c/"]):
        index.put(root, path, Survey(key=Key(number - 1, 2, 3)), listed=5, rules=7)
    assert index.places_of(root, {-1, 1, 99}) == ["a/", "c/"]
    assert index.places_of(root, ()) == []


def test_what_was_not_flushed_is_forgotten(records: Records) -> None:
    with records.open_index() as index:
        put(index, index.root("frames"), "a/")
        index.flush()
        put(index, index.root("frames"), "b/")
    with records.open_index() as index:
        assert paths_of(index, index.root("frames")) == ["a/"]


def test_what_holds_nothing_is_told_with_its_time(index: Index) -> None:
    root = index.root("frames")
    put(index, root, "")
    put(index, root, "b/")
    put(index, root, "a/")
    put(index, root, "full/", entries=1, files=1)
    put(index, root, "unread/", RowState.UNREADABLE)
    assert index.empty(root) == [("a/", 2), ("b/", 2)]
