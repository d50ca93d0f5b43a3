"""Whether a service lives, whether it can work, and what is logged of requests."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from shelflife.testing import Storage
from shelflife.web.logs import JsonLines
from tests.integration.web.watched import opened_files

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_it_is_not_ready_without_its_directories(client: TestClient, storage: Storage) -> None:
    (storage.base_path / "temp").rmdir()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "temp" in " ".join(answer.json()["problems"])


def test_it_lives_without_its_storage_and_does_not_even_look(client: TestClient, storage: Storage) -> None:
    client.get("/healthz")  # whatever is imported for the first request is
    shutil.rmtree(storage.base_path)
    with opened_files() as opened:
        assert client.get("/healthz").json()["status"] == "ok"
    assert opened == []


def test_probes_that_follow_each_other_look_once(client: TestClient, storage: Storage) -> None:
    client.get("/readyz")
    with opened_files() as opened:
        answers = [client.get("/readyz").status_code for _ in range(20)]
    assert answers == [200] * 20
    assert [path for path in opened if str(storage.base_path) in path] == []


# -- log lines


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, object]]]:
    """What is logged meanwhile, as JSON."""
    found: list[dict[str, object]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(json.loads(self.format(record)))

    handler = Handler()
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("shelflife")
    logger.addHandler(handler)
    with caplog.at_level(logging.INFO, logger="shelflife"):
        yield found
    logger.removeHandler(handler)


def test_all_lines_of_a_cleanup_say_who_asked_by_which_request(
    client: TestClient, storage: Storage, authorized: dict[str, str], lines: list[dict[str, object]]
) -> None:
    storage.file("temp/old", age="2d")
    headers = authorized | {"X-Request-ID": "7f3a", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    run = client.post("/storage/cleanup", json={}, headers=headers).json()["run"]
    told = [line for line in lines if line["logger"] == "shelflife.cleanup"]
    assert len(told) >= 3
    for line in told:
        known = {key: line[key] for key in ("run", "actor", "via", "request", "trace")}
        assert known == {"run": run, "actor": "admin", "via": "http", "request": "7f3a", "trace": TRACE}


def test_a_request_is_logged_without_its_path_its_query_and_its_token(
    client: TestClient,
    storage: Storage,
    authorized: dict[str, str],
    token: str,
    lines: list[dict[str, object]],
) -> None:
    storage.file("temp/secret-name")
    client.get("/storage/why", params={"path": "temp/secret-name"}, headers=authorized)
    client.get("/storage/runs/4711")
    client.get("/no/such/secret-name")
    asked = [line for line in lines if line["logger"] == "shelflife.access"]
    assert [(line["method"], line["route"], line["status"]) for line in asked] == [
        ("GET", "/storage/why", 200),
        ("GET", "/storage/runs/{run}", 404),
        ("GET", "unmatched", 404),
    ]
    assert asked[0]["actor"] == "admin"
    assert all(line["request"] for line in asked)
    assert "secret-name" not in json.dumps(asked)
    assert token not in json.dumps(lines)


def test_a_request_without_an_id_has_one_in_its_line_and_in_its_answer(
    client: TestClient, lines: list[dict[str, object]]
) -> None:
    answer = client.get("/storage/stats", headers={"traceparent": "00-nonsense"})
    (line,) = [line for line in lines if line["logger"] == "shelflife.access"]
    assert line["request"] == answer.headers["X-Request-ID"]
    assert "trace" not in line
