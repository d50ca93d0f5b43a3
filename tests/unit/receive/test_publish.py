from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shelflife.files.draft import NamelessDraft
from shelflife.receive.destination import Destination
from shelflife.receive.publish import publish
from shelflife.run.workplace import Workplace
from shelflife.testing import Storage

CONTENT = b"new"


class _Raced(NamelessDraft):
    """A draft that is outrun: something happens right before, or right after it gets its name."""

    def __init__(self, fd: int, *, before: Callable[[], object], after: Callable[[], object]) -> None:
        super().__init__(fd)
        self._before, self._after = before, after

    def name_it(self, directory: int, name: str) -> None:
        before, self._before = self._before, lambda: None
        before()
        super().name_it(directory, name)
        self._after()


@pytest.fixture
def unit(storage: Storage) -> Path:
    """A directory of the area, with something in it."""
    storage.file("uploads/4711/old", age=0)
    storage.path("uploads/.trash").mkdir(mode=0o700)
    return storage.path("uploads/4711")


def _publish(
    storage: Storage,
    *,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> None:
    work = Workplace(settings=storage.settings, listener=lambda event: None, clock=storage.now)
    place = Destination.open(work, "uploads", "4711/new")
    begun = NamelessDraft.begin(place.anchor.fd)
    if begun is None:
        pytest.skip("this file system has no nameless files")
    draft = _Raced(begun.fd, before=before, after=after)
    os.write(draft.fd, CONTENT)
    try:
        publish(place, draft, overwrite=False)
    finally:
        draft.discard()
        place.close()


def test_a_directory_that_is_moved_away_as_the_file_gets_its_name_does_not_take_it_along(
    storage: Storage, unit: Path
) -> None:
    away = storage.path("uploads/.trash/4711")
    _publish(storage, before=lambda: unit.rename(away))
    assert (unit / "new").read_bytes() == CONTENT
    assert [path.name for path in away.iterdir()] == ["old"]


def test_one_that_is_moved_away_right_after_does_not_either(storage: Storage, unit: Path) -> None:
    away = storage.path("uploads/.trash/4711")
    _publish(storage, after=lambda: unit.rename(away))
    assert (unit / "new").read_bytes() == CONTENT


def test_one_that_comes_back_keeps_it(storage: Storage, unit: Path) -> None:
    away = storage.path("uploads/.trash/4711")
    back = threading.Timer(0.05, lambda: away.rename(unit))

    def move_away() -> None:
        unit.rename(away)
        back.start()

    _publish(storage, before=move_away)
    back.join()
    assert sorted(path.name for path in unit.iterdir()) == ["new", "old"]
    assert not away.exists()


def test_an_empty_directory_that_goes_is_made_anew(storage: Storage) -> None:
    unit = storage.path("uploads/4711")
    _publish(storage, before=unit.rmdir)
    assert (unit / "new").read_bytes() == CONTENT
