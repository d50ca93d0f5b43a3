from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shelflife.files.anchor import Anchor
from shelflife.files.tree import remove_empty, walk
from tests.integration.engine.users import common_directory, ordinary_user

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def anchor(tmp_path: Path) -> Iterator[Anchor]:
    for name in ("a/b/1", "a/2", "3", ".trash/7/4", "a/.trash/5"):
        path = tmp_path / "area" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "area/link").symlink_to("a")
    base = os.open(tmp_path, os.O_RDONLY)
    with Anchor.open(base, "area") as held:
        yield held
    os.close(base)


def test_a_tree_is_walked_parents_first_without_the_trash_of_the_area(anchor: Anchor) -> None:
    found: dict[str, list[str]] = {}
    for directory, _, entries in walk(anchor, ""):
        found.setdefault(directory, []).extend(sorted(entry.name for entry in entries))
    assert found == {
        "": ["3", "a", "link"],
        "a/": [".trash", "2", "b"],
        "a/b/": ["1"],
        "a/.trash/": ["5"],
    }
    order = list(found)
    assert order.index("a/") < order.index("a/b/")


def test_a_part_of_a_tree_is_walked(anchor: Anchor) -> None:
    assert {directory for directory, _, _ in walk(anchor, "a/b/")} == {"a/b/"}


def test_one_directory_alone_is_listed(anchor: Anchor) -> None:
    found = [
        (directory, entry.name)
        for directory, _, entries in walk(anchor, "a/", deep=False)
        for entry in entries
    ]
    assert sorted(found) == [("a/", ".trash"), ("a/", "2"), ("a/", "b")]


def test_the_descriptor_is_that_of_the_directory(anchor: Anchor) -> None:
    for directory, fd, _ in walk(anchor, ""):
        assert os.fstat(fd).st_ino == anchor.stat(directory).st_ino


def test_an_empty_directory_is_seen(anchor: Anchor, tmp_path: Path) -> None:
    (tmp_path / "area/empty").mkdir()
    assert [entries for directory, _, entries in walk(anchor, "") if directory == "empty/"] == [[]]


def test_a_tree_that_cannot_be_read_to_its_end_is_an_error() -> None:
    with common_directory() as directory, ordinary_user():
        (directory / "area/a/b").mkdir(parents=True)
        (directory / "area/a").chmod(0)
        base = os.open(directory, os.O_RDONLY)
        try:
            with Anchor.open(base, "area") as anchor, pytest.raises(PermissionError):
                list(walk(anchor, ""))
        finally:
            os.close(base)


def test_directories_that_are_empty_by_then_are_removed_and_no_others(anchor: Anchor, tmp_path: Path) -> None:
    (tmp_path / "area/c/d").mkdir(parents=True)
    paths = [directory for directory, _, entries in walk(anchor, "") if directory and not entries]
    assert remove_empty(anchor, paths) == 2
    assert not (tmp_path / "area/c").exists()
    assert (tmp_path / "area/a/b").exists()
