from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shelflife.policy.holds import Hold, Holds

_NOW = 1_000


def _hold(path: str, *, tree: bool = False, **values: int | None) -> Hold:
    fields: dict[str, int | None] = dict.fromkeys(("inode", "born", "until", "ended"))
    fields.update(values)
    return Hold(
        id=1,
        path=path,
        tree=tree,
        area="media",
        created=0,
        reason="",
        inode=fields["inode"],
        born=fields["born"],
        until=fields["until"],
        ended=fields["ended"],
    )


@pytest.mark.parametrize(
    ("until", "ended", "active"),
    [
        (None, None, True),
        (_NOW + 1, None, True),
        (_NOW, None, False),
        (_NOW - 1, None, False),
        (None, _NOW, False),
        (_NOW + 1, _NOW - 5, False),
    ],
)
def test_a_hold_is_active_until_its_end_or_until_somebody_ends_it(
    until: int | None, ended: int | None, *, active: bool
) -> None:
    hold = _hold("media/a", until=until, ended=ended)
    assert hold.is_active(_NOW) is active
    assert bool(Holds.of([hold], _NOW)) is active


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("media/tree", True),
        ("media/tree/a", True),
        ("media/tree/a/b/c", True),
        ("media/tree-too", False),
        ("media/tre", False),
        ("media", False),
        ("media/file", True),
        ("media/file/below", False),  # a file that is held has nothing below it
        ("other/media/tree", False),
    ],
)
def test_a_hold_on_a_directory_covers_all_below_it_and_nothing_beside_it(path: str, *, covered: bool) -> None:
    holds = Holds.of([_hold("media/tree", tree=True), _hold("media/file")], _NOW)
    assert (holds.covering(path) is not None) is covered


@pytest.mark.parametrize(
    ("path", "found"),
    [("media", True), ("media/tree", True), ("media/tree/", True), ("media/tree/a", False), ("medi", False)],
)
def test_what_is_held_below_a_directory_is_found(path: str, *, found: bool) -> None:
    holds = Holds.of([_hold("media/tree/a")], _NOW)
    assert (holds.below(path) is not None) is found


def test_an_inode_counts_only_with_its_birth_time() -> None:
    holds = Holds.of([_hold("media/a", inode=7, born=None), _hold("media/b", inode=8, born=5)], _NOW)
    assert set(holds.inodes) == {("media", 8)}


def test_only_directories_make_it_worth_looking_at_what_is_above() -> None:
    assert not Holds.of([_hold("media/a")], _NOW).has_trees
    assert Holds.of([_hold("media/a", tree=True)], _NOW).has_trees


def test_times_are_told_as_moments_with_a_zone() -> None:
    hold = _hold("a", until=_NOW * 10**9)
    assert hold.until_at == datetime.fromtimestamp(_NOW, UTC)
    assert hold.created_at == datetime.fromtimestamp(0, UTC)
    assert _hold("a").until_at is None


def test_what_is_held_by_its_inode_is_told_by_area_files_and_trees_apart() -> None:
    holds = Holds(
        [
            _hold("media/a", inode=1, born=5),
            _hold("media/t", tree=True, inode=2, born=5),
            _hold("media/b", inode=3),
        ]
    )
    assert (holds.files_of("media"), holds.trees_of("media")) == (frozenset({1}), frozenset({2}))
    assert not holds.files_of("other")
    assert not holds.trees_of("other")


@pytest.mark.parametrize(
    ("path", "concerned"),
    [
        ("media", True),
        ("media/t", True),
        ("media/t/below", True),
        ("media/a", True),
        ("media/b", False),
        ("m", False),
    ],
)
def test_a_hold_concerns_its_place_those_above_it_and_of_a_tree_those_below(
    path: str, *, concerned: bool
) -> None:
    holds = Holds([_hold("media/t", tree=True), _hold("media/a/file")])
    assert holds.concern(path) is concerned


def test_holds_as_they_are_never_change() -> None:
    holds = Holds([_hold("a")])
    assert holds.current() is holds


@pytest.mark.parametrize("path", ["", "a", "a/b/c"])
def test_a_hold_on_the_base_path_covers_everything(path: str) -> None:
    holds = Holds.of([_hold(".", tree=True)], _NOW)
    assert holds.covering(path) is not None
    assert holds.concern(path)
    assert holds.below(path) is None


def test_what_is_held_anywhere_is_below_the_base_path() -> None:
    assert Holds.of([_hold("a")], _NOW).below("") is not None
    assert Holds.of([_hold("a/b")], _NOW).concern("")
    assert Holds.of([_hold("a/b")], _NOW).covering("") is None
