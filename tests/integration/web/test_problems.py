"""Failures are problem documents, everywhere below the prefix, and in our own application everywhere."""

from __future__ import annotations

import shutil
import time

import pytest
from fastapi.testclient import TestClient

from shelflife.errors import Problem, SettingsError
from shelflife.settings import Settings
from shelflife.testing import Storage
from shelflife.web import create_app

MEMBERS = {"type", "title", "status", "detail"}


def wait_for_the_first_scan(client: TestClient) -> None:
    until = time.monotonic() + 20
    while not client.get("/storage/stats").json()["complete"]:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/storage/nothing", 404, "not-found"),
        ("POST", "/storage/nothing/here", 404, "not-found"),
        ("GET", "/nothing", 404, "not-found"),
        ("DELETE", "/storage/cleanup", 405, "method-not-allowed"),
        ("POST", "/storage/stats", 405, "method-not-allowed"),
        ("PUT", "/storage/runs/1", 405, "method-not-allowed"),
        ("POST", "/healthz", 405, "method-not-allowed"),
        ("GET", "/storage/runs/x", 422, "validation"),
        ("GET", "/storage/runs/0", 422, "validation"),
        ("GET", "/storage/runs?limit=0", 422, "validation"),
        ("GET", "/storage/runs/99999999999999999999", 422, "validation"),
    ],
)
def test_every_failure_is_a_problem_document(
    client: TestClient, method: str, path: str, status: int, slug: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) >= MEMBERS
    assert problem["type"] == f"urn:shelflife:problem:{slug}"
    assert problem["status"] == status


def test_what_is_allowed_is_said(client: TestClient) -> None:
    assert client.delete("/storage/cleanup").headers["allow"] == "GET, HEAD, POST"
    assert client.post("/storage/stats").headers["allow"] == "GET, HEAD"


def test_validation_names_the_place_and_repeats_nothing(
    client: TestClient, authorized: dict[str, str]
) -> None:
    answer = client.post("/storage/cleanup", json={"dry_run": "hush"}, headers=authorized)
    (error,) = answer.json()["errors"]
    assert error["where"] == "body.dry_run"
    assert "hush" not in answer.text


def test_broken_json_is_a_problem(client: TestClient, authorized: dict[str, str]) -> None:
    headers = authorized | {"Content-Type": "application/json"}
    answer = client.post("/storage/cleanup", content=b"{broken", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:shelflife:problem:validation"


def test_a_storage_that_went_away_is_unavailable(client: TestClient, storage: Storage) -> None:
    wait_for_the_first_scan(client)
    shutil.rmtree(storage.base_path)
    for path in ("stats", "cleanup", "metrics", "plan", "runs"):
        answer = client.get(f"/storage/{path}")
        assert (path, answer.status_code) == (path, 503)
        assert answer.json()["type"] == "urn:shelflife:problem:storage"
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert "shelflife_up 0.0" in client.get("/metrics").text


def test_a_configuration_that_broke_refuses_cleanups_and_hides_its_values(
    storage: Storage, authorized: dict[str, str]
) -> None:
    old = storage.file("temp/old", age="2d")
    broken = False

    def load() -> Settings:
        if broken:
            raise SettingsError([Problem(where="config.yaml:3", key="x", value="secret", reason="is wrong")])
        return storage.settings

    with TestClient(create_app(load)) as client:
        broken = True
        for answer in (
            client.post("/storage/cleanup", json={}, headers=authorized),
            client.get("/storage/cleanup"),
        ):
            assert answer.status_code == 500
            problem = answer.json()
            assert problem["type"] == "urn:shelflife:problem:settings"
            assert problem["problems"] == [{"where": "config.yaml:3", "key": "x", "reason": "is wrong"}]
            assert "secret" not in answer.text
        assert client.get("/storage/stats").status_code == 200
    assert old.exists()


def test_a_mistake_of_ours_tells_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("shelflife.web.service.Service.metrics", fail)
    with TestClient(create_app(storage.settings), raise_server_exceptions=False) as client:
        answer = client.get("/storage/metrics")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
