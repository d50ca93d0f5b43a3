"""Each request with a key begins exactly one run, whatever happens to connections and processes meanwhile."""

from __future__ import annotations

import http.client
import json
import random
import socket
import sqlite3
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.served import TOKEN, start

_PATIENCE = 300.0
"""Seconds within which each request must have got its answer."""


class Workers:
    """Two processes that serve one storage, of which one is killed now and then."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._services = [start(base), start(base)]
        self.kills = 0

    def port(self, chance: random.Random) -> int:
        return chance.choice(self._services).port

    def kill_one(self, chance: random.Random) -> None:
        """Kill one with SIGKILL, and start another in its place."""
        place = chance.randrange(2)
        self._services[place].kill()
        self.kills += 1
        self._services[place] = start(self._base)

    def end(self) -> None:
        for service in self._services:
            service.kill()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(tmp_path / "data")
    yield workers
    workers.end()


def insist(workers: Workers, key: str, chance: random.Random) -> int:
    """Send one and the same request until it is answered; cut the connection now and then. Return the run."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            answer = _post(workers.port(chance), key, cut=chance.random() < 0.4, chance=chance)
        except (OSError, http.client.HTTPException):
            continue  # cut, or killed
        if answer is None:
            continue
        status, body = answer
        if status in (200, 202) and body.get("run"):
            return int(body["run"])
        assert status in (202, 409), (status, body)  # going on, or another cleanup runs
    raise AssertionError(f"{key} was never answered")


def _post(port: int, key: str, *, cut: bool, chance: random.Random) -> tuple[int, dict[str, Any]] | None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "Prefer": "wait=1",
        }
        connection.request("POST", "/storage/cleanup", '{"areas": ["temp"]}', headers)
        if cut:
            assert connection.sock is not None
            if chance.random() < 0.5:  # a reset, not an orderly end
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return None
        response = connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.mark.parametrize(
    ("requests", "kills"),
    [(40, 2), pytest.param(1000, 60, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
)
def test_each_key_has_exactly_one_run(workers: Workers, tmp_path: Path, requests: int, kills: int) -> None:
    chance = random.Random(4711)
    done = threading.Event()

    def kill() -> None:
        while workers.kills < kills and not done.wait(chance.uniform(0.1, 2)):
            workers.kill_one(chance)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            keys = [f"key-{number}" for number in range(requests)]
            runs = list(pool.map(lambda key: insist(workers, key, random.Random(key)), keys))
    finally:
        done.set()
        killer.join()
    assert len(set(runs)) == requests
    with closing(sqlite3.connect(tmp_path / "data/.shelflife/journal.db")) as journal:
        rows = journal.execute("SELECT id, key, state FROM run WHERE via = 'http'").fetchall()
    by_key = Counter(key for _, key, _ in rows if key is not None)
    assert by_key == {f"admin {key}": 1 for key in keys}
    assert {state for _, key, state in rows if key is None} <= {"refused", "failed"}
    assert dict(zip(keys, runs, strict=True)) == {
        key.removeprefix("admin "): run for run, key, _ in rows if key is not None
    }
    assert workers.kills > 0
