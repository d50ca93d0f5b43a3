"""The fixtures for adopters' tests do what `docs/adopting.md` says."""

from __future__ import annotations

import time
from pathlib import Path

from shelflife.events import RunFinished
from shelflife.testing import MakeStorage, Storage, aged_file, set_age


def test_a_storage_has_its_directories_and_its_own_clock(make_storage: MakeStorage) -> None:
    storage = make_storage({"renders": "30d"}, cleanup={"enabled": False})
    old = storage.file("renders/7/old.mp4", age="31d")
    storage.file("renders/7/new.mp4", age="29d")
    storage.engine.cleanup()
    assert not old.exists()
    assert storage.files() == ["renders/7/new.mp4"]
    storage.tick("2d")
    storage.engine.cleanup()
    assert storage.files() == []


def test_the_fixture_has_the_areas_of_a_configuration_that_names_none(storage: Storage) -> None:
    assert list(storage.engine.areas) == ["temp", "uploads", "contact_sheets", "frames", "outputs"]
    assert storage.path("contact-sheets").is_dir()


def test_storages_of_one_test_are_apart(make_storage: MakeStorage) -> None:
    first, second = make_storage(), make_storage()
    first.file("temp/a")
    assert second.files() == []


def test_the_engine_tells_its_storage_what_happens(storage: Storage) -> None:
    storage.file("temp/a", age="2d", size=5)
    storage.engine.cleanup()
    (finished,) = [event for event in storage.events if isinstance(event, RunFinished)]
    assert (finished.removed, finished.bytes) == (1, 5)


def test_a_tick_settles_what_was_written(storage: Storage) -> None:
    before = storage.now()
    storage.tick()
    assert storage.now() - before > storage.settings.index.settle * 10**9


def test_files_have_size_content_and_age(tmp_path: Path) -> None:
    file = aged_file(tmp_path / "a/b", age="2h", size=123)
    assert file.stat().st_size == 123
    assert abs(time.time() - 7200 - file.stat().st_mtime) < 60
    assert aged_file(tmp_path / "c", content=b"abc").read_bytes() == b"abc"
    link = tmp_path / "link"
    link.symlink_to(file)
    set_age(link, 60)
    assert abs(time.time() - 60 - link.lstat().st_mtime) < 30
    assert abs(time.time() - 7200 - file.stat().st_mtime) < 60


def test_an_empty_directory_has_its_age(storage: Storage) -> None:
    empty = storage.directory("temp/a/b", age="2d")
    storage.engine.cleanup()
    assert not empty.exists()
