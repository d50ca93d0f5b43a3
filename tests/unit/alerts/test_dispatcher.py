from __future__ import annotations

import json
import logging

import pytest

from shelflife.alerts.dispatcher import Dispatcher, tell
from shelflife.records.history import Trigger
from shelflife.records.records import open_records
from shelflife.testing import MakeStorage, Storage
from tests.inside import refused, workplace_of
from tests.receiver import Receiver, receiving


def _storage(make_storage: MakeStorage, receiver: Receiver) -> Storage:
    return make_storage(alerts={"webhook": {"url": receiver.url, "secret": "0123456789abcdef"}})


def _events(receiver: Receiver) -> list[tuple[str, str]]:
    return [(found["event"], found["kind"]) for found in map(json.loads, receiver.bodies)]


def test_an_alert_is_told_when_it_begins_and_when_it_ends_and_not_between(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage, dispatcher = _storage(make_storage, receiver), Dispatcher()
        refused(storage, "a reason", trigger=Trigger.SCHEDULE)
        for _ in range(2):
            dispatcher.look(workplace_of(storage))
            assert dispatcher.sender.wait(timeout=30)
        storage.engine.cleanup()
        dispatcher.look(workplace_of(storage))
        assert dispatcher.sender.wait(timeout=30)
    assert _events(receiver) == [("begun", "refused"), ("ended", "refused")]


def test_without_a_receiver_it_is_written_down_and_nothing_is_sent(storage: Storage) -> None:
    refused(storage, "a reason", trigger=Trigger.SCHEDULE)
    Dispatcher().look(workplace_of(storage))
    with open_records(storage.settings).open_journal() as journal:
        assert [alert.kind for alert in journal.alerts.active()] == ["refused"]
        assert list(journal.alerts.claim(at=storage.now())) == []
    storage.engine.cleanup()
    Dispatcher().look(workplace_of(storage))
    with open_records(storage.settings).open_journal() as journal:
        told = [event.kind for event in journal.events.since(0) if event.kind.startswith("alert.")]
        assert (told, journal.alerts.waiting()) == (["alert.begun", "alert.ended"], 0)


def test_a_fault_of_telling_is_logged_once_and_raises_nothing(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    work, dispatcher, away = workplace_of(storage), Dispatcher(), storage.base_path.with_name("away")
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            storage.base_path.rename(away)
            dispatcher.look(work)
            dispatcher.look(work)
            away.rename(storage.base_path)
            dispatcher.look(work)  # all is well again: the next fault is a new one
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert all(message.startswith("cannot see what is to be told: ") for message in messages)


def test_a_command_tells_with_one_try_and_says_whether_all_was_delivered(make_storage: MakeStorage) -> None:
    with receiving(Receiver(statuses=[503])) as receiver:
        storage = _storage(make_storage, receiver)
        refused(storage, "a reason", trigger=Trigger.CLI)
        assert tell(workplace_of(storage), None, wait=30)
    assert len(receiver.bodies) == 1
