from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife.files.anchor import Anchor
from shelflife.files.held import held_directory, held_entry
from shelflife.files.kernel import birth_time
from shelflife.files.listing import entry_at, signed
from shelflife.policy.holds import Hold, Holds


@pytest.fixture
def anchor(tmp_path: Path) -> Iterator[Anchor]:
    (tmp_path / "frames/a/b").mkdir(parents=True)
    (tmp_path / "frames/a/file").touch()
    base = os.open(tmp_path, os.O_RDONLY)
    with Anchor.open(base, "frames") as opened:
        yield opened
    os.close(base)


def _hold(anchor: Anchor, path: str, *, tree: bool, born: int | None = None, area: str = "frames") -> Hold:
    """Return a hold on what is at `path` now, by its inode and time of birth."""
    parent, _, name = path.rpartition("/")
    with anchor.directory(f"{parent}/" if parent else "") as fd:
        inode = os.stat(name, dir_fd=fd).st_ino
        born = birth_time(fd, name) if born is None else born
    return Hold(
        id=1,
        path=f"frames/{path}",
        tree=tree,
        area=area,
        inode=signed(inode),
        born=born,
        created=0,
        until=None,
        reason="",
    )


def _directory(holds: Holds, anchor: Anchor, path: str) -> Hold | None:
    return held_directory(holds, anchor, "frames", "frames", path)


def _entry(holds: Holds, anchor: Anchor, directory: str, name: str) -> Hold | None:
    with anchor.directory(directory) as fd:
        entry = entry_at(fd, name)
        assert entry is not None
        return held_entry(holds, "frames", f"frames/{directory}{name}", fd, entry)


def test_a_directory_is_held_by_its_path_and_by_that_of_one_above_it(anchor: Anchor) -> None:
    hold = _hold(anchor, "a", tree=True)
    holds = Holds([hold])
    assert _directory(holds, anchor, "a/") == _directory(holds, anchor, "a/b/") == hold
    assert _directory(holds, anchor, "") is None
    assert _directory(Holds(), anchor, "a/") is None


def test_a_directory_that_was_renamed_is_held_as_what_it_is(anchor: Anchor, tmp_path: Path) -> None:
    hold = _hold(anchor, "a", tree=True)
    (tmp_path / "frames/a").rename(tmp_path / "frames/other")
    holds = Holds([hold])
    assert _directory(holds, anchor, "other/") == _directory(holds, anchor, "other/b/") == hold
    another = Holds([_hold(anchor, "other", tree=True, born=7)])  # one that was given the same inode later
    (tmp_path / "frames/other").rename(tmp_path / "frames/third")
    assert _directory(another, anchor, "third/") is None


def test_a_file_is_held_by_its_path_and_under_another_name_as_what_it_is(
    anchor: Anchor, tmp_path: Path
) -> None:
    hold = _hold(anchor, "a/file", tree=False)
    holds = Holds([hold])
    assert _entry(holds, anchor, "a/", "file") == hold
    (tmp_path / "frames/a/file").rename(tmp_path / "frames/a/other")
    assert _entry(holds, anchor, "a/", "other") == hold
    assert _directory(holds, anchor, "a/") is None
    assert _entry(Holds(), anchor, "a/", "other") is None
    foreign = Holds([_hold(anchor, "a/other", tree=False, area="uploads")])
    (tmp_path / "frames/a/other").rename(tmp_path / "frames/a/third")
    assert _entry(foreign, anchor, "a/", "third") is None


def test_a_new_file_under_a_held_name_is_held_and_under_another_name_is_not(
    anchor: Anchor, tmp_path: Path
) -> None:
    holds = Holds([_hold(anchor, "a/file", tree=False, born=7)])
    (tmp_path / "frames/a/other").touch()
    assert _entry(holds, anchor, "a/", "file") is not None
    assert _entry(holds, anchor, "a/", "other") is None
