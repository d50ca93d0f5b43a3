"""Alerts: told once, again when they change or end, and never at the expense of a cleanup."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from shelflife.alerts import Dispatcher
from shelflife.alerts.conditions import AlertKind
from shelflife.alerts.sender import Sender
from shelflife.cli.app import run
from shelflife.errors import NeedsApproval
from shelflife.records.alerts import Condition
from shelflife.records.history import RunState, Trigger
from shelflife.records.records import open_records
from shelflife.records.usage import DiskSample
from shelflife.remove.report import AreaReport, RunReport
from shelflife.run.lock import cleanup_lock
from shelflife.run.making_room import DiskRelief, ReliefOutcome
from tests.inside import refused, workplace_of
from tests.receiver import Receiver, receiving

if TYPE_CHECKING:
    from pathlib import Path

    from shelflife.testing import MakeStorage, Storage

_SECRET = "0123456789abcdef"


def _storage(make_storage: MakeStorage, url: str, **others: object) -> Storage:
    alerts = {"webhook": {"url": url, "secret": _SECRET}}
    return make_storage({"temp": "1d", "outputs": -1}, alerts=alerts, **others)


def _told(receiver: Receiver) -> list[tuple[str, str]]:
    return [(found["event"], found["kind"]) for found in map(json.loads, receiver.bodies)]


def _look(desk: Dispatcher, storage: Storage, **others: Any) -> None:
    desk.look(workplace_of(storage), **others)
    assert desk.sender.wait(timeout=30)


# -- what is told


def test_an_alert_is_told_once_and_again_when_it_changes_or_ends(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url)
        desk = Dispatcher()
        refused(storage, "the configuration cannot be read: line 3", trigger=Trigger.SCHEDULE)
        for _ in range(3):
            _look(desk, storage)
        assert _told(receiver) == [("begun", "refused")]
        refused(storage, "the configuration cannot be read: line 4", trigger=Trigger.SCHEDULE)
        _look(desk, storage)
        storage.engine.cleanup()
        _look(desk, storage)
        _look(desk, storage)
    assert _told(receiver) == [("begun", "refused"), ("changed", "refused"), ("ended", "refused")]
    assert "line 4" in json.loads(receiver.bodies[1])["text"]
    assert storage.engine.alerts() == []


def test_a_run_that_waits_for_approval_is_told(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url, limits={"confirm_above_files": 1})
        for number in range(5):
            storage.file(f"temp/{number}")
        with pytest.raises(NeedsApproval) as refused:
            storage.engine.cleanup(trigger=Trigger.SCHEDULE)
        _look(Dispatcher(), storage)
    assert f"--approve {refused.value.plan}" in json.loads(receiver.bodies[0])["text"]


def test_failed_runs_and_displaced_files_are_told(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url)
        with open_records(storage.settings).open_journal() as journal:
            for state, report in ((RunState.DONE, {"displaced": 2}), (RunState.FAILED, {})):
                number = journal.runs.begin(trigger=Trigger.SCHEDULE, host="h", pid=1, at=storage.now())
                journal.runs.finish(
                    number, at=storage.now(), state=state, report=report, reason="the disk is gone"
                )
        _look(Dispatcher(), storage)
        assert _told(receiver) == [("begun", "failed"), ("begun", "displaced")]
        storage.engine.cleanup()
        storage.tick("8d")
        storage.engine.cleanup()
        _look(Dispatcher(), storage)
    assert _told(receiver)[2:] == [("ended", "failed"), ("ended", "displaced")]


def test_a_schedule_that_silently_stopped_is_told(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url)
        storage.engine.cleanup()
        _look(Dispatcher(), storage)
        assert _told(receiver) == []
        storage.tick("3d")
        _look(Dispatcher(), storage)
        assert _told(receiver) == [("begun", "overdue")]
        storage.engine.cleanup()
        _look(Dispatcher(), storage)
    assert _told(receiver) == [("begun", "overdue"), ("ended", "overdue")]


def test_a_disk_that_is_too_full_is_told_and_what_fills_it(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url, pressure={"high": "2%", "low": "1%"})
        storage.file("outputs/result", size=100)
        _look(Dispatcher(), storage, relieved=storage.engine.relieve())
        _look(Dispatcher(), storage)  # what could not be done still stands
    assert _told(receiver) == [("begun", "pressure"), ("begun", "no room")]
    assert "outside the storage" in json.loads(receiver.bodies[1])["text"]


def test_a_disk_that_may_be_full_soon_is_told_again_when_it_comes_closer(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url)
        storage.engine.refresh()
        (disk,) = storage.engine.disks()
        for days, left in ((5, 6), (1, 2)):
            daily = disk.usage.space.available // left
            with open_records(storage.settings).open_journal() as journal:
                for day in range(9):
                    at = storage.now() - (8 - day) * 86_400 * 10**9
                    sample = DiskSample(disk=disk.name, used=0, available=0, outside=day * daily)
                    journal.usage.add(at, {"temp": (0, 0), "outputs": (0, 0)}, {}, [sample])
            _look(Dispatcher(), storage)
            storage.tick("12d" if days == 5 else 60)
    assert _told(receiver) == [("begun", "full soon"), ("changed", "full soon")]
    assert "may be full: in " in json.loads(receiver.bodies[0])["text"]


def test_room_that_was_made_is_told(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url, pressure={"high": "90%"})
        (disk,) = storage.engine.disks()
        report = RunReport(run=1, plan="p", state="done", areas=[AreaReport(area="temp", removed=7)])
        found = DiskRelief(disk=disk, after=disk.usage, outcome=ReliefOutcome.RELIEVED, runs=(report,))
        _look(Dispatcher(), storage, relieved=[found])
    assert _told(receiver) == [("ended", "pressure")]
    assert ": 7 files went, now it is at " in json.loads(receiver.bodies[0])["text"]


def test_a_cleanup_without_progress_is_told(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url, cleanup={"lock_timeout": 60})
        with cleanup_lock(storage.engine.state, "a test"):
            _look(Dispatcher(), storage)
            storage.tick("2m")
            _look(Dispatcher(), storage)
        _look(Dispatcher(), storage)
    assert _told(receiver) == [("begun", "stuck"), ("ended", "stuck")]


def test_two_processes_tell_it_once(make_storage: MakeStorage) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url)
        refused(storage, "a reason", trigger=Trigger.SCHEDULE)
        desks = [Dispatcher() for _ in range(4)]
        threads = [threading.Thread(target=_look, args=(desk, storage)) for desk in desks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert _told(receiver) == [("begun", "refused")]


def test_without_a_receiver_all_the_same_is_found_and_no_message_is_made(make_storage: MakeStorage) -> None:
    storage = make_storage({"temp": "1d"})
    refused(storage, "a reason", trigger=Trigger.SCHEDULE)
    (before,) = storage.engine.alerts()  # also where nobody has looked
    Dispatcher().look(workplace_of(storage))
    (after,) = storage.engine.alerts()
    assert (before.kind, before.text, before) == (AlertKind.REFUSED, "a reason", after)
    with open_records(storage.settings).open_journal() as journal:
        assert [alert.key for alert in journal.alerts.active()] == [AlertKind.REFUSED]
        assert journal.alerts.waiting() == 0
    storage.engine.cleanup()
    assert storage.engine.alerts() == []


# -- receivers that fail


def test_a_receiver_that_fails_for_a_while_gets_it_in_the_end(make_storage: MakeStorage) -> None:
    with receiving(Receiver(statuses=[500, 503])) as receiver:
        storage = _storage(make_storage, receiver.url)
        refused(storage, "a reason", trigger=Trigger.SCHEDULE)
        _look(Dispatcher(Sender(pauses=(0.01, 0.01, 0.01))), storage)
    assert len(receiver.bodies) == 3
    with open_records(storage.settings).open_journal() as journal:
        book = journal.alerts
        assert book.waiting() == 0


def test_what_nobody_took_is_tried_again_later_even_by_another_process(make_storage: MakeStorage) -> None:
    with receiving(Receiver(statuses=[500])) as receiver:
        storage = _storage(make_storage, receiver.url)
        refused(storage, "a reason", trigger=Trigger.SCHEDULE)
        _look(Dispatcher(Sender(pauses=())), storage)
        _look(Dispatcher(Sender(pauses=())), storage)
        assert len(receiver.bodies) == 1  # claimed a moment ago
        storage.tick("11m")
        _look(Dispatcher(Sender(pauses=())), storage)
        assert len(receiver.bodies) == 2
    with open_records(storage.settings).open_journal() as journal:
        book = journal.alerts
        assert book.waiting() == 0


def test_after_a_day_a_message_is_given_up(make_storage: MakeStorage) -> None:
    storage = make_storage({"temp": "1d"})
    with open_records(storage.settings).open_journal() as journal:
        book = journal.alerts
        book.update([Condition(kind="k", key="k", text="t")], at=storage.now(), told={})
        assert book.claim(at=storage.now() + 25 * 3600 * 10**9) == []
        assert book.waiting() == 0


def test_a_receiver_that_hangs_delays_neither_a_look_nor_a_cleanup(make_storage: MakeStorage) -> None:
    with receiving(Receiver(hangs=True)) as receiver:
        storage = _storage(make_storage, receiver.url)
        storage.file("temp/old")
        refused(storage, "a reason", trigger=Trigger.SCHEDULE)
        desk = Dispatcher(Sender(pauses=()))
        desk.look(workplace_of(storage))
        assert receiver.got.wait(30)
        desk.look(workplace_of(storage))  # returns although the receiver has not answered
        assert storage.engine.cleanup().removed == 1
        assert not receiver.release.is_set()
        assert not desk.sender.end(timeout=0)  # a daemon thread: the process may end
        receiver.release.set()
        assert desk.sender.wait(timeout=30)


def test_no_address_is_ever_logged(make_storage: MakeStorage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    alerts = {
        "webhook": {"url": "http://127.0.0.1:1/very-secret-token", "secret": _SECRET},
        "urls": ["json://127.0.0.1:1/very-secret-token", "unknown://very-secret-token"],
    }
    storage = make_storage({"temp": "1d"}, alerts=alerts)
    refused(storage, "a reason", trigger=Trigger.SCHEDULE)
    _look(Dispatcher(Sender(pauses=())), storage)
    ours = [record for record in caplog.records if record.name.startswith(("shelflife", "apprise"))]
    assert len([record for record in ours if "not delivered" in record.getMessage()]) == 3
    assert "very-secret-token" not in "".join(record.getMessage() for record in ours)


# -- on the command line


def test_alerts_on_the_command_line(
    make_storage: MakeStorage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving(Receiver()) as receiver:
        storage = _storage(make_storage, receiver.url, limits={"confirm_above_files": 1})
        for number in range(5):
            storage.file(f"temp/{number}")
        config = tmp_path / "config.yaml"
        section = {
            "base_path": str(storage.base_path),
            "default_areas": False,
            "areas": {"temp": {"retention": "1d"}, "outputs": {"retention": -1}},
            "limits": {"confirm_above_files": 1},
            "alerts": {"webhook": {"url": receiver.url, "secret": _SECRET}},
        }
        config.write_text(yaml.safe_dump({"storage": section}))

        assert run(["alerts", "list", "--config", str(config)]) == 0
        assert "nothing needs a person" in capsys.readouterr().out
        assert run(["alerts", "test", "--config", str(config)]) == 0
        assert capsys.readouterr().out == "webhook: delivered\n"
        receiver.statuses.append(500)
        assert run(["alerts", "test", "--json", "--config", str(config)]) == 1
        assert json.loads(capsys.readouterr().out) == [{"receiver": "webhook", "error": "it answered 500"}]

        assert run(["cleanup", "--config", str(config)]) == 3  # from cron, say: somebody is told
        assert _told(receiver)[2:] == [("begun", "refused")]
        assert run(["alerts", "list", "--json", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)[0]["kind"] == AlertKind.REFUSED


def test_a_test_without_receivers_says_so(
    make_storage: MakeStorage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = make_storage({"temp": "1d"})
    config = tmp_path / "config.yaml"
    section = {
        "base_path": str(storage.base_path),
        "default_areas": False,
        "retention": {},
        "areas": {"temp": {"retention": "1d"}},
    }
    config.write_text(yaml.safe_dump({"storage": section}))
    assert run(["alerts", "test", "--config", str(config)]) == 2
    assert "nobody to tell" in capsys.readouterr().err
