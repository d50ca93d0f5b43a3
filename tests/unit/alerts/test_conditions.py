"""What needs a person, found in the records and on the disks."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shelflife.alerts.conditions import AlertKind
from shelflife.clock import HOUR, MINUTE, as_moment
from shelflife.records.history import RunState, Trigger
from shelflife.records.records import open_records
from shelflife.testing import aged_file
from tests.inside import refused

if TYPE_CHECKING:
    from shelflife.testing import MakeStorage, Storage

_NOON = as_moment(datetime(2026, 11, 22, 12, tzinfo=UTC))


def _kinds(storage: Storage) -> list[str]:
    return [str(alert.kind) for alert in storage.engine.alerts()]


def _go_to(storage: Storage, moment: int) -> None:
    storage.ahead += moment - storage.now()


def _run(storage: Storage, report: dict[str, object], *, trigger: Trigger = Trigger.SCHEDULE) -> None:
    """A run that ended with a report."""
    with open_records(storage.settings).open_journal() as journal:
        number = journal.runs.begin(trigger=trigger, host="here", pid=7, at=storage.now())
        journal.runs.finish(number, at=storage.now(), state=RunState.DONE, report=report)


@pytest.mark.parametrize(
    ("after", "is_overdue"),
    [
        (14 * HOUR, False),  # the slot of this night has come: one
        (37 * HOUR, False),
        (38 * HOUR, False),  # that of the next: two
        (39 * HOUR - MINUTE, False),  # and may be an hour late
        (39 * HOUR + MINUTE, True),
    ],
)
def test_a_cleanup_is_overdue_once_two_slots_have_come_without_one(
    storage: Storage, after: int, is_overdue: bool
) -> None:
    _go_to(storage, _NOON)
    storage.engine.cleanup()
    _go_to(storage, _NOON + after)
    assert (_kinds(storage) == [AlertKind.OVERDUE]) is is_overdue
    assert is_overdue == any(finding.check == "overdue" for finding in storage.engine.check())


def test_a_cleanup_is_not_overdue_where_none_ever_ran_or_none_is_to_run(make_storage: MakeStorage) -> None:
    new, off = make_storage(), make_storage(cleanup={"enabled": False})
    off.engine.cleanup()
    for storage in (new, off):
        storage.tick("9d")
        assert _kinds(storage) == []


def test_the_last_cleanup_counts_however_often_room_was_made_since(storage: Storage) -> None:
    refused(storage, "the configuration cannot be read", trigger=Trigger.SCHEDULE)
    for _ in range(600):
        _run(storage, {}, trigger=Trigger.PRESSURE)
    assert _kinds(storage) == [AlertKind.REFUSED]


def test_what_failed_in_the_last_run_is_told_until_a_run_goes_without(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = {"path": "temp/a/b.mp4", "errno": errno.EPERM, "error": os.strerror(errno.EPERM)}
    counts = {"failed": 1, "errors": []}
    _run(storage, {"areas": {"temp": counts, "uploads": {"failed": 0, "errors": []}}, "failures": [failure]})
    (alert,) = storage.engine.alerts()
    assert (alert.kind, alert.key) == (AlertKind.FAILURES, "failures:temp")
    assert alert.text == "run 1 could not remove 1 file of temp: temp/a/b.mp4: Operation not permitted"
    assert alert.text in [finding.message for finding in storage.engine.check()]
    _run(storage, {"areas": {"uploads": {"failed": 0, "errors": []}}})  # it says nothing of the other area
    assert _kinds(storage) == [AlertKind.FAILURES]
    _run(storage, {"areas": {"temp": {"failed": 0, "errors": []}}})
    assert _kinds(storage) == []


def test_what_could_not_be_read_in_the_last_run_is_told(storage: Storage) -> None:
    os.rmdir(storage.path("temp"))
    storage.engine.cleanup()
    (alert,) = storage.engine.alerts()
    assert (alert.kind, alert.since) == (AlertKind.FAILURES, storage.engine.history()[0].started)
    assert alert.text.startswith("run 1 could not read all of temp: ")
    storage.engine.create()
    storage.engine.cleanup()
    assert _kinds(storage) == []


def test_what_needs_a_person_is_found_without_write_access_and_without_a_journal(storage: Storage) -> None:
    assert storage.engine.alerts() == []
    assert not storage.engine.state.path.exists()


def test_a_refused_run_needs_a_person_until_a_cleanup_has_run(make_storage: MakeStorage) -> None:
    storage = make_storage({"temp": "1d"})
    refused(storage, "a reason", trigger=Trigger.CLI)
    assert _kinds(storage) == [AlertKind.REFUSED]
    aged_file(storage.path("temp/x"), age="2d")
    storage.engine.cleanup()
    assert _kinds(storage) == []
