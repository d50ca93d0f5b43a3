"""The routes below the prefix: what they answer, and in what shape."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shelflife import Engine
from shelflife.run.lock import cleanup_lock
from shelflife.testing import MakeStorage, Storage, aged_file
from shelflife.web import create_app, service

AREAS = ["temp", "uploads", "contact_sheets", "frames", "outputs"]
DELETING = [
    "?dry_run=false",
    "?dry_run=0&confirm=yes",
    "?areas=temp&dry_run=no&force=true",
    "?_method=POST",
]


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.01)


# -- statistics


def test_statistics_come_from_the_index_with_their_time(client: TestClient, storage: Storage) -> None:
    wait_until(lambda: client.get("/storage/stats").json()["complete"])
    storage.file("uploads/a", age="1d", size=2048)
    storage.engine.refresh()
    stats = client.get("/storage/stats").json()
    assert stats["complete"] is True
    assert stats["as_of"].endswith("+00:00")
    assert list(stats["directories"]) == AREAS
    assert (stats["total_files"], stats["total_size_human"]) == (1, "2.00 KB")
    assert stats["directories"]["uploads"]["retention_human"] == "7 days"


def test_statistics_are_incomplete_until_the_first_scan(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.web.refresher.Refresher.start", lambda _self: None)
    storage.file("uploads/a", age="1d")
    with TestClient(create_app(storage.settings)) as client:
        stats = client.get("/storage/stats").json()
    assert (stats["complete"], stats["as_of"], stats["total_files"]) == (False, None, 0)


def test_the_first_scan_begins_with_the_application(storage: Storage) -> None:
    storage.file("uploads/a", age="1d")
    with TestClient(create_app(storage.settings)) as client:
        wait_until(lambda: client.get("/storage/stats").json()["complete"])
        assert client.get("/storage/stats").json()["total_files"] == 1


def test_old_statistics_are_brought_up_to_date_once_asked_for(
    client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: client.get("/storage/stats").json()["complete"])
    storage.file("uploads/a", age="1d")
    assert client.get("/storage/stats").json()["total_files"] == 0
    monkeypatch.setattr(service, "STATS_AGE", -1)
    wait_until(lambda: client.get("/storage/stats").json()["total_files"] == 1)


def test_statistics_do_not_walk_the_tree(
    client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: client.get("/storage/stats").json()["complete"])

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a request looked at the storage")

    monkeypatch.setattr(Engine, "refresh", refuse)
    monkeypatch.setattr(Engine, "plan", refuse)
    assert client.get("/storage/stats").status_code == 200
    assert client.get("/storage/metrics").status_code == 200
    assert client.get("/metrics").status_code == 200


# -- the preview


@pytest.mark.parametrize("query", ["", *DELETING])
def test_a_get_never_deletes_whatever_its_query_says(
    client: TestClient, storage: Storage, authorized: dict[str, str], query: str
) -> None:
    old = storage.file("temp/old", age="2d")
    answer = client.get(f"/storage/cleanup{query}", headers=authorized)
    assert answer.status_code == 200
    assert answer.json()["dry_run"] is True
    assert answer.json()["would_delete"] == 1
    assert answer.json()["by_directory"]["temp"]["files"][0]["path"] == str(old)
    assert old.exists()
    assert storage.engine.history() == []


def test_the_preview_says_that_it_is_deprecated_and_what_to_use(client: TestClient) -> None:
    headers = client.get("/storage/cleanup").headers
    assert headers["deprecation"].startswith("@")
    assert int(headers["deprecation"][1:]) < time.time()
    assert headers["link"].startswith('</storage/cleanup>; rel="successor-version"')


# -- cleanup


def test_a_post_cleans_up(client: TestClient, storage: Storage, authorized: dict[str, str]) -> None:
    old, young = storage.file("temp/old", age="2d", size=1024), storage.file("temp/young", age="1h")
    answer = client.post("/storage/cleanup", json={}, headers=authorized)
    assert answer.status_code == 200
    result = answer.json()
    assert (result["dry_run"], result["state"], result["total_deleted"]) == (False, "done", 1)
    assert list(result["by_directory"]) == AREAS[:4]
    assert result["total_space_reclaimed_human"] == "1.00 KB"
    assert (old.exists(), young.exists()) == (False, True)
    run = client.get(f"/storage/runs/{result['run']}").json()
    assert (run["trigger"], run["state"], run["report"]["removed"]) == ("api", "done", 1)


def test_a_post_without_a_body_cleans_up_everything(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/old", age="2d")
    headers = authorized | {"Content-Type": "application/json; charset=utf-8"}
    assert client.post("/storage/cleanup", headers=headers).json()["total_deleted"] == 1


def test_a_dry_run_is_honoured(client: TestClient, storage: Storage, authorized: dict[str, str]) -> None:
    old = storage.file("temp/old", age="2d")
    result = client.post("/storage/cleanup", json={"dry_run": True}, headers=authorized).json()
    assert (result["dry_run"], result["run"], result["total_deleted"], result["would_delete"]) == (
        True,
        None,
        0,
        1,
    )
    assert old.exists()


def test_dry_run_in_the_configuration_wins(make_storage: MakeStorage, authorized: dict[str, str]) -> None:
    storage = make_storage(cleanup={"enabled": False, "dry_run": True})
    old = storage.file("temp/old", age="2d")
    with TestClient(create_app(storage.settings)) as client:
        result = client.post("/storage/cleanup", json={"dry_run": False}, headers=authorized).json()
    assert (result["dry_run"], result["would_delete"], old.exists()) == (True, 1, True)


@pytest.mark.parametrize("name", ["contact_sheets", "contact-sheets"])
def test_only_the_named_areas_are_cleaned(
    client: TestClient, storage: Storage, authorized: dict[str, str], name: str
) -> None:
    sheet, other = storage.file("contact-sheets/a", age="31d"), storage.file("temp/old", age="2d")
    result = client.post("/storage/cleanup", json={"areas": [name]}, headers=authorized).json()
    assert list(result["by_directory"]) == ["contact_sheets"]
    assert (sheet.exists(), other.exists()) == (False, True)


@pytest.mark.parametrize(
    "body",
    [
        {"areas": ["thumbs"]},
        {"areas": []},
        {"areas": "temp"},
        {"areas": [1]},
        {"dry_run": "yes"},
        {"dry-run": True},
        {"approve": "0123456789"},
        {"approve": "0123456789", "dry_run": True},
        {"approve": "0123456789", "areas": ["temp"]},
        {"unless_ran_within": "soon"},
        [],
        "temp",
    ],
)
def test_a_body_that_makes_no_sense_cleans_up_nothing(
    client: TestClient, storage: Storage, authorized: dict[str, str], body: Any
) -> None:
    old = storage.file("temp/old", age="2d")
    answer = client.post("/storage/cleanup", json=body, headers=authorized)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert old.exists()


def test_an_unknown_area_is_a_problem_that_lists_the_areas(
    client: TestClient, authorized: dict[str, str]
) -> None:
    problem = client.post("/storage/cleanup", json={"areas": ["thumbs"]}, headers=authorized).json()
    assert problem["type"] == "urn:shelflife:problem:usage"
    assert "temp, uploads, contact_sheets, frames, outputs" in problem["detail"]


def test_a_busy_storage_is_a_conflict_that_names_the_holder(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    old = storage.file("temp/old", age="2d")
    with cleanup_lock(storage.engine.state, "a test"):
        assert client.get("/storage/metrics").json()["cleaning"] is True
        answer = client.post("/storage/cleanup", json={}, headers=authorized)
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:shelflife:problem:cleanup-busy"
    assert problem["holder"]["pid"] == os.getpid()
    assert problem["status"] == 409
    assert old.exists()
    assert client.post("/storage/cleanup", json={}, headers=authorized).status_code == 200


def test_what_needs_approval_is_refused_and_then_approved(
    make_storage: MakeStorage, authorized: dict[str, str]
) -> None:
    storage = make_storage(
        cleanup={"enabled": False}, limits={"confirm_above": "50%", "confirm_above_files": 2}
    )
    for number in range(5):
        storage.file(f"temp/{number}", age="2d")
    with TestClient(create_app(storage.settings)) as client:
        assert "no cleanup has ever removed" in client.get("/storage/plan").json()["reasons"][0]
        refused = client.post("/storage/cleanup", json={}, headers=authorized)
        assert refused.status_code == 409
        problem = refused.json()
        assert problem["type"] == "urn:shelflife:problem:needs-approval"
        assert problem["reasons"]
        assert len(storage.files()) == 5
        body = {"approve": problem["plan"]}
        approved = client.post("/storage/cleanup", json=body, headers=authorized).json()
        assert (approved["plan"], approved["total_deleted"]) == (problem["plan"], 5)
        again = client.post("/storage/cleanup", json=body, headers=authorized)
        assert again.status_code == 422


def test_a_cleanup_that_takes_long_goes_on_and_says_where_to_look(
    client: TestClient, storage: Storage, authorized: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.web.routes.parts.PATIENCE", 0)
    old = storage.file("temp/old", age="2d")
    answer = client.post("/storage/cleanup", json={}, headers=authorized)
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["run"]) == ("running", 1)
    assert answer.headers["location"] == answer.json()["location"] == "/storage/runs/1"
    wait_until(lambda: [run["state"] for run in client.get("/storage/runs").json()["runs"]] == ["done"])
    assert not old.exists()


def test_the_end_of_the_service_ends_a_cleanup_at_its_next_batch(
    make_storage: MakeStorage, authorized: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.web.routes.parts.PATIENCE", 0.2)
    storage = make_storage(cleanup={"enabled": False, "batch_size": 1}, limits={"confirm_above": "100%"})
    for number in range(500):
        storage.file(f"temp/{number}", age="2d")
    slow = [lambda _event: time.sleep(0.02)]
    began = time.monotonic()
    with TestClient(create_app(storage.settings, listeners=slow)) as client:
        answer = client.post("/storage/cleanup", json={}, headers=authorized)
        assert answer.status_code == 202
    assert time.monotonic() - began < 8
    (run,) = storage.engine.history()
    assert run.state == "stopped"
    assert run.report["removed"] + len(storage.files()) == 500


def test_the_configuration_is_read_again_before_a_cleanup(
    make_storage: MakeStorage, authorized: dict[str, str]
) -> None:
    storage = make_storage(cleanup={"enabled": False})
    current = storage.settings
    old = storage.file("temp/old", age="2d")
    with TestClient(create_app(lambda: current)) as client:
        current = storage.settings.replace(retention={"temp": "3d"})
        assert client.get("/storage/cleanup").json()["would_delete"] == 0
        assert client.post("/storage/cleanup", json={}, headers=authorized).json()["total_deleted"] == 0
        assert old.exists()


def test_a_response_names_a_thousand_files_at_the_most(
    client: TestClient, storage: Storage, authorized: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.web.cleanups.MOST_FILES", 5)
    for number in range(4):
        storage.file(f"temp/{number}", age="2d")
        storage.file(f"uploads/{number}", age="8d")
    for answer in (
        client.get("/storage/cleanup"),
        client.post("/storage/cleanup", json={}, headers=authorized),
    ):
        result = answer.json()
        assert result["files_truncated"] is True
        temp, uploads = (result["by_directory"][area] for area in ("temp", "uploads"))
        assert (len(temp["files"]), temp["files_truncated"]) == (4, False)
        assert (len(uploads["files"]), uploads["files_truncated"]) == (1, True)


def test_names_that_are_no_text_are_shown_legibly_and_exactly(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    name = os.fsencode(storage.path("temp")) + b"/caf\xe9"
    aged_file(Path(os.fsdecode(name)), age="2d")
    asked = client.get("/storage/why", params={"path_b64": b64encode(b"temp/caf\xe9").decode("ascii")}).json()
    assert asked["state"] == "expired"
    for result in (
        client.get("/storage/cleanup").json(),
        client.post("/storage/cleanup", json={}, headers=authorized).json(),
    ):
        (file,) = result["by_directory"]["temp"]["files"]
        assert file["path"] == f"{storage.base_path}/temp/caf\\xe9"
        assert file["path_b64"] == b64encode(name).decode()
    (file,) = client.get("/storage/runs/1/files").json()["files"]
    assert (file["path"], file["path_b64"]) == ("temp/caf\\xe9", b64encode(b"temp/caf\xe9").decode())


# -- plans and answers


def test_the_plan_counts_what_would_go(client: TestClient, storage: Storage) -> None:
    storage.file("temp/old", age="2d", size=7)
    plan = client.get("/storage/plan").json()
    assert (plan["files"], plan["bytes"], plan["needs_approval"]) == (1, 7, False)
    assert plan["areas"]["temp"]["cause"] == "retention"
    assert plan["areas"]["outputs"]["cutoff"] is None
    some = client.get("/storage/plan", params={"area": ["uploads", "contact-sheets"]}).json()
    assert list(some["areas"]) == ["uploads", "contact_sheets"]
    assert client.get("/storage/plan?area=thumbs").status_code == 422


@pytest.mark.parametrize("absolute", [True, False])
def test_why_explains_a_path(client: TestClient, storage: Storage, absolute: bool) -> None:
    old = storage.file("temp/old", age="2d")
    answer = client.get("/storage/why", params={"path": str(old) if absolute else "temp/old"}).json()
    assert (answer["path"], answer["area"], answer["state"]) == (str(old), "temp", "expired")
    assert answer["sentences"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"path": ""},
        {"path": "/etc/passwd"},
        {"path": "../outside"},
        {"path": "temp/../../outside"},
        {"path": "temp/\0"},
        {"path_b64": "not base 64!"},
        {"path": "temp/a", "path_b64": "dGVtcC9h"},
        {"path_b64": b64encode(b"/etc/passwd").decode()},
    ],
)
def test_why_tells_nothing_about_other_places(client: TestClient, params: dict[str, str]) -> None:
    answer = client.get("/storage/why", params=params)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


# -- runs


def test_runs_and_their_files_come_in_pages(client: TestClient, storage: Storage) -> None:
    for round_ in range(3):
        for number in range(5):
            storage.file(f"temp/{round_}-{number}", age="2d")
        storage.engine.cleanup()
    first = client.get("/storage/runs?limit=2").json()
    assert [run["run"] for run in first["runs"]] == [3, 2]
    second = client.get(f"/storage/runs?limit=2&before={first['next_before']}").json()
    assert ([run["run"] for run in second["runs"]], second["next_before"]) == ([1], None)
    names: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = client.get(f"/storage/runs/1/files?limit=2&offset={offset}").json()
        names += [file["path"] for file in page["files"]]
        offset = page["next_offset"]
    assert sorted(names) == [f"temp/0-{number}" for number in range(5)]


@pytest.mark.parametrize("path", ["runs/99", "runs/99/files"])
def test_a_run_that_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(f"/storage/{path}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:shelflife:problem:not-found"


def test_metrics_count_every_run_by_whomever(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    before = client.get("/storage/metrics").json()
    assert (before["total_runs"], before["last_run"], before["running"]) == (0, None, False)
    storage.file("temp/a", age="2d", size=100)
    storage.engine.cleanup()
    storage.file("temp/b", age="2d", size=100)
    client.post("/storage/cleanup", json={}, headers=authorized)
    client.post("/storage/cleanup", json={"dry_run": True}, headers=authorized)
    after = client.get("/storage/metrics").json()
    assert (after["total_runs"], after["total_deleted"], after["total_space_reclaimed_bytes"]) == (2, 2, 200)
    assert after["last_run"] == after["last_success"]
    assert after["cleaning"] is False
