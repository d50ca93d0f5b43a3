from __future__ import annotations

import errno
import os
from math import inf
from pathlib import Path

import pytest

from shelflife.files.listing import Entry, entry_at
from shelflife.files.removal import Outcome, Removal, Result
from shelflife.policy.area import Area
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.verdict import Reason
from tests.integration.engine.users import common_directory, ordinary_user
from tests.unit.policy.areas import an_area

_AT = 1_700_000_000 * 10**9
_CUTOFFS = Cutoffs.only(Cutoff(at=_AT, cause=Cause.RETENTION))


def _file(path: Path, mtime: int = _AT - 1, content: bytes = b"12345") -> Path:
    path.write_bytes(content)
    os.utime(path, ns=(mtime, mtime))
    return path


def _listed(directory: Path, *names: str) -> list[Entry]:
    fd = os.open(directory, os.O_RDONLY)
    try:
        return [entry_at(fd, name) for name in names]
    finally:
        os.close(fd)


def _remove(
    directory: Path, entries: list[Entry], *, area: Area | None = None, until: float = inf
) -> list[Outcome]:
    fd = os.open(directory, os.O_RDONLY)
    try:
        removal = Removal(area=area or an_area(), path="", cutoffs=_CUTOFFS, retries=0)
        return removal.batch(fd, entries, until=until)
    finally:
        os.close(fd)


def test_what_is_still_as_listed_goes(tmp_path: Path) -> None:
    for name in ("a", "new\nline", "byte\udcff"):
        _file(tmp_path / name)
    outcomes = _remove(tmp_path, _listed(tmp_path, "a", "new\nline", "byte\udcff"))
    assert [outcome.result for outcome in outcomes] == [Result.REMOVED] * 3
    assert [outcome.size for outcome in outcomes] == [5] * 3
    assert list(tmp_path.iterdir()) == []


def test_a_link_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    _file(tmp_path / "target")
    (tmp_path / "link").symlink_to("target")
    os.utime(tmp_path / "link", ns=(0, 0), follow_symlinks=False)
    (outcome,) = _remove(tmp_path, _listed(tmp_path, "link"))
    assert outcome.result is Result.REMOVED
    assert os.listdir(tmp_path) == ["target"]


def _other_content(path: Path) -> None:
    _file(path, content=b"123456")


def _younger(path: Path) -> None:
    os.utime(path, ns=(_AT, _AT))


def _older(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def _replaced(path: Path) -> None:
    _file(path.with_name("other"))
    path.with_name("other").rename(path)


def _link(path: Path) -> None:
    path.with_name("link").symlink_to("elsewhere")
    path.with_name("link").rename(path)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [_other_content, _younger, _older, _replaced, _link, _fifo, _directory])
def test_what_is_no_longer_as_listed_stays(tmp_path: Path, change: object) -> None:
    path = _file(tmp_path / "a")
    listed = _listed(tmp_path, "a")
    assert callable(change)
    change(path)
    (outcome,) = _remove(tmp_path, listed)
    assert (outcome.result, outcome.reason) == (Result.KEPT, Reason.CHANGED)
    assert os.path.lexists(path)


def test_what_vanished_is_no_failure(tmp_path: Path) -> None:
    path = _file(tmp_path / "a")
    listed = _listed(tmp_path, "a")
    path.unlink()
    (outcome,) = _remove(tmp_path, listed)
    assert (outcome.result, outcome.reason, outcome.errno) == (Result.KEPT, Reason.VANISHED, 0)


def test_a_rename_or_a_new_name_does_not_make_a_file_another_one(tmp_path: Path) -> None:
    path = _file(tmp_path / "a")
    listed = _listed(tmp_path, "a")
    os.link(path, tmp_path / "b")
    path.chmod(0o600)
    (outcome,) = _remove(tmp_path, listed)
    assert outcome.result is Result.REMOVED
    assert outcome.entry.links == 2  # so that its blocks do not count as freed


def test_where_the_age_counts_from_the_change_a_change_keeps(tmp_path: Path) -> None:
    _file(tmp_path / "a")
    (outcome,) = _remove(tmp_path, _listed(tmp_path, "a"), area=an_area(age_from="changed"))
    assert (outcome.result, outcome.reason) == (Result.KEPT, Reason.NOT_EXPIRED)


@pytest.mark.parametrize(("mtime", "gone"), [(_AT - 1, True), (_AT, False), (_AT + 1, False)])
def test_the_age_is_looked_at_once_more(tmp_path: Path, mtime: int, gone: bool) -> None:
    path = _file(tmp_path / "a", mtime)
    _remove(tmp_path, _listed(tmp_path, "a"))
    assert path.exists() is not gone


def test_a_batch_ends_when_its_time_is_up_but_gets_on_by_one(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        _file(tmp_path / name)
    outcomes = _remove(tmp_path, _listed(tmp_path, "a", "b", "c"), until=0)
    assert [outcome.name for outcome in outcomes] == ["a"]
    assert sorted(os.listdir(tmp_path)) == ["b", "c"]


def test_a_directory_that_may_not_be_written_to_fails_once() -> None:
    with common_directory() as directory, ordinary_user():
        for name in ("a", "b", "c"):
            _file(directory / name)
        listed = _listed(directory, "a", "b", "c")
        directory.chmod(0o500)
        outcomes = _remove(directory, listed)
        assert [(outcome.result, outcome.errno) for outcome in outcomes] == [(Result.FAILED, errno.EACCES)]
        assert len(os.listdir(directory)) == 3


def test_a_look_is_a_fresh_one_where_others_may_change_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """stat(2) is a second behind on NFS; here it is made to be."""
    file = _file(tmp_path / "file")
    (listed,) = _listed(tmp_path, "file")
    stale = os.stat(file)
    monkeypatch.setattr("shelflife.files.listing.os.stat", lambda *_, **__: stale)
    file.write_bytes(b"another content")
    monkeypatch.setattr("shelflife.files.removal.may_be_shared", lambda fd: True)
    (outcome,) = _remove(tmp_path, [listed])
    assert (outcome.result, outcome.reason) == (Result.KEPT, Reason.CHANGED)
    assert file.exists()


def test_a_fresh_look_says_what_an_ordinary_one_says(tmp_path: Path) -> None:
    _file(tmp_path / "file")
    (tmp_path / "link").symlink_to("file")
    os.link(tmp_path / "file", tmp_path / "second")
    (tmp_path / "directory").mkdir()
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        for name in ("file", "link", "directory"):
            assert entry_at(fd, name, fresh=True) == entry_at(fd, name)
        with pytest.raises(FileNotFoundError):
            entry_at(fd, "none", fresh=True)
    finally:
        os.close(fd)
