"""A storage that is not as it should be: one clear error, and nothing is touched."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shelflife import Engine, RecordsError, Settings, StorageError, UsageError
from shelflife.testing import Storage, aged_file
from tests.integration.engine.users import common_directory, ordinary_user


def _engine(base: Path) -> Engine:
    return Engine(Settings.build(base_path=base, areas={"temp": "1d"}))


_USES: list[Callable[[Engine], object]] = [
    lambda engine: engine.plan(),
    lambda engine: engine.cleanup(),
    lambda engine: engine.refresh(),
    lambda engine: engine.stats(),
    lambda engine: engine.stats(refresh=True),
    lambda engine: engine.history(),
    lambda engine: engine.totals(),
    lambda engine: engine.holder(),
]
_EVERY_USE = pytest.mark.parametrize(
    "use", _USES, ids=["plan", "cleanup", "refresh", "stats", "scan", "history", "totals", "holder"]
)


@_EVERY_USE
def test_a_base_path_that_is_missing_is_an_error_and_is_not_made(
    tmp_path: Path, use: Callable[[Engine], object]
) -> None:
    with pytest.raises(StorageError, match=r"none does not exist; `shelflife init` creates it"):
        use(_engine(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


@_EVERY_USE
def test_a_base_path_that_is_a_file_is_an_error(tmp_path: Path, use: Callable[[Engine], object]) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(StorageError, match="is not a directory"):
        use(_engine(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "precious"


@_EVERY_USE
def test_a_base_path_that_may_not_be_read_is_an_error(use: Callable[[Engine], object]) -> None:
    with common_directory() as directory, ordinary_user():
        aged_file(directory / "storage/temp/a")
        (directory / "storage").chmod(0)
        with pytest.raises(StorageError, match="cannot be read: Permission denied"):
            use(_engine(directory / "storage"))
        (directory / "storage").chmod(0o755)
        assert os.listdir(directory / "storage") == ["temp"]
        assert os.listdir(directory / "storage/temp") == ["a"]


def _a_file(path: Path, _: Path) -> None:
    path.write_text("precious")


def _a_link(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere)


def _a_dangling_link(path: Path, _: Path) -> None:
    path.symlink_to("nowhere")


def _a_fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("what", [_a_file, _a_link, _a_dangling_link, _a_fifo])
def test_an_area_that_is_no_directory_is_an_error_and_the_others_go_on(
    storage: Storage, tmp_path: Path, what: Callable[[Path, Path], None]
) -> None:
    aged_file(tmp_path / "elsewhere/precious")
    storage.path("temp").rmdir()
    what(storage.path("temp"), tmp_path / "elsewhere")
    storage.file("uploads/old")
    before = storage.path("temp").lstat()
    plan = storage.engine.plan()
    assert plan.areas[0].files == 0
    (error,) = plan.errors
    assert error.startswith("area temp: temp is not a directory, or a symbolic link")
    report = storage.engine.cleanup()
    assert report.errors == [error]
    assert report.removed == 1
    assert storage.path("temp").lstat() == before
    assert (tmp_path / "elsewhere/precious").exists()


def test_an_area_behind_a_link_in_the_middle_is_an_error(make_storage: object, tmp_path: Path) -> None:
    base = tmp_path / "storage"
    base.mkdir()
    aged_file(tmp_path / "elsewhere/temp/precious")
    (base / "deep").symlink_to(tmp_path / "elsewhere")
    engine = Engine(Settings.build(base_path=base, areas={"temp": {"retention": "1d", "path": "deep/temp"}}))
    assert len(engine.plan().errors) == 1
    assert engine.cleanup().removed == 0
    assert (tmp_path / "elsewhere/temp/precious").exists()


def test_an_area_that_is_missing_is_an_error_and_not_an_empty_success(storage: Storage) -> None:
    storage.path("temp").rmdir()
    assert storage.engine.plan().errors == ("temp: No such file or directory",)
    report = storage.engine.cleanup()
    assert (report.removed, report.errors) == (0, ["temp: No such file or directory"])
    assert not storage.path("temp").exists()


def test_an_area_that_is_missing_for_a_while_keeps_its_numbers(storage: Storage, tmp_path: Path) -> None:
    storage.file("outputs/a", size=5)
    storage.engine.refresh()
    storage.path("outputs").rename(tmp_path / "away")
    storage.engine.refresh()
    assert storage.engine.stats().bytes == 5
    (tmp_path / "away").rename(storage.path("outputs"))
    storage.engine.refresh()
    assert storage.engine.stats().bytes == 5


def test_an_area_without_files_is_no_error(storage: Storage) -> None:
    report = storage.engine.cleanup()
    assert (report.state, report.removed, report.errors) == ("done", 0, [])


@pytest.mark.parametrize("areas", [["none"], ["temp", "none"], ["../temp"], [""], ["temp/"]])
def test_an_unknown_area_is_an_error_before_anything_happens(storage: Storage, areas: list[str]) -> None:
    storage.file("temp/a")
    for use in (storage.engine.plan, storage.engine.cleanup):
        with pytest.raises(UsageError, match="temp, uploads, contact_sheets, frames, outputs"):
            use(areas)
    assert storage.files() == ["temp/a"]
    assert not storage.settings.state_path.exists()


def test_a_state_directory_that_cannot_be_made_is_an_error_for_what_writes() -> None:
    with common_directory() as directory, ordinary_user():
        aged_file(directory / "storage/temp/a")
        (directory / "storage").chmod(0o500)
        engine = _engine(directory / "storage")
        assert engine.plan().files == 1
        with pytest.raises(StorageError, match="Permission denied"):
            engine.cleanup()
        (directory / "storage").chmod(0o755)
        assert os.listdir(directory / "storage/temp") == ["a"]


def test_a_file_where_the_state_should_be_is_an_error(storage: Storage) -> None:
    storage.file("temp/a")
    storage.settings.state_path.write_text("precious")
    with pytest.raises(RecordsError, match="Not a directory"):
        storage.engine.plan()
    with pytest.raises(StorageError, match="in the way: it is not a directory"):
        storage.engine.cleanup()
    assert storage.settings.state_path.read_text() == "precious"
    assert "temp/a" in storage.files()
