"""Disks as they are when it matters: full, read-only, immutable, unreadable, and with the oddest names."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from shelflife import Engine, RecordsError, Settings
from shelflife.events import BatchFinished, Event
from shelflife.files.removal import Result
from shelflife.policy.verdict import Reason
from shelflife.testing import MakeStorage, aged_file, set_age
from tests.integration.engine.users import common_directory, make_readable, needs_root, ordinary_user

STAYS = b"must stay"
_PAGE = b"x" * 8192


def _engine(base: Path, *, trash: bool = False, units: bool = False, **others: object) -> Engine:
    area = {
        "retention": "7d",
        "trash": "3d" if trash else 0,
        "expire": "directory" if units else "file",
    }
    engine = Engine(Settings.build(base_path=base, areas={"media": area}, **others))
    engine.create()
    return engine


@contextmanager
def _tmpfs(place: Path, options: str) -> Iterator[Path]:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def _fill_bytes(base: Path) -> None:
    with suppress(OSError), (base / "media/filling").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    status = os.statvfs(base)
    assert status.f_bavail == 0


def _fill_inodes(base: Path) -> None:
    with suppress(OSError):
        for number in range(100_000):
            (base / f"media/filling-{number}").touch()
    assert os.statvfs(base).f_favail == 0


full = pytest.mark.parametrize(
    ("options", "fill"),
    [("size=4m", _fill_bytes), ("size=20m,nr_inodes=400", _fill_inodes)],
    ids=["bytes", "inodes"],
)


@needs_root
@full
@pytest.mark.parametrize("used", [True, False], ids=["used before", "first use"])
def test_a_disk_with_nothing_left_is_cleaned_and_the_record_is_complete(
    tmp_path: Path, options: str, fill: object, *, used: bool
) -> None:
    with _tmpfs(tmp_path / "disk", options) as base:
        engine = _engine(base)
        if used:
            engine.cleanup()
        due = [aged_file(base / f"media/dir-{number % 5}/{number}", content=_PAGE) for number in range(150)]
        kept = aged_file(base / "media/kept", age="1h", content=STAYS)
        assert callable(fill)
        fill(base)
        report = engine.cleanup()
        assert (report.state, report.removed, report.failed) == ("done", 150, 0)
        assert not any(file.exists() for file in due)
        assert kept.read_bytes() == STAYS
        recorded = {record.path: record.result for record in engine.run_files(report.run)}
        assert recorded == {str(file.relative_to(base)): Result.REMOVED for file in due}
        assert engine.run(report.run).state == "done"
        assert engine.cleanup().state == "done"


@needs_root
@full
def test_a_full_disk_respects_holds(tmp_path: Path, options: str, fill: object) -> None:
    with _tmpfs(tmp_path / "disk", options) as base:
        engine = _engine(base)
        held = aged_file(base / "media/held", content=STAYS)
        for number in range(20):
            aged_file(base / f"media/{number}", content=_PAGE)
        engine.hold(held)
        assert callable(fill)
        fill(base)
        assert engine.cleanup().removed == 20
        assert held.read_bytes() == STAYS


@needs_root
@full
@pytest.mark.parametrize("units", [False, True])
def test_a_full_disk_with_a_trash_loses_nothing(
    tmp_path: Path, options: str, fill: object, *, units: bool
) -> None:
    with _tmpfs(tmp_path / "disk", options) as base:
        engine = _engine(base, trash=True, units=units)
        engine.cleanup()
        for number in range(20):
            aged_file(base / f"media/dir/{number}", content=b"expired")
        set_age(base / "media/dir", "40d")
        assert callable(fill)
        fill(base)
        with suppress(RecordsError):  # into the trash frees nothing, so there may be no room to write it down
            assert engine.cleanup().removed == 0
        files = [
            path for path in (base / "media").rglob("*") if path.is_file() and "filling" not in path.name
        ]
        assert len(files) == 20
        for path in (base / "media").glob("filling*"):
            path.unlink()
        assert engine.cleanup().state == "done"
        assert len(list(engine.trash())) == 20


@needs_root
@pytest.mark.parametrize("trash", [False, True])
def test_a_disk_that_becomes_read_only_ends_the_area_and_the_next_run_finishes(
    tmp_path: Path, *, trash: bool
) -> None:
    base = tmp_path / "storage"
    base.mkdir()
    with _tmpfs(base / "media", "size=4m") as area:
        engine = _engine(base, trash=trash)
        for number in range(10):
            aged_file(base / f"media/dir/{number}")
        remounted: list[int] = []

        def remount(event: Event) -> None:
            if isinstance(event, BatchFinished) and not remounted:
                remounted.append(len(event.outcomes))
                subprocess.run(["mount", "-o", "remount,ro", area], check=True)

        read_only = Engine(engine.settings, listeners=[remount]).cleanup(batch_size=2)
        subprocess.run(["mount", "-o", "remount,rw", area], check=True)
        assert len(os.listdir(base / "media/dir")) == 8
        assert "Read-only file system" in "".join(read_only.errors)
        again = engine.cleanup()
        assert again.total("trashed" if trash else "removed") == 8


@needs_root
@pytest.mark.parametrize("flag", ["i", "a"])
def test_one_immutable_file_stops_none_of_the_others(tmp_path: Path, flag: str) -> None:
    engine = _engine(tmp_path / "storage")
    files = [aged_file(tmp_path / f"storage/media/{number:03}") for number in range(250)]
    set_flag = subprocess.run(["chattr", f"+{flag}", files[5]], capture_output=True, check=False)
    if set_flag.returncode != 0:
        pytest.skip("no file attributes here")
    try:
        report = engine.cleanup()
    finally:
        subprocess.run(["chattr", f"-{flag}", files[5]], check=True)
    assert (report.removed, report.failed) == (249, 1)
    (failure,) = [found for area in report.areas for found in area.failures]
    assert (failure.path, failure.errno) == ("media/005", errno.EPERM)
    assert engine.cleanup().removed == 1


@needs_root
def test_an_immutable_directory_stops_no_other(tmp_path: Path) -> None:
    engine = _engine(tmp_path / "storage")
    for number in range(150):
        aged_file(tmp_path / f"storage/media/a/{number}")
        aged_file(tmp_path / f"storage/media/b/{number}")
    directory = tmp_path / "storage/media/a"
    if subprocess.run(["chattr", "+i", directory], capture_output=True, check=False).returncode != 0:
        pytest.skip("no file attributes here")
    try:
        report = engine.cleanup()
    finally:
        subprocess.run(["chattr", "-i", directory], check=True)
    assert (report.removed, len(os.listdir(directory))) == (150, 150)
    assert 1 <= report.failed <= 100  # not once for each of its files


@pytest.mark.parametrize("mode", [0o000, 0o100, 0o300, 0o400, 0o500])
@pytest.mark.parametrize("trash", [False, True])
def test_a_directory_that_may_not_be_read_or_written_stops_no_other(mode: int, *, trash: bool) -> None:
    with common_directory() as directory, ordinary_user():
        base = directory / "storage"
        engine = _engine(base, trash=trash)
        for number in range(5):
            aged_file(base / f"media/closed/{number}")
            aged_file(base / f"media/open/{number}")
        (base / "media/closed").chmod(mode)
        report = engine.cleanup()
        make_readable(base)
        assert len(os.listdir(base / "media/closed")) == 5
        assert not (base / "media/open").exists()
        assert report.total("trashed" if trash else "removed") == 5
        assert report.failed <= 1
        told = [failure for area in report.areas for failure in area.failures]
        assert report.errors or told
        assert engine.cleanup().total("trashed" if trash else "removed") == 5


# -- names


_NAMES = [
    "x" * 255,
    "new\nline",
    "byte\udcff\udc80",
    " ",
    "-rf",
    "*",
    "ünï",
    "a\tb",
    "'\"$(x)",
    ".hidden",
    "\\",
]


@pytest.mark.parametrize("units", [False, True])
@pytest.mark.parametrize("trash", [False, True])
def test_the_oddest_names_go_wait_and_come_back(
    make_storage: MakeStorage, *, trash: bool, units: bool
) -> None:
    area = {"retention": "7d", "trash": "3d" if trash else 0, "expire": "directory" if units else "file"}
    storage = make_storage({"media": area})
    for name in _NAMES:
        for inner in _NAMES:
            storage.file(f"media/{name}/{inner}")
        set_age(storage.path(f"media/{name}"), "40d")
    before = storage.files()
    held = storage.path(f"media/{_NAMES[2]}/{_NAMES[1]}")
    storage.engine.hold(held)
    report = storage.engine.cleanup()
    count = len(_NAMES) ** 2 - (len(_NAMES) if units else 1)
    assert (report.total("trashed" if trash else "removed"), report.failed) == (count, 0)
    assert held.exists()
    recorded = [
        record.path for record in storage.engine.run_files(report.run) if record.reason is Reason.EXPIRED
    ]
    assert len(recorded) == count
    if trash:
        assert len(storage.engine.restore(str(report.run))) == count
        assert storage.files() == before


@pytest.mark.parametrize("trash", [False, True])
@pytest.mark.parametrize(
    ("levels", "name"), [(30, "d" * 150), (2000, "d")], ids=["4,500 bytes", "2,000 levels"]
)
def test_a_file_deep_down_goes_waits_and_comes_back(
    make_storage: MakeStorage, levels: int, name: str, *, trash: bool
) -> None:
    storage = make_storage({"media": {"retention": "7d", "trash": "3d" if trash else 0}})
    fd = os.open(storage.path("media"), os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    for leaf in ("goes", "stays"):
        os.close(os.open(leaf, os.O_WRONLY | os.O_CREAT, dir_fd=fd))
    os.utime("goes", ns=(0, 0), dir_fd=fd)
    try:
        report = storage.engine.cleanup()
        assert (report.total("trashed" if trash else "removed"), report.failed) == (1, 0)
        assert os.listdir(fd) == ["stays"]
        if trash:
            assert len(storage.engine.restore(str(report.run))) == 1
            assert sorted(os.listdir(fd)) == ["goes", "stays"]
    finally:
        os.close(fd)
        subprocess.run(["rm", "-rf", storage.path("media")], check=True)


@pytest.mark.parametrize("trash", [False, True])
@pytest.mark.parametrize(
    ("levels", "name"), [(30, "d" * 150), (1000, "d")], ids=["4,500 bytes", "1,000 levels"]
)
def test_a_unit_that_is_deep_goes_as_a_whole(
    make_storage: MakeStorage, levels: int, name: str, *, trash: bool
) -> None:
    area = {"retention": "7d", "trash": "3d" if trash else 0, "expire": "directory"}
    storage = make_storage({"media": area})
    fd = os.open(storage.path("media"), os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.utime(fd, ns=(0, 0))  # what a unit's age counts as well
        os.close(fd)
        fd = below
    os.close(os.open("goes", os.O_WRONLY | os.O_CREAT, dir_fd=fd))
    os.utime("goes", ns=(0, 0), dir_fd=fd)
    os.utime(fd, ns=(0, 0))
    os.close(fd)
    try:
        report = storage.engine.cleanup()
        assert (report.total("trashed" if trash else "removed"), report.failed) == (1, 0)
        assert not storage.path(f"media/{name}").exists()
        if trash:
            assert storage.engine.restore(str(storage.path(f"media/{name}"))) == [f"media/{name}"]
    finally:
        subprocess.run(["rm", "-rf", storage.path("media")], check=True)
