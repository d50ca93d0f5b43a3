from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from shelflife.errors import StorageError
from shelflife.policy.area import Area, areas_of
from shelflife.settings import Settings
from shelflife.storage.areas import create_directories, hold_base, hold_roots
from tests.integration.engine.users import NOBODY, common_directory, needs_root, ordinary_user


def _areas(base: Path) -> list[Area]:
    settings = Settings.build(
        base_path=base,
        areas={"temp": "1d", "contact_sheets": "30d", "deep": {"retention": -1, "path": "a/b"}},
    )
    return list(areas_of(settings).values())


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_missing_directories_are_made_with_mode_755_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    base = tmp_path / "new/storage"
    before = os.umask(umask)
    try:
        made = create_directories(base, _areas(base))
    finally:
        os.umask(before)
    assert made == {"temp": base / "temp", "contact_sheets": base / "contact-sheets", "deep": base / "a/b"}
    for path in (base, *made.values(), base / "a"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert not (base / "contact_sheets").exists()


def test_what_is_there_is_left_as_it_is_with_a_warning_about_another_mode(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    create_directories(tmp_path, _areas(tmp_path))
    (tmp_path / "temp").chmod(0o700)
    (tmp_path / "temp/file").touch()
    with caplog.at_level(logging.WARNING):
        create_directories(tmp_path, _areas(tmp_path))
    assert stat.S_IMODE((tmp_path / "temp").stat().st_mode) == 0o700
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / 'temp'} has mode 700, not 755; left as it is"
    ]


def test_a_file_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "temp").write_text("precious")
    with pytest.raises(StorageError, match="in the way"):
        create_directories(tmp_path, _areas(tmp_path))
    assert (tmp_path / "temp").read_text() == "precious"


@pytest.mark.parametrize("target", ["elsewhere", "missing"])
def test_a_link_in_the_way_is_an_error_and_nothing_is_made_behind_it(tmp_path: Path, target: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    base = tmp_path / "storage"
    base.mkdir()
    (base / "temp").symlink_to(tmp_path / target)
    with pytest.raises(StorageError, match=r"in the way|symbolic link"):
        create_directories(base, _areas(base))
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "missing").exists()


def test_without_permission_nothing_is_made() -> None:
    with common_directory() as directory, ordinary_user():
        directory.chmod(0o500)
        base = directory / "storage"
        with pytest.raises(PermissionError):
            create_directories(base, _areas(base))
        assert list(directory.iterdir()) == []
        directory.chmod(0o700)


@needs_root
def test_what_root_makes_belongs_to_the_owner_of_what_it_is_in() -> None:
    with common_directory() as directory:
        made = create_directories(directory / "storage", _areas(directory / "storage"))
        for path in (directory / "storage", *made.values()):
            assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)


def test_a_base_path_is_held_or_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with hold_base(tmp_path) as fd:
        assert os.fstat(fd).st_ino == tmp_path.stat().st_ino
    for path, reason in (("none", "does not exist"), ("file", "is not a directory"), ("file/x", "directory")):
        with pytest.raises(StorageError, match=reason), hold_base(tmp_path / path):
            pass


def test_a_volume_that_is_not_mounted_is_not_taken_for_an_empty_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not a mount point"), hold_base(tmp_path, require_mount=True):
        pass


def test_an_area_is_held_with_its_aliases(tmp_path: Path) -> None:
    create_directories(tmp_path, _areas(tmp_path))
    sheets = _areas(tmp_path)[1]
    with hold_base(tmp_path) as base:
        with hold_roots(base, sheets) as (roots, faults):
            assert ([root.directory for root in roots], faults) == (["contact-sheets"], [])
        (tmp_path / "contact_sheets").mkdir()
        with hold_roots(base, sheets) as (roots, faults):
            assert [root.directory for root in roots] == ["contact-sheets", "contact_sheets"]
        (tmp_path / "contact-sheets").rmdir()
        with hold_roots(base, sheets) as (roots, faults):
            assert ([root.directory for root in roots], faults) == (["contact_sheets"], [])
        (tmp_path / "contact_sheets").rmdir()
        with hold_roots(base, sheets) as (roots, faults):
            assert (roots, faults) == ([], ["contact-sheets: No such file or directory"])
