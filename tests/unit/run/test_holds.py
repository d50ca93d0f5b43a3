from __future__ import annotations

import pytest

from shelflife.clock import HOUR
from shelflife.errors import UsageError
from shelflife.run.holds import add_hold, end_hold, list_holds
from shelflife.testing import Storage
from tests.inside import workplace_of


def test_a_file_is_held_by_its_path_and_by_what_it_is(storage: Storage) -> None:
    file = storage.file("temp/a/b")
    work = workplace_of(storage)
    hold = add_hold(work, "temp/a/b", until=storage.now() + HOUR, reason="why")
    assert (hold.path, hold.tree, hold.area, hold.reason) == ("temp/a/b", False, "temp", "why")
    assert hold.inode == file.stat().st_ino
    assert list_holds(work) == [hold]


@pytest.mark.parametrize(("path", "whole"), [("temp/a", "temp/a"), ("temp/a/", "temp/a"), ("temp", "temp")])
def test_a_directory_is_held_with_all_below_it(storage: Storage, path: str, whole: str) -> None:
    storage.file("temp/a/b")
    hold = add_hold(workplace_of(storage), path)
    assert (hold.path, hold.tree, hold.inode) == (whole, True, storage.path(whole).stat().st_ino)


@pytest.mark.parametrize("late", [0, 1])
def test_the_end_of_a_hold_lies_in_the_future(storage: Storage, late: int) -> None:
    storage.file("temp/a")
    work = workplace_of(storage)
    moment = work.clock() - late
    with pytest.raises(UsageError, match="in the future"):
        add_hold(work, "temp/a", until=moment)
    assert list_holds(work) == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("temp/nothing", "cannot hold temp/nothing: No such file"),
        ("temp/nothing/a", "cannot hold temp/nothing/a: No such file"),
        ("temp/file/a", "cannot hold temp/file/a: Not a directory"),
        ("/etc/passwd", "lies in none of the areas"),
    ],
)
def test_what_is_not_there_cannot_be_held(storage: Storage, path: str, reason: str) -> None:
    storage.file("temp/file")
    work = workplace_of(storage)
    with pytest.raises(UsageError, match=reason):
        add_hold(work, path)
    assert list_holds(work) == []


def test_a_hold_that_has_ended_is_listed_only_where_that_is_asked_for(storage: Storage) -> None:
    for name in "ab":
        storage.file(f"temp/{name}")
    work = workplace_of(storage)
    add_hold(work, "temp/a", until=storage.now() + HOUR)
    ended = add_hold(work, "temp/b")
    assert [hold.path for hold in end_hold(work, "temp/b")] == ["temp/b"]
    assert [hold.path for hold in list_holds(work)] == ["temp/a"]
    storage.tick("2h")
    assert list_holds(work) == []
    assert {hold.id for hold in list_holds(work, ended=True)} == {ended.id, ended.id - 1}


def test_what_no_hold_of_its_own_holds_cannot_be_freed(storage: Storage) -> None:
    storage.file("temp/a/b")
    work = workplace_of(storage)
    add_hold(work, "temp/a")
    with pytest.raises(UsageError, match="not held by a hold of its own"):
        end_hold(work, "temp/a/b")
    assert len(list_holds(work)) == 1
