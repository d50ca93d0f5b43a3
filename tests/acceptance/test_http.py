"""The service over real HTTP: a process of its own, sockets, signals."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from api.storage import StorageManager
from shelflife.run.lock import cleanup_lock
from shelflife.testing import aged_file
from tests.acceptance.served import TOKEN, Answer, Service, start


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def service(base: Path) -> Iterator[Service]:
    """The service on a free port of the loopback, ready; its storage has no schedule."""
    service = start(base)
    yield service
    service.kill()


def test_it_serves_the_contract_over_real_http(service: Service) -> None:
    old = aged_file(service.base / "temp/old", age="2d", size=2048)
    aged_file(service.base / "outputs/result", age="4000d")
    assert service.ask("GET", "/healthz").body["status"] == "ok"
    assert service.ask("GET", "/readyz").status == 200

    preview = service.ask("GET", "/storage/cleanup?dry_run=false")
    assert (preview.status, preview.body["dry_run"], preview.body["would_delete"]) == (200, True, 1)
    assert "deprecation" in preview.headers
    assert old.exists()

    done = service.ask("POST", "/storage/cleanup", {})
    assert (done.status, done.body["total_deleted"]) == (200, 1)
    assert done.body["total_space_reclaimed_human"] == "2.00 KB"
    assert "outputs" not in done.body["by_directory"]
    assert not old.exists()

    stats = service.ask("GET", "/storage/stats")
    assert "server" not in stats.headers  # what it is made with is nobody's business
    assert stats.body["base_path"] == str(service.base)
    metrics = service.ask("GET", "/storage/metrics").body
    assert (metrics["total_runs"], metrics["total_deleted"]) == (1, 1)
    assert "shelflife_runs_total 1.0" in service.ask("GET", "/metrics").body
    run = service.ask("GET", f"/storage/runs/{done.body['run']}").body
    assert run["pid"] == service.process.pid


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 401),
        ({"Authorization": "Bearer wrong", "Content-Type": "application/json"}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Authorization": f"Bearer {TOKEN}"}, 415),
    ],
)
def test_nobody_else_can_trigger_a_cleanup(service: Service, headers: dict[str, str], status: int) -> None:
    old = aged_file(service.base / "temp/old", age="2d")
    answer = service.ask("POST", "/storage/cleanup", {}, headers=headers)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert old.exists()


def test_of_two_cleanups_at_once_one_runs_and_the_other_learns_who(service: Service) -> None:
    for number in range(3000):
        aged_file(service.base / f"temp/{number % 30}/{number}", age="2d", size=1)
    StorageManager(service.base).cleanup_directory("frames")  # the storage is no longer a new one
    barrier = threading.Barrier(2)

    def post(area: str) -> Answer:
        barrier.wait()
        return service.ask("POST", "/storage/cleanup", {"areas": [area]})

    with ThreadPoolExecutor(2) as pool:
        with cleanup_lock(StorageManager(service.base).engine.state, "a test"):
            refused = service.ask("POST", "/storage/cleanup", {})
        answers = list(pool.map(post, ["uploads", "uploads"]))
    assert (refused.status, refused.body["holder"]["pid"]) == (409, os.getpid())
    assert {answer.status for answer in answers} <= {200, 409}
    assert 200 in [answer.status for answer in answers]


def test_it_answers_while_a_cleanup_runs_and_ends_it_when_told_to_stop(service: Service) -> None:
    for number in range(900):
        aged_file(service.base / f"temp/{number}", age="2d", size=1)
    with ThreadPoolExecutor(1) as pool:
        body = {"approve": _plan_to_approve(service)}
        posted = pool.submit(service.ask, "POST", "/storage/cleanup", body)
        assert service.ask("GET", "/healthz").status == 200
        assert service.ask("GET", "/storage/stats").status == 200
        assert posted.result().status == 200
    seconds, log = service.stop()
    assert seconds < 5
    assert "Traceback" not in log


def test_it_stops_within_seconds_while_a_cleanup_goes_on(service: Service) -> None:
    for number in range(20_000):
        (service.base / "temp" / str(number % 50)).mkdir(exist_ok=True)
        path = service.base / "temp" / str(number % 50) / str(number)
        path.touch()
        os.utime(path, (0, 0))
    StorageManager(service.base).cleanup_directory("uploads")
    with ThreadPoolExecutor(1) as pool:
        body = {"approve": _plan_to_approve(service)}
        posted = pool.submit(service.ask, "POST", "/storage/cleanup", body)
        manager = StorageManager(service.base)
        until = time.monotonic() + 20
        while not any(run.state == "running" for run in manager.engine.history()):
            assert time.monotonic() < until
            time.sleep(0.005)
        seconds, log = service.stop()
        assert seconds < 5.5
        assert posted.result().status in (200, 202)
    assert "Traceback" not in log
    run = next(run for run in manager.engine.history() if run.trigger == "api" and run.state != "refused")
    assert run.state in ("stopped", "done")
    left = sum(1 for path in service.base.joinpath("temp").rglob("*") if path.is_file())
    assert run.report["removed"] + left == 20_000


def _plan_to_approve(service: Service) -> str:
    refused = service.ask("POST", "/storage/cleanup", {})
    assert refused.status == 409
    return str(refused.body["plan"])


# -- events


def _listen(service: Service, after: int | None, count: int) -> list[tuple[int, str]]:
    """Return id and kind of the next events, resumed after one."""
    found: list[tuple[int, str]] = []
    number = 0
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)) as connection:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        connection.request("GET", "/storage/events", headers=headers)
        with connection.getresponse() as response:
            assert response.status == 200
            assert response.headers["X-Accel-Buffering"] == "no"
            while len(found) < count:
                name, _, value = response.readline().decode().strip().partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "event" and value not in ("reset", "run.progress"):
                    found.append((number, value))
    return found


def test_a_listener_that_comes_back_has_each_event_once_and_in_order(service: Service) -> None:
    for number in range(3):
        aged_file(service.base / f"temp/{number}", age="2d")
        service.ask("POST", "/storage/cleanup", {})
    seen = _listen(service, 0, 4)
    seen += _listen(service, seen[-1][0], 5)
    ids = [number for number, _ in seen]
    assert ids == sorted(set(ids))
    assert [kind for _, kind in seen] == 3 * ["run.planning", "run.running", "run.done"]


def test_events_of_other_processes_come_as_they_happen(service: Service) -> None:
    aged_file(service.base / "temp/a", age="2d")
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(_listen, service, 0, 3)
        StorageManager(base_path=service.base).cleanup_temp()
        assert [kind for _, kind in coming.result(timeout=30)] == ["run.planning", "run.running", "run.done"]


def test_the_service_ends_at_once_however_many_listen(service: Service) -> None:
    listening = []
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
        connection.request("GET", "/storage/events")
        response = connection.getresponse()
        assert response.status == 200
        listening.append((connection, response))
    _, log = service.stop()
    for connection, response in listening:
        response.read()  # to its end: the connection is not broken off
        response.close()
        connection.close()
    assert "Traceback" not in log
    assert "without completing response" not in log
    assert "Finished server process" in log
