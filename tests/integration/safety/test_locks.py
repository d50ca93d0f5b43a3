"""BSD locks: who locks a directory keeps all that is below it, as for systemd-tmpfiles."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shelflife.files.in_use import is_locked
from shelflife.testing import MakeStorage, Storage, set_age

FILES = ("a/1", "w/2", "w/in/3", "w/in/deep/4", "w2/5", "z/6")


@contextmanager
def _locked(path: Path, kind: int = fcntl.LOCK_SH) -> Iterator[None]:
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, kind)
        yield
    finally:
        os.close(fd)


def _left(storage: Storage, area: str = "temp") -> set[str]:
    root = storage.path(area)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def _storage(make_storage: MakeStorage, **area: object) -> Storage:
    storage = make_storage({"temp": {"retention": "1d", **area}})
    for path in FILES:
        storage.file(f"temp/{path}", age="2d")
    return storage


ways = pytest.mark.parametrize(
    "area", [{}, {"trash": "1d"}, {"protect": ["*.keep"]}], ids=["compiled", "trash", "protect"]
)


@ways
@pytest.mark.parametrize("kind", [fcntl.LOCK_SH, fcntl.LOCK_EX], ids=["shared", "exclusive"])
@pytest.mark.parametrize(
    ("locked", "stays"),
    [
        ("w", {"w/2", "w/in/3", "w/in/deep/4"}),
        ("w/in", {"w/in/3", "w/in/deep/4"}),
        ("w/in/deep", {"w/in/deep/4"}),
        ("", set(FILES)),
        ("w/2", {"w/2"}),
    ],
)
def test_a_lock_on_a_directory_keeps_what_is_below_it_and_one_on_a_file_keeps_that(
    make_storage: MakeStorage, locked: str, stays: set[str], kind: int, area: dict[str, object]
) -> None:
    storage = _storage(make_storage, **area)
    with _locked(storage.path("temp") / locked, kind):
        report = storage.engine.cleanup()
    assert {path for path in _left(storage) if not path.startswith(".trash")} == stays
    assert report.areas[0].kept == len(stays)
    storage.engine.cleanup()
    assert {path for path in _left(storage) if not path.startswith(".trash")} == set()


def test_whoever_does_not_want_files_in_use_to_stay_is_not_kept_by_locks_either(
    make_storage: MakeStorage,
) -> None:
    storage = _storage(make_storage, in_use="off")
    with _locked(storage.path("temp/w")), _locked(storage.path("temp/z/6")):
        storage.engine.cleanup()
    assert _left(storage) == set()


@pytest.mark.parametrize("trash", [0, "1d"])
@pytest.mark.parametrize("locked", ["", "job", "job/inner", "job/inner/file"])
def test_a_lock_anywhere_in_a_unit_keeps_all_of_it(
    make_storage: MakeStorage, locked: str, trash: object
) -> None:
    storage = make_storage({"temp": {"retention": "1d", "expire": "directory", "trash": trash}})
    storage.file("temp/job/inner/file", age="2d")
    storage.file("temp/other/file", age="2d")
    for directory in ("job/inner", "job", "other"):
        set_age(storage.path("temp") / directory, "2d")
    with _locked(storage.path("temp") / locked):
        storage.engine.cleanup()
    left = {path for path in _left(storage) if not path.startswith(".trash")}
    assert left == ({"job/inner/file", "other/file"} if not locked else {"job/inner/file"})


def test_an_empty_directory_that_is_locked_is_not_pruned(make_storage: MakeStorage) -> None:
    storage = make_storage({"temp": {"retention": "1d"}})
    for name in ("free", "locked"):
        storage.path(f"temp/{name}").mkdir(parents=True)
        set_age(storage.path(f"temp/{name}"), "2d")
    with _locked(storage.path("temp/locked")):
        storage.engine.cleanup()
        assert os.listdir(storage.path("temp")) == ["locked"]
    storage.engine.cleanup()
    assert os.listdir(storage.path("temp")) == []


def test_a_look_leaves_no_lock_behind(tmp_path: Path) -> None:
    fd, other = os.open(tmp_path, os.O_RDONLY), os.open(tmp_path, os.O_RDONLY)
    try:
        assert not is_locked(fd)
        assert not is_locked(other)
        fcntl.flock(other, fcntl.LOCK_SH)
        assert is_locked(fd)
        fcntl.flock(other, fcntl.LOCK_UN)
        assert not is_locked(fd)
    finally:
        os.close(fd)
        os.close(other)
