"""The contract of `api.storage.StorageManager`, row by row."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import api
from api.config import Config
from api.storage import MOST_FILES, StorageManager
from shelflife import CleanupBusy, Engine
from shelflife.errors import StorageError
from shelflife.run.lock import cleanup_lock
from shelflife.settings import Settings
from shelflife.testing import aged_file, set_age

AREAS = ("temp", "uploads", "contact_sheets", "frames", "outputs")
DAY = 86_400


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of this test's own, as that of the process; returns its file."""
    for name in [name for name in os.environ if name.startswith("STORAGE_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "config.yaml"
    file.write_text("storage: {}\n")
    monkeypatch.setattr("api.config.config", Config(file))
    return file


def configure(monkeypatch: pytest.MonkeyPatch, file: Path, text: str) -> None:
    file.write_text(text)
    monkeypatch.setattr("api.config.config", Config(file))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def manager(base: Path) -> StorageManager:
    manager = StorageManager(base)
    manager.ensure_directories()
    return manager


def paths_of(result: dict[str, Any]) -> list[str]:
    return sorted(file["path"] for file in result["files"])


# -- construction


def test_the_package_exports_it() -> None:
    assert api.StorageManager is StorageManager
    assert api.__all__ == ["StorageManager"]
    with pytest.raises(AttributeError, match="NoSuchThing"):
        _ = api.NoSuchThing


def test_class_attributes_name_the_areas_and_their_retention() -> None:
    assert tuple(StorageManager.VALID_DIRECTORIES) == AREAS
    assert StorageManager.DEFAULT_RETENTION == {
        "temp": 86_400,
        "uploads": 604_800,
        "contact_sheets": 2_592_000,
        "frames": 2_592_000,
        "outputs": -1,
    }


def test_without_arguments_everything_comes_from_the_configuration(
    tmp_path: Path, configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "storage:\n  base_path: data\n  retention: {temp: 2h}\n  cleanup: {batch_size: 7}\n"
    configure(monkeypatch, configuration, text)
    manager = StorageManager()
    assert manager.base_path == tmp_path / "data"
    assert manager.retention_periods == dict(StorageManager.DEFAULT_RETENTION) | {"temp": 7200}
    assert manager.cleanup_config["batch_size"] == 7
    assert manager.cleanup_config["schedule"] == "0 2 * * *"


@pytest.mark.parametrize("empty", [None, "", {}])
def test_what_is_empty_counts_as_missing(tmp_path: Path, empty: Any) -> None:
    manager = StorageManager(empty, empty or None, empty or {})
    assert manager.base_path == tmp_path / "storage"
    assert manager.retention_periods == dict(StorageManager.DEFAULT_RETENTION)


def test_base_path_may_be_text_or_a_path(base: Path) -> None:
    assert StorageManager(str(base)).base_path == base == StorageManager(base).base_path


@pytest.mark.parametrize("relative", ["storage", "./storage", Path("storage")])
def test_a_relative_base_path_is_refused(relative: str | Path) -> None:
    with pytest.raises(ValueError, match="absolute"):
        StorageManager(relative)


def test_an_unsafe_base_path_is_refused() -> None:
    with pytest.raises(ValueError, match="root of the file system"):
        StorageManager("/")


@pytest.mark.parametrize("seconds", [-2, -100, 1.5, "7d", True, False, None])
def test_a_retention_that_is_none_names_key_and_value(base: Path, seconds: Any) -> None:
    with pytest.raises(ValueError, match="uploads") as caught:
        StorageManager(base, {"uploads": seconds})
    assert repr(seconds) in str(caught.value)


@pytest.mark.parametrize("seconds", [-1, 0, 1, 10**9])
def test_a_retention_is_a_whole_number_from_minus_one(base: Path, seconds: int) -> None:
    assert StorageManager(base, {"uploads": seconds}).retention_periods["uploads"] == seconds


def test_areas_missing_from_given_retentions_are_kept_indefinitely(base: Path) -> None:
    manager = StorageManager(base, {"temp": DAY})
    manager.ensure_directories()
    old = aged_file(base / "uploads/old", age="4000d")
    assert manager.cleanup_all()["total_deleted"] == 0
    assert old.exists()
    assert manager.get_storage_stats()["directories"]["uploads"]["retention_seconds"] == -1


def test_retentions_take_both_names_of_contact_sheets(base: Path) -> None:
    assert StorageManager(base, {"contact-sheets": 60}).retention_periods == {"contact_sheets": 60}


def test_a_retention_of_an_unknown_area_lists_the_areas(base: Path) -> None:
    with pytest.raises(ValueError, match=r"thumbs.*temp, uploads, contact_sheets, frames, outputs"):
        StorageManager(base, {"thumbs": 60})


def test_cleanup_config_is_laid_over_the_configuration(base: Path) -> None:
    manager = StorageManager(base, cleanup_config={"batch_size": 5})
    assert manager.cleanup_config["batch_size"] == 5
    assert manager.cleanup_config["lock_timeout"] == 300


def test_a_wrong_cleanup_config_is_refused(base: Path) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        StorageManager(base, cleanup_config={"batch_size": 0})
    with pytest.raises(ValueError, match="btach_size"):
        StorageManager(base, cleanup_config={"btach_size": 3})


def test_attributes_changed_later_are_checked_and_in_effect(manager: StorageManager, base: Path) -> None:
    old = aged_file(base / "temp/old", age="2d")
    manager.retention_periods["temp"] = -1
    assert manager.cleanup_temp()["deleted"] == 0
    manager.retention_periods["temp"] = 1.5  # type: ignore[assignment]
    with pytest.raises(ValueError, match="temp"):
        manager.cleanup_temp()
    assert old.exists()


def test_managers_share_no_state(base: Path) -> None:
    first, second = StorageManager(base), StorageManager(base)
    first.retention_periods["temp"] = -1
    first.cleanup_config["dry_run"] = True
    assert second.retention_periods["temp"] == DAY
    assert second.cleanup_config["dry_run"] is False


def test_construction_touches_nothing(base: Path) -> None:
    StorageManager(base)
    assert not base.exists()


def test_another_storage_does_not_use_the_configured_state_directory(
    tmp_path: Path, configuration: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, configuration, "storage: {base_path: first, state_dir: state}\n")
    assert StorageManager().settings.state_path == tmp_path / "state"
    assert StorageManager(base).settings.state_path == base / ".shelflife"


def test_the_engine_works_by_the_same_settings(manager: StorageManager) -> None:
    assert isinstance(manager.engine, Engine)
    assert isinstance(manager.engine.settings, Settings)
    assert manager.engine.settings.base_path == manager.base_path


# -- ensure_directories


def test_directories_are_made_with_mode_755_whatever_the_umask(base: Path) -> None:
    before = os.umask(0o077)
    try:
        made = StorageManager(base).ensure_directories()
    finally:
        os.umask(before)
    assert made == dict.fromkeys(AREAS, True)
    for directory in ("temp", "uploads", "contact-sheets", "frames", "outputs"):
        assert (base / directory).stat().st_mode & 0o7777 == 0o755


def test_making_directories_twice_changes_nothing(manager: StorageManager, base: Path) -> None:
    kept = aged_file(base / "temp/.gitkeep")
    assert manager.ensure_directories() == dict.fromkeys(AREAS, True)
    assert kept.exists()


def test_another_mode_is_left_and_warned_about(
    manager: StorageManager, base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (base / "temp").chmod(0o700)
    with caplog.at_level(logging.WARNING):
        manager.ensure_directories()
    assert (base / "temp").stat().st_mode & 0o7777 == 0o700
    assert "mode 700" in caplog.text


def test_no_space_propagates_before_anything_is_made(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.statvfs_result((4096, 4096, 1000, 0, 0, 1000, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _path: full)
    with pytest.raises(OSError, match="no room"):
        StorageManager(base).ensure_directories()
    assert not base.exists()


def test_missing_permission_propagates(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_args, **_others: False)
    with pytest.raises(PermissionError):
        StorageManager(base).ensure_directories()
    assert not base.exists()


def test_a_file_in_the_way_is_an_error(base: Path) -> None:
    aged_file(base / "temp")
    with pytest.raises((StorageError, OSError)):
        StorageManager(base).ensure_directories()


# -- validate_paths


def test_paths_of_a_fresh_storage_are_valid(manager: StorageManager, base: Path) -> None:
    found = manager.validate_paths()
    assert tuple(found) == AREAS
    assert found["contact_sheets"] == {
        "path": str(base / "contact-sheets"),
        "exists": True,
        "is_directory": True,
        "readable": True,
        "writable": True,
    }


def test_missing_and_wrong_paths_are_told_and_nothing_is_made(base: Path) -> None:
    aged_file(base / "temp")
    (base / "frames").symlink_to("/")
    found = StorageManager(base).validate_paths()
    nothing = {"is_directory": False, "readable": False, "writable": False}
    assert found["uploads"] == {"path": str(base / "uploads"), "exists": False, **nothing}
    assert found["temp"] == {"path": str(base / "temp"), "exists": True, **nothing}
    assert found["frames"] == {"path": str(base / "frames"), "exists": True, **nothing}
    assert not (base / "uploads").exists()


def test_an_existing_alias_is_the_path_that_is_told(base: Path) -> None:
    (base / "contact_sheets").mkdir(parents=True)
    found = StorageManager(base).validate_paths()["contact_sheets"]
    assert (found["path"], found["exists"]) == (str(base / "contact_sheets"), True)


# -- cleanup of one area


def test_expired_files_go_and_others_stay(manager: StorageManager, base: Path) -> None:
    old = aged_file(base / "uploads/old.mp4", age="8d", size=2048)
    young = aged_file(base / "uploads/young.mp4", age="6d")
    result = manager.cleanup_directory("uploads")
    assert not old.exists()
    assert young.exists()
    assert result["directory"] == "uploads"
    assert result["dry_run"] is False
    assert (result["scanned"], result["deleted"], result["failed"]) == (2, 1, 0)
    assert result["space_reclaimed_bytes"] == 2048
    assert result["space_reclaimed_human"] == "2.00 KB"
    assert result["errors"] == []
    (file,) = result["files"]
    assert (file["path"], file["size_bytes"]) == (str(old), 2048)
    assert file["age_seconds"] == pytest.approx(8 * DAY, abs=60)
    modified = datetime.fromisoformat(file["modified"])
    assert modified.utcoffset() == timedelta(0)
    assert result["files_truncated"] is False


def test_the_promised_keys_are_there(manager: StorageManager) -> None:
    promised = {
        "directory",
        "dry_run",
        "scanned",
        "deleted",
        "failed",
        "space_reclaimed_bytes",
        "space_reclaimed_human",
        "errors",
        "files",
    }
    for dry_run in (True, False):
        assert promised <= set(manager.cleanup_directory("temp", dry_run=dry_run))


@pytest.mark.parametrize(
    ("area", "directory", "retention"),
    [
        ("temp", "temp", 1),
        ("uploads", "uploads", 7),
        ("contact_sheets", "contact-sheets", 30),
        ("frames", "frames", 30),
    ],
)
def test_each_area_has_its_method(
    manager: StorageManager, base: Path, area: str, directory: str, retention: int
) -> None:
    clean_up = getattr(manager, f"cleanup_{area}")
    old = aged_file(base / directory / "old", age=(retention + 0.5) * DAY)
    young = aged_file(base / directory / "young", age=(retention - 0.5) * DAY)
    preview = clean_up(dry_run=True)
    assert (preview["deleted"], preview["would_delete"], old.exists()) == (0, 1, True)
    result = clean_up()
    assert (result["directory"], result["deleted"]) == (area, 1)
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("name", ["contact_sheets", "contact-sheets"])
def test_both_names_mean_the_area(manager: StorageManager, base: Path, name: str) -> None:
    aged_file(base / "contact-sheets/a.jpg", age="31d")
    assert manager.cleanup_directory(name)["deleted"] == 1


def test_an_alias_is_cleaned_and_counted_with_its_area(manager: StorageManager, base: Path) -> None:
    aged_file(base / "contact-sheets/a", age="31d")
    aged_file(base / "contact_sheets/b", age="31d")
    assert manager.get_storage_stats()["directories"]["contact_sheets"]["files"] == 2
    assert manager.cleanup_contact_sheets()["deleted"] == 2


@pytest.mark.parametrize("name", ["thumbs", "", "..", "/", "uploads/", "Temp"])
def test_an_unknown_area_is_a_value_error_that_lists_the_areas(manager: StorageManager, name: str) -> None:
    with pytest.raises(ValueError, match="temp, uploads, contact_sheets, frames, outputs"):
        manager.cleanup_directory(name)


def test_cleanup_is_recursive_and_prunes_what_it_emptied(manager: StorageManager, base: Path) -> None:
    aged_file(base / "frames/42/deep/1.jpg", age="31d")
    stays = aged_file(base / "frames/43/1.jpg", age="1d")
    keep = aged_file(base / "frames/44/.gitkeep", age="99d")
    assert manager.cleanup_frames()["deleted"] == 1
    assert not (base / "frames/42").exists()
    assert stays.exists()
    assert keep.exists()


def test_gitkeep_is_neither_removed_nor_counted(manager: StorageManager, base: Path) -> None:
    keep = aged_file(base / "temp/.gitkeep", age="99d")
    result = manager.cleanup_temp()
    assert (result["scanned"], result["deleted"], keep.exists()) == (0, 0, True)


def test_only_what_is_older_than_its_retention_goes(manager: StorageManager, base: Path) -> None:
    younger = aged_file(base / "temp/younger", age=DAY - 60)
    older = aged_file(base / "temp/older", age=DAY + 1)
    manager.cleanup_temp()
    assert (younger.exists(), older.exists()) == (True, False)


def test_outputs_stay_because_they_are_indefinite(manager: StorageManager, base: Path) -> None:
    result = aged_file(base / "outputs/result.json", age="4000d")
    cleaned = manager.cleanup_directory("outputs")
    assert (cleaned["deleted"], cleaned["scanned"], cleaned["dry_run"]) == (0, 1, False)
    assert result.exists()
    manager.retention_periods["outputs"] = DAY
    assert manager.cleanup_directory("outputs")["deleted"] == 1


def test_a_symbolic_link_goes_as_a_link(manager: StorageManager, base: Path, tmp_path: Path) -> None:
    target = aged_file(tmp_path / "elsewhere", age="99d")
    link = base / "temp/link"
    link.symlink_to(target)
    set_age(link, "2d")
    result = manager.cleanup_temp()
    assert not link.is_symlink()
    assert target.exists()
    assert (result["deleted"], result["links"], paths_of(result)) == (0, 1, [str(link)])


def test_disk_freed_stands_beside_the_apparent_size(
    manager: StorageManager, base: Path, tmp_path: Path
) -> None:
    linked = aged_file(base / "temp/linked", age="2d", content=b"x" * 8192)
    os.link(linked, tmp_path / "other name")
    aged_file(base / "temp/alone", age="2d", content=b"x" * 8192)
    result = manager.cleanup_temp()
    assert result["space_reclaimed_bytes"] == 16384
    assert result["disk_freed_bytes"] == 8192


def test_scanned_counts_unchanged_directories_too(manager: StorageManager, base: Path) -> None:
    for number in range(3):
        aged_file(base / f"frames/{number}/1.jpg", age="1d")
    assert [manager.cleanup_frames()["scanned"] for _ in range(3)] == [3, 3, 3]


@pytest.mark.parametrize("batch_size", [1, 3, 100, 100_000])
def test_the_batch_size_changes_nothing_about_the_result(
    manager: StorageManager, base: Path, batch_size: int
) -> None:
    for number in range(10):
        aged_file(base / f"temp/{number}", age="2d")
    assert manager.cleanup_directory("temp", batch_size=batch_size)["deleted"] == 10


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, None])
def test_a_batch_size_that_is_none_is_refused(manager: StorageManager, batch_size: Any) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        manager.cleanup_directory("temp", batch_size=batch_size)


# -- what is wrong


def test_a_missing_directory_is_an_error_and_no_success(manager: StorageManager, base: Path) -> None:
    shutil.rmtree(base / "temp")
    for dry_run in (True, False):
        result = manager.cleanup_temp(dry_run)
        assert result["deleted"] == 0
        assert "temp" in " ".join(result["errors"])


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_area_that_is_a_file_or_a_link_is_an_error_and_stops_no_other(
    manager: StorageManager, base: Path, tmp_path: Path, dry_run: bool
) -> None:
    outside = aged_file(tmp_path / "elsewhere/precious", age="99d")
    shutil.rmtree(base / "frames")
    (base / "frames").symlink_to(outside.parent)
    shutil.rmtree(base / "temp")
    aged_file(base / "temp", age="99d")
    aged_file(base / "uploads/old", age="8d")
    result = manager.cleanup_all(dry_run)
    assert result["would_delete" if dry_run else "total_deleted"] == 1
    assert outside.exists()
    assert (base / "temp").is_file()
    assert result["by_directory"]["frames"]["errors"]
    assert result["by_directory"]["temp"]["errors"]
    assert len(result["errors"]) == 2


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_missing_storage_is_an_error_in_each_area(base: Path, dry_run: bool) -> None:
    manager = StorageManager(base)
    assert "does not exist" in manager.cleanup_directory("temp", dry_run)["errors"][0]
    everything = manager.cleanup_all(dry_run)
    assert len(everything["errors"]) == 4
    assert everything["total_deleted"] == 0
    stats = manager.get_storage_stats()
    assert all("does not exist" in area["error"] for area in stats["directories"].values())
    assert not base.exists()


def test_a_busy_storage_is_said_with_its_holder(manager: StorageManager, base: Path) -> None:
    old = aged_file(base / "temp/old", age="2d")
    with cleanup_lock(manager.engine.state, "a test"), pytest.raises(CleanupBusy) as caught:
        manager.cleanup_all()
    assert caught.value.holder is not None
    assert caught.value.holder.pid == os.getpid()
    assert old.exists()
    assert manager.cleanup_temp()["deleted"] == 1


def test_a_dry_run_needs_no_lock(manager: StorageManager, base: Path) -> None:
    aged_file(base / "temp/old", age="2d")
    with cleanup_lock(manager.engine.state, "a test"):
        assert manager.cleanup_temp(dry_run=True)["would_delete"] == 1


# -- dry run


def test_a_dry_run_says_what_would_go_and_removes_nothing(manager: StorageManager, base: Path) -> None:
    old = [aged_file(base / f"temp/{name}", age="2d", size=100) for name in ("a", "b")]
    aged_file(base / "temp/young", age="1h")
    result = manager.cleanup_directory("temp", dry_run=True)
    assert result["dry_run"] is True
    assert (result["deleted"], result["space_reclaimed_bytes"], result["disk_freed_bytes"]) == (0, 0, 0)
    assert result["space_reclaimed_human"] == "0.00 B"
    assert (result["scanned"], result["would_delete"], result["would_reclaim_bytes"]) == (3, 2, 200)
    assert paths_of(result) == sorted(map(str, old))
    assert all(file.exists() for file in old)
    assert manager.engine.history() == []


def test_a_dry_run_and_the_run_after_it_name_the_same_files(manager: StorageManager, base: Path) -> None:
    for number in range(7):
        aged_file(base / f"temp/{number % 3}/{number}", age=f"{number}h", size=number)
        aged_file(base / f"uploads/{number}", age=f"{number + 4}d", size=number)
    preview, result = manager.cleanup_all(dry_run=True), manager.cleanup_all()
    for area, would in preview["by_directory"].items():
        did = result["by_directory"][area]
        assert paths_of(would) == paths_of(did)
        assert would["would_delete"] == did["deleted"]
        assert would["would_reclaim_bytes"] == did["space_reclaimed_bytes"]
        assert would["scanned"] == did["scanned"]


def test_dry_run_in_the_configuration_wins_everywhere(
    configuration: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, configuration, "storage: {cleanup: {dry_run: true}}\n")
    manager = StorageManager(base, cleanup_config={"dry_run": False})
    manager.ensure_directories()
    old = aged_file(base / "temp/old", age="2d")
    manager.cleanup_config["dry_run"] = False
    one, everything = manager.cleanup_temp(dry_run=False), manager.cleanup_all()
    assert (one["dry_run"], one["deleted"], one["would_delete"]) == (True, 0, 1)
    assert (everything["dry_run"], everything["total_deleted"], everything["would_delete"]) == (True, 0, 1)
    assert old.exists()


def test_dry_run_in_the_cleanup_config_holds_too(base: Path) -> None:
    manager = StorageManager(base, cleanup_config={"dry_run": True})
    manager.ensure_directories()
    old = aged_file(base / "temp/old", age="2d")
    assert manager.cleanup_temp()["dry_run"] is True
    assert old.exists()


# -- all areas


def test_all_areas_are_summed_up_and_indefinite_ones_left_out(manager: StorageManager, base: Path) -> None:
    aged_file(base / "temp/a", age="2d", size=1024)
    aged_file(base / "frames/1/a", age="31d", size=1024)
    aged_file(base / "outputs/a", age="4000d")
    result = manager.cleanup_all()
    promised = {
        "dry_run",
        "total_scanned",
        "total_deleted",
        "total_failed",
        "total_space_reclaimed_bytes",
        "total_space_reclaimed_human",
        "by_directory",
        "errors",
    }
    assert promised <= set(result)
    assert tuple(result["by_directory"]) == ("temp", "uploads", "contact_sheets", "frames")
    assert (result["total_scanned"], result["total_deleted"], result["total_failed"]) == (2, 2, 0)
    assert result["total_space_reclaimed_bytes"] == 2048
    assert result["total_space_reclaimed_human"] == "2.00 KB"
    assert len(manager.engine.history()) == 1


def test_a_program_needs_no_approval(manager: StorageManager, base: Path) -> None:
    for number in range(1100):
        aged_file(base / f"temp/{number}", age="2d", size=0)
    assert manager.cleanup_all()["total_deleted"] == 1100


def test_where_nothing_expires_nothing_is_run(base: Path) -> None:
    manager = StorageManager(base, {"temp": -1})
    manager.ensure_directories()
    assert manager.cleanup_all()["by_directory"] == {}
    assert manager.engine.history() == []


# -- files


def test_long_lists_of_files_are_bounded(
    manager: StorageManager, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_FILES == 10_000
    monkeypatch.setattr("api.storage.MOST_FILES", 3)
    for number in range(5):
        aged_file(base / f"temp/{number}", age="2d")
    for dry_run in (True, False):
        result = manager.cleanup_temp(dry_run)
        assert (len(result["files"]), result["files_truncated"]) == (3, True)
        assert result["would_delete" if dry_run else "deleted"] == 5


def test_a_list_of_just_the_bound_is_complete(
    manager: StorageManager, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.storage.MOST_FILES", 3)
    for number in range(3):
        aged_file(base / f"temp/{number}", age="2d")
    for dry_run in (True, False):
        result = manager.cleanup_temp(dry_run)
        assert (len(result["files"]), result["files_truncated"]) == (3, False)


def test_names_that_are_no_text_are_shown_legibly_and_exactly(manager: StorageManager, base: Path) -> None:
    name = os.path.join(os.fsencode(base), b"temp", b"caf\xe9")
    aged_file(Path(os.fsdecode(name)), age="2d")
    for dry_run in (True, False):
        (file,) = manager.cleanup_temp(dry_run)["files"]
        assert file["path"] == f"{base}/temp/caf\\xe9"
        assert b64decode(file["path_b64"]) == name


# -- statistics


def test_statistics_are_exact_and_complete(manager: StorageManager, base: Path) -> None:
    aged_file(base / "uploads/a", age="3d", size=1024)
    aged_file(base / "uploads/b/c", age="1d", size=1024)
    aged_file(base / "uploads/.gitkeep")
    stats = manager.get_storage_stats()
    assert stats["base_path"] == str(base)
    assert (stats["total_files"], stats["total_size_bytes"]) == (2, 2048)
    assert stats["total_size_human"] == "2.00 KB"
    assert stats["total_directories"] == 6
    assert tuple(stats["directories"]) == AREAS
    uploads = stats["directories"]["uploads"]
    assert uploads["path"] == str(base / "uploads")
    assert (uploads["files"], uploads["size_bytes"], uploads["size_human"]) == (2, 2048, "2.00 KB")
    assert (uploads["retention_seconds"], uploads["retention_human"]) == (604_800, "7 days")
    oldest, newest = (datetime.fromisoformat(uploads[f"{which}_file"]) for which in ("oldest", "newest"))
    assert newest - oldest == pytest.approx(timedelta(days=2), abs=timedelta(seconds=60))
    outputs = stats["directories"]["outputs"]
    assert (outputs["oldest_file"], outputs["retention_human"]) == (None, "Indefinite")
    assert "error" not in outputs


def test_statistics_see_what_changed_a_moment_ago(manager: StorageManager, base: Path) -> None:
    for count in range(1, 4):
        aged_file(base / f"temp/{count}", age="1h")
        assert manager.get_storage_stats()["total_files"] == count
    (base / "temp/1").unlink()
    assert manager.get_storage_stats()["total_files"] == 2


def test_an_area_that_is_missing_is_said(manager: StorageManager, base: Path) -> None:
    shutil.rmtree(base / "frames")
    assert "frames" in manager.get_storage_stats()["directories"]["frames"]["error"]


def test_statistics_name_the_alias_that_is_there(manager: StorageManager, base: Path) -> None:
    manager.get_storage_stats()
    (base / "contact-sheets").rmdir()
    aged_file(base / "contact_sheets/a", age="1d")
    sheets = manager.get_storage_stats()["directories"]["contact_sheets"]
    assert (sheets["path"], sheets["files"]) == (str(base / "contact_sheets"), 1)


def test_a_directory_that_was_replaced_by_its_alias_is_forgotten(manager: StorageManager, base: Path) -> None:
    aged_file(base / "contact-sheets/a", age="1d")
    manager.get_storage_stats()
    (base / "contact-sheets").rename(base / "contact_sheets")
    sheets = manager.get_storage_stats()["directories"]["contact_sheets"]
    assert (sheets["path"], sheets["files"]) == (str(base / "contact_sheets"), 1)


# -- kept for existing tests


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.00 B"),
        (500, "500.00 B"),
        (2048, "2.00 KB"),
        (5 * 1024**2, "5.00 MB"),
        (1024**3, "1.00 GB"),
    ],
)
def test_bytes_are_formatted_as_ever(manager: StorageManager, size: int, text: str) -> None:
    assert manager._format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "Indefinite"),
        (59, "59 seconds"),
        (120, "2 minutes"),
        (3600, "1 hours"),
        (86_400, "1 days"),
        (604_800, "7 days"),
    ],
)
def test_retentions_are_formatted_as_ever(manager: StorageManager, seconds: int, text: str) -> None:
    assert manager._format_retention(seconds) == text


def test_an_age_is_never_negative(manager: StorageManager, base: Path) -> None:
    assert manager._get_file_age_seconds(aged_file(base / "temp/a", age="1h")) == pytest.approx(3600, abs=60)
    assert manager._get_file_age_seconds(aged_file(base / "temp/b", age=-3600)) == 0


def test_should_cleanup_is_the_verdict_of_a_run(manager: StorageManager, base: Path) -> None:
    assert manager._should_cleanup(aged_file(base / "temp/old", age="2d"), "temp") is True
    assert manager._should_cleanup(str(base / "temp/old"), "uploads") is False
    assert manager._should_cleanup(aged_file(base / "temp/young", age="1h"), "temp") is False
    assert manager._should_cleanup(aged_file(base / "outputs/old", age="2000d"), "outputs") is False
    assert (
        manager._should_cleanup(aged_file(base / "contact-sheets/old", age="31d"), "contact-sheets") is True
    )
    assert manager._should_cleanup(aged_file(base / "temp/.gitkeep", age="9d"), "temp") is False
    assert manager._should_cleanup(base / "temp", "temp") is False


def test_an_unknown_age_means_keep(manager: StorageManager, base: Path) -> None:
    assert manager._should_cleanup(base / "temp/missing", "temp") is False
    with pytest.raises(FileNotFoundError):
        manager._get_file_age_seconds(base / "temp/missing")


# -- threads and forks


def test_several_threads_may_use_one_manager(manager: StorageManager, base: Path) -> None:
    for number in range(50):
        aged_file(base / f"temp/{number}", age="2d")
    busy: list[CleanupBusy] = []

    def clean_up(_: int) -> int:
        try:
            return int(manager.cleanup_temp()["deleted"])
        except CleanupBusy as error:
            busy.append(error)
            return 0

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(manager.get_storage_stats) for _ in range(4)]
        deleted = sum(pool.map(clean_up, range(4)))
    assert deleted == 50
    assert all(future.result()["complete"] for future in futures)
    assert len(busy) < 4


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_it_works_before_and_after_a_fork(manager: StorageManager, base: Path) -> None:
    aged_file(base / "temp/a", age="2d")
    manager.get_storage_stats()
    child = os.fork()
    if child == 0:
        os._exit(0 if manager.cleanup_temp()["deleted"] == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    aged_file(base / "temp/b", age="2d")
    assert manager.cleanup_temp()["deleted"] == 1


def test_methods_block_and_leave_no_thread_or_descriptor(manager: StorageManager, base: Path) -> None:
    aged_file(base / "temp/a", age="2d")
    manager.cleanup_all()
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    began = time.monotonic()
    manager.cleanup_all()
    manager.get_storage_stats()
    assert time.monotonic() > began
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (threads, descriptors)
