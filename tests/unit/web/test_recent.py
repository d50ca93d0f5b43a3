"""Answers that may be some seconds old."""

from __future__ import annotations

import threading

import pytest

from shelflife.errors import StorageError
from shelflife.web import recent
from shelflife.web.recent import Recent


class Look:
    """Counts looks; each waits until it may answer."""

    def __init__(self) -> None:
        self.looks = 0
        self.may = threading.Event()
        self.may.set()
        self.done = threading.Semaphore(0)

    def __call__(self) -> int:
        self.looks += 1
        number = self.looks
        self.may.wait()
        self.done.release()
        return number


def test_an_answer_that_is_fresh_is_not_looked_up_again() -> None:
    look = Look()
    found = Recent(look, fresh=60, usable=600)
    assert [found.get() for _ in range(5)] == [1] * 5


def test_whoever_asks_gets_the_answer_before_while_the_next_one_is_looked_up() -> None:
    look = Look()
    found = Recent(look, fresh=0, usable=600)
    assert found.get() == 1
    look.may.clear()
    assert [found.get() for _ in range(20)] == [1] * 20
    assert look.looks <= 2  # one at a time
    look.may.set()
    assert look.done.acquire(timeout=10)
    assert look.done.acquire(timeout=10)


def test_an_answer_that_is_too_old_is_waited_for() -> None:
    look = Look()
    found = Recent(look, fresh=0, usable=0)
    assert [found.get(), found.get(), found.get()] == [1, 2, 3]


def test_what_looking_raises_is_raised_and_found_out_anew() -> None:
    faults = [OSError("the disk is away"), None]

    def look() -> str:
        if (fault := faults.pop(0)) is not None:
            raise fault
        return "back"

    found = Recent(look, fresh=0, usable=0)
    with pytest.raises(OSError, match="away"):
        found.get()
    assert found.get() == "back"


def test_a_disk_that_hangs_is_said_to_and_takes_one_thread_however_many_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recent, "_PATIENCE", 0.01)
    look = Look()
    look.may.clear()
    found = Recent(look, fresh=60, usable=600)
    for _ in range(5):
        with pytest.raises(StorageError, match="no answer"):
            found.get()
    assert look.looks == 1
    look.may.set()
    assert look.done.acquire(timeout=10)
