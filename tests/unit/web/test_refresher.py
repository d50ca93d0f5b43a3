from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from shelflife.errors import StorageError
from shelflife.testing import Storage
from shelflife.web.refresher import Refresher


class _Slow:
    """An engine whose look lasts until it is asked to stop."""

    def __init__(self) -> None:
        self.looks = 0
        self.begun = threading.Event()

    def refresh(self, *, stop: threading.Event) -> dict[str, list[str]]:
        self.looks += 1
        self.begun.set()
        assert stop.wait(30)
        return {}


def test_the_index_is_brought_up_to_date(storage: Storage) -> None:
    storage.file("temp/a")
    refresher = Refresher(lambda: storage.engine)
    refresher.start()
    thread = next(thread for thread in threading.enumerate() if thread.name == "shelflife-refresh")
    thread.join(30)
    assert sum(area.files for area in storage.engine.stats().areas) == 1
    refresher.stop()


def test_one_look_goes_on_at_a_time_and_ends_when_asked_to() -> None:
    engine: Any = _Slow()
    refresher = Refresher(lambda: engine)
    refresher.start()
    assert engine.begun.wait(30)
    refresher.start()
    assert engine.looks == 1
    refresher.stop(timeout=30)
    engine.begun.clear()
    refresher.start()  # and another may begin
    assert engine.begun.wait(30)
    refresher.stop(timeout=30)
    assert engine.looks == 2


def test_a_storage_that_is_away_is_told_of_and_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    asked = threading.Event()

    def away() -> Any:
        asked.set()
        raise StorageError("the base path is not there")

    refresher = Refresher(away)
    with caplog.at_level(logging.WARNING):
        refresher.start()
        assert asked.wait(30)
        refresher.stop(timeout=30)
    assert [record.getMessage() for record in caplog.records] == [
        "cannot look at the storage: the base path is not there"
    ]


def test_what_never_began_is_stopped_at_once() -> None:
    Refresher(lambda: pytest.fail("nobody asked")).stop()
