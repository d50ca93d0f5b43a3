"""Bringing back out of the trash: one contract, two implementations."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife.files import native
from shelflife.files.anchor import Anchor
from shelflife.files.candidates import Candidates
from shelflife.files.coming import OTHER_ONE, Coming
from shelflife.files.listing import Entry, EntryKind, entry_at
from shelflife.files.native.restoring import NativeRestoring
from shelflife.files.removal import Result
from shelflife.files.restoring import PureRestoring, Restoring, bring_one, make_directories
from shelflife.policy.verdict import Reason

_NAMES = ["plain", "new\nline", "byte\udcff", "x" * 255, " ", "-rf", ".gitkeep", ".trash"]
_LONG = 10**12


@pytest.fixture(params=["compiled", "pure"])
def tools(request: pytest.FixtureRequest) -> Restoring:
    if request.param == "pure":
        return PureRestoring()
    compiled = native.load()
    if compiled is None:
        pytest.skip("not compiled")
    return NativeRestoring(compiled.library)


@pytest.fixture
def anchor(tmp_path: Path) -> Iterator[Anchor]:
    for path in ("area/trash/d", "area/d"):
        (tmp_path / path).mkdir(parents=True)
    base = os.open(tmp_path, os.O_RDONLY)
    with Anchor.open(base, "area") as held:
        yield held
    os.close(base)


@pytest.fixture
def trash(tmp_path: Path, anchor: Anchor) -> Path:
    assert anchor.fd
    return tmp_path / "area/trash/d"


@pytest.fixture
def home(tmp_path: Path, anchor: Anchor) -> Path:
    assert anchor.fd
    return tmp_path / "area/d"


def _listed(tools: Restoring, anchor: Anchor) -> tuple[Candidates, Candidates]:
    files: list[Entry] = []
    directories: list[Entry] = []
    with anchor.directory("trash/d/") as fd:
        for chunk in tools.waiting(fd):
            files += chunk.files
            directories += chunk.directories
    return Candidates.of(files), Candidates.of(directories)


def _bring(tools: Restoring, anchor: Anchor, entries: Candidates, until: int | None = None) -> list[int]:
    until = time.monotonic_ns() + _LONG if until is None else until
    (came,) = tools.bring_back(anchor, anchor, [Coming("trash/d/", "d/", entries)], until)
    assert came.error == 0
    return list(came.codes)


def test_it_lists_all_that_waits_as_it_is(tools: Restoring, anchor: Anchor, trash: Path) -> None:
    for number, name in enumerate(_NAMES):
        (trash / name).write_bytes(b"x" * number)
    (trash / "link").symlink_to("nowhere")
    os.mkfifo(trash / "fifo")
    for name in ("dir", "other\ndir"):
        (trash / name).mkdir()
    files, directories = _listed(tools, anchor)
    with anchor.directory("trash/d/") as fd:
        for entry in files:
            found = entry_at(fd, entry.name)
            assert (entry.kind, entry.inode, entry.size, entry.mtime) == (
                *(found.kind, found.inode, found.size, found.mtime),
            )
    assert {entry.name for entry in files} == {*_NAMES, "link", "fifo"}
    assert {(entry.name, entry.kind) for entry in directories} == {
        ("dir", EntryKind.DIRECTORY),
        ("other\ndir", EntryKind.DIRECTORY),
    }


def test_an_empty_directory_has_nothing_to_list(tools: Restoring, anchor: Anchor, trash: Path) -> None:
    assert trash.is_dir()
    assert [len(found) for found in _listed(tools, anchor)] == [0, 0]


def test_it_counts_what_is_no_directory_at_any_depth(tools: Restoring, anchor: Anchor, trash: Path) -> None:
    for path in ("a", "sub/b", "sub/deeper/c", "sub/deeper/new\nline"):
        (trash / path).parent.mkdir(parents=True, exist_ok=True)
        (trash / path).touch()
    (trash / "link").symlink_to("sub")
    (trash / "empty/below").mkdir(parents=True)
    assert tools.count(anchor, "trash/d/") == 5
    assert tools.count(anchor, "trash/d/empty/") == 0
    assert tools.count(anchor, "trash/never/") == 0


def test_files_and_whole_directories_come_back_as_they_are(
    tools: Restoring, anchor: Anchor, trash: Path, home: Path
) -> None:
    for name in _NAMES:
        (trash / name).write_text("content")
    (trash / "dir/below").mkdir(parents=True)
    (trash / "dir/below/file").touch()
    before = {path.name: path.lstat().st_ino for path in trash.iterdir()}
    for entries in _listed(tools, anchor):
        assert _bring(tools, anchor, entries) == [0] * len(entries)
    assert list(trash.iterdir()) == []
    assert {path.name: path.lstat().st_ino for path in home.iterdir()} == before
    assert (home / "dir/below/file").exists()


def test_nothing_is_replaced_and_each_says_why_it_stays(
    tools: Restoring, anchor: Anchor, trash: Path, home: Path
) -> None:
    for name in "abcd":
        (trash / name).write_text("old")
    files, _ = _listed(tools, anchor)
    (home / "a").write_text("new")
    (home / "b").mkdir()
    (trash / "c").unlink()
    (trash / "other").write_text("other")
    (trash / "other").rename(trash / "d")
    codes = dict(zip((entry.name for entry in files), _bring(tools, anchor, files), strict=True))
    assert codes == {"a": errno.EEXIST, "b": errno.EEXIST, "c": errno.ENOENT, "d": OTHER_ONE}
    assert (home / "a").read_text() == "new"
    assert {path.name for path in trash.iterdir()} == {"a", "b", "d"}


def test_a_directory_does_not_even_replace_an_empty_one(
    tools: Restoring, anchor: Anchor, trash: Path, home: Path
) -> None:
    (trash / "dir").mkdir()
    (home / "dir").mkdir()
    inode = (home / "dir").stat().st_ino
    _, directories = _listed(tools, anchor)
    assert _bring(tools, anchor, directories) == [errno.EEXIST]
    assert (home / "dir").stat().st_ino == inode


@pytest.mark.parametrize(("source", "to"), [("trash/never/", "d/"), ("trash/d/", "never/")])
def test_a_directory_that_is_not_there_is_told_for_all(
    tools: Restoring, anchor: Anchor, trash: Path, source: str, to: str
) -> None:
    (trash / "a").touch()
    files, _ = _listed(tools, anchor)
    (came,) = tools.bring_back(anchor, anchor, [Coming(source, to, files)], time.monotonic_ns() + _LONG)
    assert (came.error, list(came.codes)) == (errno.ENOENT, [])
    assert (trash / "a").exists()


def test_a_link_on_the_way_leads_nowhere(
    tools: Restoring, anchor: Anchor, trash: Path, home: Path, tmp_path: Path
) -> None:
    (trash / "a").touch()
    files, _ = _listed(tools, anchor)
    home.rmdir()
    (tmp_path / "elsewhere").mkdir()
    home.symlink_to(tmp_path / "elsewhere")
    (came,) = tools.bring_back(anchor, anchor, [Coming("trash/d/", "d/", files)], time.monotonic_ns() + _LONG)
    assert came.error in (errno.ELOOP, errno.ENOTDIR)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_when_the_time_is_up_one_entry_is_tried_and_the_rest_waits(
    tools: Restoring, anchor: Anchor, trash: Path
) -> None:
    for name in "abc":
        (trash / name).touch()
    files, _ = _listed(tools, anchor)
    asked = [Coming("trash/d/", "d/", files), Coming("trash/d/", "d/", files)]
    first, second = tools.bring_back(anchor, anchor, asked, 0)
    assert (list(first.codes), list(second.codes)) == ([0], [])
    assert len(list(trash.iterdir())) == 2


def test_a_file_that_a_kill_left_under_both_names_is_back_and_loses_the_other(
    anchor: Anchor, trash: Path, home: Path
) -> None:
    (trash / "a").write_text("content")
    (home / "a").hardlink_to(trash / "a")
    with anchor.directory("trash/d/") as source, anchor.directory("d/") as target:
        outcome = bring_one(source, "a", entry_at(source, "a"), target, retries=0)
    assert (outcome.result, outcome.reason) == (Result.RESTORED, Reason.RESTORED)
    assert [path.name for path in trash.iterdir()] == []
    assert (home / "a").read_text() == "content"


def test_directories_are_made_again_with_the_modes_that_the_trash_knows(
    anchor: Anchor, trash: Path, tmp_path: Path
) -> None:
    (trash / "sub").mkdir()
    (trash / "sub").chmod(0o750)
    make_directories(anchor, "new/d/sub/", anchor, "trash/d/sub/", (os.geteuid(), os.getegid()))
    assert (tmp_path / "area/new/d/sub").stat().st_mode & 0o7777 == 0o750
