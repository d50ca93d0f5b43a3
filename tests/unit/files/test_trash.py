from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife.files.anchor import Anchor
from shelflife.files.listing import entry_at
from shelflife.files.removal import Result
from shelflife.files.trash import Trash, TrashName, prune_trash
from shelflife.policy.verdict import Reason

_AT = 1_700_000_000 * 10**9


@pytest.fixture
def area(tmp_path: Path) -> Iterator[Anchor]:
    (tmp_path / "media/a/b").mkdir(parents=True)
    (tmp_path / "media/a/b/file").write_bytes(b"content")
    base = os.open(tmp_path, os.O_RDONLY)
    with Anchor.open(base, "media") as anchor:
        yield anchor
    os.close(base)


@pytest.fixture
def trash(area: Anchor) -> Iterator[Trash]:
    trash = Trash(area, TrashName(7, _AT), owner=(os.getuid(), os.getgid()))
    yield trash
    trash.close()


_RUN = "20231114T221320Z-7"


@pytest.mark.parametrize("at", [0, _AT, 4_000_000_000 * 10**9])
def test_a_name_says_what_it_was_made_of(at: int) -> None:
    assert TrashName.parse(str(TrashName(12, at))) == TrashName(12, at)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "displaced",
        "20231114T221320Z",
        "20231114T221320Z-",
        "20231332T221320Z-7",
        "x-7",
        f"{_RUN}/",
        f"x{_RUN}",
    ],
)
def test_other_names_are_no_run_s(name: str) -> None:
    assert TrashName.parse(name) is None


def test_an_entry_goes_where_its_path_is_mirrored(area: Anchor, trash: Trash, tmp_path: Path) -> None:
    (tmp_path / "media/a").chmod(0o710)
    with area.directory("a/b/") as fd:
        entry = entry_at(fd, "file")
        assert trash.dispose("a/b/", fd, entry).result is Result.TRASHED
    place = tmp_path / "media/.trash" / _RUN / "a/b/file"
    assert place.stat().st_ino == entry.inode
    assert (tmp_path / "media/.trash").stat().st_mode & 0o7777 == 0o700
    assert place.parents[1].stat().st_mode & 0o7777 == 0o710


def test_what_is_wanted_for_writing_meanwhile_is_put_back(area: Anchor, trash: Trash, tmp_path: Path) -> None:
    with area.directory("a/b/") as fd:
        outcome = trash.dispose("a/b/", fd, entry_at(fd, "file"), lambda: True)
    assert (outcome.result, outcome.reason) == (Result.KEPT, Reason.CHANGED)
    assert (tmp_path / "media/a/b/file").read_bytes() == b"content"


def test_what_cannot_be_looked_at_in_the_trash_is_put_back(
    area: Anchor, trash: Trash, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_given: object, **_named: object) -> None:
        raise OSError(errno.EIO, "no answer")

    with area.directory("a/b/") as fd:
        entry = entry_at(fd, "file")
        monkeypatch.setattr("shelflife.files.aside.entry_at", fails)
        assert trash.dispose("a/b/", fd, entry).result is Result.KEPT
    assert (tmp_path / "media/a/b/file").exists()


def test_nothing_in_the_trash_is_replaced(area: Anchor, trash: Trash, tmp_path: Path) -> None:
    waiting = tmp_path / "media/.trash" / _RUN / "a/b/file"
    waiting.parent.mkdir(parents=True)
    waiting.write_bytes(b"waits")
    with area.directory("a/b/") as fd, pytest.raises(FileExistsError):
        trash.dispose("a/b/", fd, entry_at(fd, "file"))
    assert waiting.read_bytes() == b"waits"
    assert (tmp_path / "media/a/b/file").read_bytes() == b"content"


def test_a_directory_of_the_trash_that_is_gone_is_made_anew_for_the_next_entry(
    area: Anchor, trash: Trash, tmp_path: Path
) -> None:
    (tmp_path / "media/a/b/second").write_bytes(b"content")
    with area.directory("a/b/") as fd:
        trash.directory("a/b/")
        prune_trash(area, f".trash/{_RUN}/a/b/")
        assert not (tmp_path / "media/.trash").exists()
        with pytest.raises(FileNotFoundError):
            trash.dispose("a/b/", fd, entry_at(fd, "file"))
        assert trash.dispose("a/b/", fd, entry_at(fd, "second")).result is Result.TRASHED


def test_pruning_stops_at_what_is_not_empty(area: Anchor, tmp_path: Path) -> None:
    (tmp_path / "media/.trash/x/y/z").mkdir(parents=True)
    (tmp_path / "media/.trash/x/file").touch()
    prune_trash(area, ".trash/x/y/z/")
    assert os.listdir(tmp_path / "media/.trash/x") == ["file"]
