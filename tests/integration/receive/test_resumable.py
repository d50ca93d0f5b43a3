"""Files that come in several goes: each begins where the file ends on disk, also after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from shelflife import AlreadyThere, UsageError
from shelflife.receive.resumable import ReservationBusyError
from shelflife.testing import Storage


def _lying(storage: Storage) -> list[str]:
    return [path.name for path in storage.base_path.glob("*/.trash/.incoming/*")]


def test_a_file_comes_in_several_goes(storage: Storage) -> None:
    engine = storage.engine
    name = engine.reserve("uploads", "4711/clip.mp4", size=10).name
    for part in (b"hel", b"lo w", b"orld"):
        with engine.resume(name) as incoming:
            incoming.write(part)
    (found,) = engine.reservations()
    assert (found.name, found.path, found.offset) == (name, "uploads/4711/clip.mp4", 11)
    assert not storage.path("uploads/4711").exists()
    with engine.resume(name) as incoming:
        incoming.publish()
    assert storage.path("uploads/4711/clip.mp4").read_bytes() == b"hello world"
    assert (engine.reservations(), _lying(storage)) == ([], [])


_WRITE = """
import os, signal, sys
from shelflife import Engine, Settings
engine = Engine(Settings.build(base_path=sys.argv[1], areas={"uploads": "7d"}))
incoming = engine.resume(sys.argv[2])
incoming.write(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_goes_on_where_a_killed_process_left_it(storage: Storage) -> None:
    name = storage.engine.reserve("uploads", "a", size=10_000).name
    command = [sys.executable, "-c", _WRITE, str(storage.base_path), name]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (found,) = storage.engine.reservations()
    assert (found.offset, found.promised >= 10_000) == (4, True)
    with storage.engine.resume(name) as incoming:
        assert incoming.tell() == 4
        incoming.write(b" and half")
        incoming.publish()
    assert storage.path("uploads/a").read_bytes() == b"half and half"


def test_one_at_a_time_writes(storage: Storage) -> None:
    name = storage.engine.reserve("uploads", "a").name
    with storage.engine.resume(name):
        with pytest.raises(ReservationBusyError, match="somebody writes uploads/a just now"):
            storage.engine.resume(name)
        with pytest.raises(ReservationBusyError):
            storage.engine.give_up(name)
    storage.engine.resume(name).close()


def test_when_its_time_is_up_it_goes_with_what_was_promised(storage: Storage) -> None:
    engine = storage.engine
    name = engine.reserve("uploads", "a", size=10_000, keep=60).name
    storage.tick("50s")
    engine.resume(name).close()  # each go extends it
    storage.tick("50s")
    assert [found.name for found in engine.reservations()] == [name]
    storage.tick("20s")
    assert engine.reservations() == []
    with pytest.raises(UsageError, match="its time was up"):
        engine.resume(name)
    engine.cleanup()
    assert _lying(storage) == []
    assert os.listdir(engine.state.path / "receiving") == ["turn"]


def test_while_somebody_writes_its_time_is_not_up(storage: Storage) -> None:
    name = storage.engine.reserve("uploads", "a", keep=60).name
    with storage.engine.resume(name) as incoming:
        incoming.write(b"slow")
        storage.tick("1h")
        storage.engine.cleanup()
        storage.engine.receive("uploads", "b").close()
        incoming.publish()
    assert storage.path("uploads/a").read_bytes() == b"slow"


def test_what_is_given_up_is_gone(storage: Storage) -> None:
    found = storage.engine.reserve("uploads", "a", size=10_000)
    assert storage.engine.give_up(found.name) == found
    assert (storage.engine.reservations(), _lying(storage)) == ([], [])
    with pytest.raises(UsageError):
        storage.engine.give_up(found.name)


def test_a_name_that_was_taken_meanwhile_costs_nothing(storage: Storage) -> None:
    name = storage.engine.reserve("uploads", "a").name
    storage.file("uploads/a", age=0, content=b"other")
    with suppress(AlreadyThere), storage.engine.resume(name) as incoming:
        incoming.write(b"mine")
        incoming.publish()
    assert storage.path("uploads/a").read_bytes() == b"other"
    with storage.engine.resume(name) as incoming:
        incoming.publish(overwrite=True)
    assert storage.path("uploads/a").read_bytes() == b"mine"


def test_the_list_has_those_of_processes_too_and_nobody_else_goes_on_with_them(storage: Storage) -> None:
    with storage.engine.receive("uploads", "a", size=10) as incoming:
        (found,) = storage.engine.reservations()
        assert (found.offset, found.until, found.path) == (None, None, "uploads/a")
        with pytest.raises(UsageError, match="is its process's"):
            storage.engine.resume(found.name)
        incoming.publish()


def test_somebody_who_takes_the_file_away_is_told(storage: Storage) -> None:
    name = storage.engine.reserve("uploads", "a").name
    next(storage.base_path.glob("*/.trash/.incoming/*")).unlink()
    with pytest.raises(UsageError, match="is gone: begin again"):
        storage.engine.resume(name)
    assert storage.engine.reservations() == []


@pytest.mark.parametrize("keep", [0, -1, float("nan")])
def test_it_must_last_for_some_time(storage: Storage, keep: float) -> None:
    with pytest.raises(UsageError, match="must end in the future"):
        storage.engine.reserve("uploads", "a", keep=keep)
