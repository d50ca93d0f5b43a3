"""`cleanup.max_per_second`: in small batches, with pauses in which a run can be stopped and holds be added."""

from __future__ import annotations

import threading

import pytest

from shelflife.events import BatchFinished, Event
from shelflife.testing import MakeStorage, Storage

_WAYS = pytest.mark.parametrize("trash", [0, "1h"], ids=["in bulk", "one by one"])


def _storage(make_storage: MakeStorage, trash: object, per_second: int, files: int) -> Storage:
    storage = make_storage(
        {"temp": {"retention": "1d", "trash": trash}}, cleanup={"max_per_second": per_second}
    )
    for number in range(files):
        storage.file(f"temp/{number % 3}/{number:03}", age="2d")
    return storage


@_WAYS
def test_everything_goes_in_batches_of_a_tenth_of_a_second(make_storage: MakeStorage, trash: object) -> None:
    storage = _storage(make_storage, trash, per_second=200, files=70)
    report = storage.engine.cleanup()
    assert report.removed + report.total("trashed") == 70
    told = [len(event.outcomes) for event in storage.events if isinstance(event, BatchFinished)]
    assert sum(told) == 70
    assert max(told) <= 20


@_WAYS
def test_a_run_that_waits_is_stopped_at_once(make_storage: MakeStorage, trash: object) -> None:
    storage = _storage(make_storage, trash, per_second=1, files=600)  # ten minutes' worth
    stop = threading.Event()

    def stop_after_the_first(event: Event) -> None:
        if isinstance(event, BatchFinished):
            stop.set()

    engine = type(storage.engine)(storage.settings, listeners=[stop_after_the_first], clock=storage.now)
    report = engine.cleanup(stop=stop)
    gone = report.removed + report.total("trashed")
    assert (report.state, 1 <= gone <= 4) == ("stopped", True)
    assert len(storage.files()) >= 600 - gone


def test_what_is_held_while_a_run_waits_stays_and_is_not_waited_for(make_storage: MakeStorage) -> None:
    storage = _storage(make_storage, 0, per_second=1, files=600)
    held: list[str] = []

    def hold_all_after_the_first(event: Event) -> None:
        if isinstance(event, BatchFinished) and not held:
            held.append("temp")
            storage.engine.hold(storage.base_path / "temp")

    engine = type(storage.engine)(storage.settings, listeners=[hold_all_after_the_first], clock=storage.now)
    report = engine.cleanup()
    assert (report.state, 1 <= report.removed <= 4) == ("done", True)
    assert len(storage.files()) == 600 - report.removed
