"""Without permission: it is reported, skipped, and the rest goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife import Engine, Settings
from shelflife.testing import aged_file
from tests.integration.engine.users import (
    NOBODY,
    common_directory,
    make_readable,
    needs_root,
    ordinary_user,
)


@pytest.fixture
def base() -> Iterator[Path]:
    """A storage that an ordinary user owns, who is us for the time of the test."""
    with common_directory() as directory, ordinary_user():
        (directory / "temp").mkdir()
        yield directory
        make_readable(directory)


def _engine(base: Path, **area: object) -> Engine:
    return Engine(Settings.build(base_path=base, areas={"temp": {"retention": "1d", **area}}))


def _files(base: Path) -> list[str]:
    make_readable(base)
    return sorted(
        str(path.relative_to(base / "temp")) for path in (base / "temp").rglob("*") if path.is_file()
    )


def test_a_directory_that_may_not_be_written_to_fails_once_and_the_others_go_on(base: Path) -> None:
    for number in range(250):
        aged_file(base / f"temp/locked/{number}")
    aged_file(base / "temp/open/a")
    (base / "temp/locked").chmod(0o555)
    report = _engine(base).cleanup(batch_size=50)
    assert (report.removed, report.failed) == (1, 1)
    (failure,) = report.areas[0].failures
    assert failure.path.startswith("temp/locked/")
    assert (failure.errno, failure.error) == (errno.EACCES, "Permission denied")
    files = list(_engine(base).run_files(report.run))
    assert len({file.path for file in files}) == len(files)
    assert sum(file.errno == errno.EACCES for file in files) == 1
    assert len(_files(base)) == 250


def test_a_directory_that_may_not_be_read_is_reported_and_what_is_known_of_it_is_kept(base: Path) -> None:
    aged_file(base / "temp/secret/deep/a", size=5)
    aged_file(base / "temp/open/b", size=5)
    engine = _engine(base)
    engine.refresh()
    (base / "temp/secret").chmod(0)
    plan = engine.plan()
    assert plan.errors == ("temp/secret/: Permission denied",)
    assert (plan.files, plan.scanned) == (1, 1)
    report = engine.cleanup()
    assert report.errors == ["temp/secret/: Permission denied"]
    assert (report.removed, report.total("scanned"), report.total("kept")) == (1, 1, 0)
    assert engine.stats().files == 1  # the one in there
    (base / "temp/secret").chmod(0o755)
    assert engine.cleanup().removed == 1


def test_an_area_that_may_not_be_read_is_reported_and_nothing_of_it_is_due(base: Path) -> None:
    aged_file(base / "temp/a")
    (base / "temp").chmod(0)
    report = _engine(base).cleanup()
    assert (report.removed, report.errors) == (0, ["temp: Permission denied"])
    assert _files(base) == ["a"]


def test_a_directory_whose_files_may_not_be_looked_at_keeps_them(base: Path) -> None:
    aged_file(base / "temp/names-only/a")
    (base / "temp/names-only").chmod(0o400)
    report = _engine(base).cleanup()
    assert report.removed == 0
    assert report.errors == ["temp/names-only/: Permission denied"]
    assert _files(base) == ["names-only/a"]


def test_an_empty_directory_that_may_not_be_removed_is_a_failure(base: Path) -> None:
    aged_file(base / "temp/locked/below/a")
    (base / "temp/locked").chmod(0o555)
    report = _engine(base).cleanup()
    assert (report.removed, report.failed) == (1, 1)
    assert report.areas[0].failures[0].path == "temp/locked/below/"


def test_a_unit_with_a_directory_that_may_not_be_read_stays_as_a_whole(base: Path) -> None:
    for path in ("unit/secret/a", "unit/b", "other/c"):
        aged_file(base / "temp" / path)
    (base / "temp/unit/secret").chmod(0)
    report = _engine(base, expire="directory").cleanup()
    assert report.removed == 1
    assert report.errors == ["temp/unit/secret/: Permission denied"]
    assert _files(base) == ["unit/b", "unit/secret/a"]


@needs_root
def test_files_of_others_in_a_directory_of_theirs_fail_and_ours_go() -> None:
    with common_directory() as directory:
        (directory / "temp").mkdir()
        (directory / "temp/theirs").mkdir()
        os.chown(directory / "temp", NOBODY, NOBODY)
        aged_file(directory / "temp/theirs/a")
        aged_file(directory / "temp/b")
        with ordinary_user():
            report = _engine(directory).cleanup()
        assert (report.removed, report.failed) == (1, 1)
        assert [failure.path for failure in report.areas[0].failures] == ["temp/theirs/a"]


@needs_root
def test_in_a_sticky_directory_files_of_others_fail() -> None:
    with common_directory() as directory:
        (directory / "temp").mkdir()
        (directory / "temp").chmod(0o1777)
        aged_file(directory / "temp/a")
        with ordinary_user():
            report = _engine(directory).cleanup()
        assert (report.removed, report.failed) == (0, 1)
        assert report.areas[0].failures[0].errno == errno.EPERM
