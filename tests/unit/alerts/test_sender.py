from __future__ import annotations

from shelflife.alerts.sender import Sender
from shelflife.records.alerts import Condition, Message
from shelflife.records.records import open_records
from shelflife.testing import MakeStorage, Storage
from tests.inside import workplace_of
from tests.receiver import Receiver, receiving


def _storage(make_storage: MakeStorage, receiver: Receiver) -> Storage:
    return make_storage(alerts={"webhook": {"url": receiver.url, "secret": "0123456789abcdef"}})


def _claimed(storage: Storage, *texts: str) -> list[Message]:
    """Write down alerts, and claim the messages about them."""
    found = [Condition(kind="failed", key=f"failed:{text}", text=text) for text in texts]
    with open_records(storage.settings).open_journal() as journal:
        journal.alerts.update(found, at=storage.now(), told={}, tell=True)
        return list(journal.alerts.claim(at=storage.now()))


def _left(storage: Storage) -> list[str]:
    """Return what whoever looks next would still have to tell, once its claim has run out."""
    storage.tick("1h")
    with open_records(storage.settings).open_journal() as journal:
        return [message.text for message in journal.alerts.claim(at=storage.now())]


def test_messages_are_delivered_in_order_and_written_down_as_told(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage, sender = _storage(make_storage, receiver), Sender()
        sender.send(workplace_of(storage), _claimed(storage, "one", "two"))
        assert sender.wait(timeout=30)
    assert [b"one" in body for body in receiver.bodies] == [True, False]
    assert len(receiver.bodies) == 2
    assert _left(storage) == []


def test_a_receiver_that_does_not_take_it_is_tried_again_and_the_others_are_not(
    make_storage: MakeStorage,
) -> None:
    with receiving(Receiver(statuses=[503, 503])) as receiver:
        storage, sender = _storage(make_storage, receiver), Sender(pauses=(0.0, 0.0))
        sender.send(workplace_of(storage), _claimed(storage, "one"))
        assert sender.wait(timeout=30)
    assert len(receiver.bodies) == 3
    assert _left(storage) == []


def test_what_is_given_up_stays_for_whoever_looks_next(make_storage: MakeStorage) -> None:
    with receiving(Receiver(statuses=[503, 503])) as receiver:
        storage, sender = _storage(make_storage, receiver), Sender(pauses=(0.0,))
        sender.send(workplace_of(storage), _claimed(storage, "one"))
        assert sender.wait(timeout=30)
    assert len(receiver.bodies) == 2
    assert _left(storage) == ["one"]


def test_no_message_needs_no_thread_and_an_unused_sender_ends_at_once(storage: Storage) -> None:
    sender = Sender()
    sender.send(workplace_of(storage), [])
    assert sender.wait(timeout=0)
    assert sender.end(timeout=0)


def test_a_sender_that_ends_does_not_wait_out_its_pauses(make_storage: MakeStorage) -> None:
    with receiving(Receiver(statuses=[503])) as receiver:
        storage, sender = _storage(make_storage, receiver), Sender(pauses=(3600.0,))
        sender.send(workplace_of(storage), _claimed(storage, "one"))
        assert receiver.got.wait(30)
        assert sender.end(timeout=30)
    assert _left(storage) == ["one"]


def test_a_receiver_that_hangs_is_waited_for_only_so_long(make_storage: MakeStorage) -> None:
    with receiving(Receiver(hangs=True)) as receiver:
        storage, sender = _storage(make_storage, receiver), Sender(pauses=())
        sender.send(workplace_of(storage), _claimed(storage, "one"))
        assert receiver.got.wait(30)
        assert not sender.wait(timeout=0)
        assert not sender.end(timeout=0)
        receiver.release.set()
        assert sender.wait(timeout=30)


def test_records_that_cannot_be_written_break_nothing(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage, sender = _storage(make_storage, receiver), Sender(pauses=())
        messages = _claimed(storage, "one")
        work = workplace_of(storage)
        storage.base_path.rename(storage.base_path.with_name("away"))
        sender.send(work, messages)
        assert sender.wait(timeout=30)
        assert len(receiver.bodies) == 1
        storage.base_path.with_name("away").rename(storage.base_path)
