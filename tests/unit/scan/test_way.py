"""Which way a directory goes: compiled or careful."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife.files.anchor import Anchor
from shelflife.files.candidates import Candidates
from shelflife.files.kernel import birth_time
from shelflife.files.listing import entry_at, signed
from shelflife.files.primitives import chosen, in_python
from shelflife.files.reading import Flag, Search
from shelflife.files.survey import Key, Survey
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.holds import Hold, Holds
from shelflife.records.index import Index
from shelflife.records.sqlite.index_file import open_index
from shelflife.records.state import Owner, StateDirectory
from shelflife.scan.way import Ways, for_reading, for_removing, native_of, read_alike, read_all
from shelflife.storage.root import AreaRoot
from tests.unit.policy.areas import an_area

_CUTOFFS = Cutoffs((Cutoff(at=5, cause=Cause.RETENTION), None))
_NOBODY = Holds()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[AreaRoot]:
    (tmp_path / "frames/a/b/c").mkdir(parents=True)
    base = os.open(tmp_path, os.O_RDONLY)
    with Anchor.open(base, "frames") as anchor:
        yield AreaRoot(an_area(protect=["kept/", "x/*.keep"]), "frames", anchor)
    os.close(base)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    home = tmp_path / ".shelflife"
    state = StateDirectory(home, home, Owner.of(tmp_path))
    with open_index(state) as opened:
        yield opened


def _hold(path: str, *, tree: bool, inode: int | None = None) -> Hold:
    born = None if inode is None else 1
    return Hold(
        id=1, path=path, tree=tree, area="frames", inode=inode, born=born, created=0, until=None, reason=""
    )


@pytest.mark.parametrize(
    ("path", "number"), [("a/", 0), ("", 0), ("kept/", 1), ("kept/below/", 1), ("x/", None), ("x/y/", 0)]
)
def test_a_directory_is_compiled_where_its_files_are_of_one_class_whatever_their_names(
    root: AreaRoot, index: Index, path: str, number: int | None
) -> None:
    native = Ways(root, index, _NOBODY).native(path, _CUTOFFS, _NOBODY)
    assert (None if native is None else native.number) == number


@pytest.mark.parametrize(
    ("held", "tree", "careful"),
    [
        ("frames/a/b", True, ["", "a/", "a/b/", "a/b/c/"]),
        ("frames/a/b/file", False, ["", "a/", "a/b/"]),
        ("frames", True, ["", "a/", "a/b/", "a/b/c/", "d/"]),
        ("frames-too/a", True, []),
        ("uploads/a/b", True, []),
    ],
)
def test_a_hold_concerns_what_is_above_and_below_it_and_nothing_else(
    root: AreaRoot, index: Index, held: str, *, tree: bool, careful: list[str]
) -> None:
    holds = Holds([_hold(held, tree=tree)])
    ways = Ways(root, index, holds)
    paths = ["", "a/", "a/b/", "a/b/c/", "d/"]
    assert [path for path in paths if ways.native(path, _CUTOFFS, holds) is None] == careful


def test_a_directory_that_is_held_and_was_renamed_is_found_by_its_inode(root: AreaRoot, index: Index) -> None:
    for number, path in enumerate(["", "a/", "a/b/", "a/b/c/", "ab/"]):
        index.put(index.root("frames"), path, Survey(key=Key(number, 2, 3)), listed=5, rules=7)
    holds = Holds([_hold("frames/formerly", tree=True, inode=2)])
    ways = Ways(root, index, holds)
    assert [path for path in ("a/", "a/b/", "a/b/c/", "ab/") if ways.concern(path, holds)] == [
        "a/b/",
        "a/b/c/",
    ]


def test_until_a_new_hold_is_looked_up_every_directory_is_careful(root: AreaRoot, index: Index) -> None:
    index.put(index.root("frames"), "d/", Survey(key=Key(9, 2, 3)), listed=5, rules=7)
    ways = Ways(root, index, _NOBODY)
    holds = Holds([_hold("frames/formerly", tree=True, inode=2)])
    assert ways.concern("d/", holds)
    ways.renew(holds)
    assert not ways.concern("d/", holds)


def test_a_file_that_is_held_is_found_by_its_inode_among_what_is_due(root: AreaRoot, index: Index) -> None:
    path = Path(os.readlink(f"/proc/self/fd/{root.anchor.fd}"))
    for name in ("held", "other"):
        (path / name).touch()
    held = entry_at(root.anchor.fd, "held")
    holds = Holds([_hold("frames/formerly", tree=False, inode=signed(held.inode))])
    ways = Ways(root, index, holds)
    assert birth_time(root.anchor.fd, "held") is not None
    assert ways.is_held(Candidates.of([entry_at(root.anchor.fd, "other"), held]), holds)
    assert not ways.is_held(Candidates.of([entry_at(root.anchor.fd, "other")]), holds)
    assert not ways.is_held(Candidates.of([held]), _NOBODY)


def test_the_place_of_a_new_hold_counts_once_it_is_looked_up(root: AreaRoot, index: Index) -> None:
    for number, path in enumerate(["", "a/", "d/"]):
        index.put(index.root("frames"), path, Survey(key=Key(number, 2, 3)), listed=5, rules=7)
    ways = Ways(root, index, _NOBODY)
    holds = Holds([_hold("frames/formerly", tree=True, inode=2)])
    ways.renew(holds)
    assert [path for path in ("a/", "d/") if ways.concern(path, holds)] == ["d/"]
    ways.renew(_NOBODY)
    assert not ways.concern("d/", _NOBODY)


def test_without_openat2_all_goes_the_careful_way_and_in_python(root: AreaRoot) -> None:
    assert native_of(root.area, root.anchor, "a/", _CUTOFFS) is not None
    assert for_reading(root.anchor) is for_removing(root.anchor) is chosen()
    root.anchor.uses_openat2 = False
    assert native_of(root.area, root.anchor, "a/", _CUTOFFS) is None
    assert not for_reading(root.anchor).is_compiled
    assert not for_removing(root.anchor).is_compiled


def test_where_others_work_on_the_same_files_each_look_is_a_fresh_one_in_python(
    root: AreaRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Anchor, "is_shared", True)
    assert for_reading(root.anchor) is chosen()
    assert not for_removing(root.anchor).is_compiled


def test_all_directories_are_read_in_their_order_each_its_way(root: AreaRoot) -> None:
    base = Path(os.readlink(f"/proc/self/fd/{root.anchor.fd}"))
    paths = ["a/", "x/", "kept/", "a/b/", "nothing/", "a/b/c/"]  # x/ goes by names, the others do not
    for number, path in enumerate(paths):
        if path != "nothing/":
            (base / path).mkdir(exist_ok=True)
            for name in range(number):
                (base / path / f"{name}.keep").touch()
    readings = read_all(root.anchor, paths, Search(root.area, _CUTOFFS), Flag())
    assert [bool(reading.error) for reading in readings] == [False, False, False, False, True, False]
    assert [len(reading.survey.children) for reading in readings] == [1, 0, 0, 1, 0, 0]
    assert [reading.survey.entries - len(reading.survey.children) for reading in readings] == [
        0,
        1,
        2,
        3,
        0,
        5,
    ]
    assert read_alike(in_python(), root.anchor, [], Search(root.area, _CUTOFFS), Flag()) == []


def test_a_stop_ends_the_reading_before_the_next_directory(root: AreaRoot) -> None:
    stop = Flag()
    stop.set()
    assert read_all(root.anchor, ["a/", "x/"], Search(root.area, _CUTOFFS), stop) == []
