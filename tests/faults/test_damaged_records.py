"""Damaged records: a damaged index is made anew, a damaged journal stops every removal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shelflife import RecordsError, StorageError
from shelflife.testing import Storage


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _junk(path: Path) -> None:
    path.write_bytes(b"this is no database" * 500)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def _middle(path: Path) -> None:
    """The first pages are sound, so it opens, and answers some questions."""
    content = bytearray(path.read_bytes())
    for page in range(4 * 4096, len(content), 4096):
        content[page : page + 2000] = os.urandom(2000)
    path.write_bytes(content)


def _delete(path: Path) -> None:
    path.unlink()


def _fill(storage: Storage) -> None:
    for number in range(300):
        storage.file(f"temp/{number}/old", size=5)
        storage.file(f"temp/{number}/young", size=5, age="1h")


@pytest.mark.parametrize("damage", [_delete, _empty, _junk, _cut, _middle])
def test_a_damaged_index_is_made_anew_and_the_run_goes_on(
    storage: Storage, damage: Callable[[Path], None]
) -> None:
    _fill(storage)
    storage.tick()
    storage.engine.refresh()
    damage(storage.engine.state.index)
    assert storage.engine.plan().files == 300
    damage(storage.engine.state.index)
    report = storage.engine.cleanup()
    assert (report.state, report.removed, report.total("scanned")) == ("done", 300, 600)
    damage(storage.engine.state.index)
    assert storage.engine.stats(refresh=True).files == 300


def test_an_index_that_is_a_directory_does_no_harm(storage: Storage) -> None:
    storage.file("temp/a")
    storage.engine.plan()
    storage.engine.state.index.unlink()
    storage.engine.state.index.mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        storage.engine.cleanup()
    assert storage.files() == ["temp/a"]


@pytest.mark.parametrize("damage", [_junk, _cut])
def test_with_a_damaged_journal_nothing_is_removed(storage: Storage, damage: Callable[[Path], None]) -> None:
    storage.file("temp/a")
    storage.engine.cleanup()
    storage.file("temp/b")
    damage(storage.engine.state.journal)
    before = storage.engine.state.journal.read_bytes()
    with pytest.raises(RecordsError, match=r"journal\.db"):
        storage.engine.cleanup()
    with pytest.raises(RecordsError, match=r"journal\.db"):
        storage.engine.history()
    assert storage.files() == ["temp/b"]
    assert storage.engine.state.journal.read_bytes() == before  # what is left of it may be saved yet


def test_with_a_journal_that_was_lost_nothing_is_removed_until_that_is_meant(storage: Storage) -> None:
    storage.file("temp/a")
    storage.engine.cleanup()
    storage.file("temp/b")
    storage.engine.state.journal.unlink()
    with pytest.raises(RecordsError, match="holds are unknown"):
        storage.engine.cleanup()
    assert storage.files() == ["temp/b"]
    storage.engine.adopt()
    assert storage.engine.cleanup().removed == 1


def test_with_the_journal_of_another_storage_nothing_is_removed(
    storage: Storage, make_storage: object
) -> None:
    assert callable(make_storage)
    other: Storage = make_storage()
    other.engine.cleanup()
    storage.file("temp/a")
    storage.engine.cleanup()
    storage.file("temp/b")
    storage.engine.state.journal.write_bytes(other.engine.state.journal.read_bytes())
    with pytest.raises(RecordsError, match="does not belong"):
        storage.engine.cleanup()
    assert storage.files() == ["temp/b"]
