"""A client that names the last event it has seen gets each other one once and in order, whatever was killed."""

from __future__ import annotations

import http.client
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from api.storage import StorageManager
from shelflife.testing import aged_file
from tests.acceptance.served import TOKEN, Service, start


class Listener:
    """A client that reads the stream, and comes back wherever it was cut off."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def listen(self, port: int, *, most: int) -> None:
        """Read up to `most` lines, and then break off, in the middle of whatever comes."""
        last = str(self.seen[-1]) if self.seen else "0"
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            headers = {"Last-Event-ID": last, "Authorization": f"Bearer {TOKEN}"}
            connection.request("GET", "/storage/events", headers=headers)
            with connection.getresponse() as response:
                assert response.status == 200
                number = None
                for _ in range(most):
                    line = response.readline()
                    if not line:
                        return
                    name, _, value = line.decode().strip().partition(": ")
                    if name == "id":
                        number = int(value)
                    elif name == "event":
                        assert value != "reset"
                    elif not name and number is not None:  # an event is complete with an empty line
                        self.seen.append(number)
                        number = None


def act(base: Path, done: threading.Event) -> None:
    """Have runs go on, and holds come and go, in another process than the one that serves."""
    manager = StorageManager(base)
    number = 0
    while not done.is_set():
        for name in range(30):
            aged_file(base / f"temp/{number}-{name}", age="2d", size=1)
        manager.cleanup_temp()
        number += 1


def last_event(base: Path) -> int:
    with closing(sqlite3.connect(base / ".shelflife/journal.db")) as journal:
        return int(journal.execute("SELECT max(id) FROM event").fetchone()[0])


@pytest.fixture
def services(tmp_path: Path) -> Iterator[list[Service]]:
    services = [start(tmp_path / "data")]
    yield services
    services[-1].kill()


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_each_event_comes_once_and_in_order(services: list[Service], tmp_path: Path, kills: int) -> None:
    chance, base, listener, done = random.Random(4711), tmp_path / "data", Listener(), threading.Event()
    acting = threading.Thread(target=act, args=(base, done))
    acting.start()
    try:
        for number in range(kills):
            kills_server = bool(number % 2)
            killer = threading.Timer(chance.uniform(0.05, 0.5), services[-1].process.kill)
            if kills_server:
                killer.start()
            with suppress(OSError, http.client.HTTPException):
                listener.listen(services[-1].port, most=10_000 if kills_server else chance.randrange(5, 400))
            if kills_server:
                killer.join()
                services[-1].kill()
                services.append(start(base))
    finally:
        done.set()
        acting.join()
    last, until = last_event(base), time.monotonic() + 120
    while (listener.seen[-1] if listener.seen else 0) < last:
        assert time.monotonic() < until
        with suppress(TimeoutError):
            listener.listen(services[-1].port, most=500)
    with closing(sqlite3.connect(base / ".shelflife/journal.db")) as journal:
        happened = [row[0] for row in journal.execute("SELECT id FROM event ORDER BY id")]
    assert listener.seen == happened
