"""The look at the disks that an application takes from time to time."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from shelflife.records.records import open_records
from shelflife.schedule.current import Current
from shelflife.schedule.watch import IDLE, DiskWatch
from shelflife.settings.in_force import in_force_of
from tests.inside import workplace_of

if TYPE_CHECKING:
    import pytest

    from shelflife.testing import MakeStorage, Storage


def _watch(storage: Storage, stop: threading.Event | None = None) -> DiskWatch:
    return DiskWatch(
        Current(workplace_of(storage), in_force_of(storage.settings), now=0),
        stop=stop or threading.Event(),
        delay=0,
    )


def test_it_looks_as_often_as_the_settings_say(make_storage: MakeStorage) -> None:
    assert _watch(make_storage(pressure={"check_every": "7s"})).look() == 7
    assert _watch(make_storage()).look() == IDLE


def test_a_service_that_does_not_clean_up_does_not_look(make_storage: MakeStorage) -> None:
    storage = make_storage(pressure={"high": "2%"}, cleanup={"enabled": False})
    storage.file("temp/expired")
    assert _watch(storage).look() == IDLE
    assert storage.path("temp/expired").exists()


def test_it_takes_samples_for_the_forecast_now_and_then(storage: Storage) -> None:
    storage.engine.refresh()
    watch = _watch(storage)
    for _ in range(3):
        watch.look()
    assert not storage.engine.sample(at_most_every=3600)


def test_a_storage_that_cannot_be_used_is_told_of_once(
    make_storage: MakeStorage, caplog: pytest.LogCaptureFixture
) -> None:
    storage = make_storage(pressure={}, cleanup={"dry_run": True})
    watch = _watch(storage)
    for _ in range(3):
        assert watch.look() == 60
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert ["only dry runs" in record.getMessage() for record in errors] == [True]


def test_it_tells_of_settings_that_somebody_has_changed_also_where_nothing_is_cleaned_up(
    make_storage: MakeStorage,
) -> None:
    storage = make_storage(cleanup={"enabled": False})
    settings = [storage.settings]
    watch = DiskWatch(
        Current(workplace_of(storage), in_force := in_force_of(lambda: settings[-1]), now=0),
        stop=threading.Event(),
        delay=0,
    )
    watch.look()
    settings.append(storage.settings.with_areas({"temp.retention": "3h"}))
    in_force.read()
    for _ in range(2):
        watch.look()
    with open_records(storage.settings).open_journal() as journal:
        told = [(event.kind, event.data["keys"]) for event in journal.events.since(0)]
    assert told == [("settings.changed", ["areas.temp.retention"])]


def test_its_thread_ends_when_told(make_storage: MakeStorage) -> None:
    stop = threading.Event()
    watch = _watch(make_storage(pressure={}), stop)
    watch.begin()
    stop.set()
    assert watch.end(time.monotonic() + 30)
