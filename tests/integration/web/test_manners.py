"""How the service behaves: behind proxies, when too much is asked of it, and when somebody only looks."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shelflife import Engine
from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app, router
from shelflife.web.scopes import SCOPES
from shelflife.web.service import PLANS

_JSON = {"Content-Type": "application/json"}


# -- below a prefix


@pytest.fixture
def proxied(make_storage: MakeStorage) -> Storage:
    return make_storage(cleanup={"enabled": False}, http={"prefix": "/media"})


@pytest.mark.parametrize("arrives_as", ["", "/media"], ids=["stripped", "not stripped"])
def test_behind_a_proxy_all_places_are_named_as_the_client_sees_them(
    proxied: Storage, authorized: dict[str, str], arrives_as: str
) -> None:
    proxied.file("temp/a")
    with TestClient(create_app(proxied.settings)) as client:
        done = client.post(
            f"{arrives_as}/storage/cleanup",
            headers=authorized | _JSON | {"Idempotency-Key": arrives_as or "k"},
        )
        assert done.headers["location"] == f"/media/storage/runs/{done.json()['run']}"
        assert client.get(done.headers["location"]).json()["state"] == "done"
        preview = client.get(f"{arrives_as}/storage/cleanup")
        assert preview.headers["link"].startswith("</media/storage/cleanup>")
        for path in ("/healthz", "/docs", "/openapi.json", "/storage/plan/files", "/"):
            assert client.get(f"{arrives_as}{path}").status_code == 200, path
        assert client.get(f"{arrives_as}/storage/nothing").status_code == 404
        assert client.get("/medial/storage/stats").status_code == 404


def test_a_server_that_knows_its_root_path_is_enough(storage: Storage, authorized: dict[str, str]) -> None:
    with TestClient(create_app(storage.settings), root_path="/media") as client:
        done = client.post("/storage/cleanup", headers=authorized | _JSON)
        assert done.headers["location"].endswith(f"/storage/runs/{done.json()['run']}")


def test_the_router_may_be_below_any_prefix(storage: Storage, authorized: dict[str, str]) -> None:
    app = FastAPI()
    app.include_router(router(storage.settings, prefix="/a/b"), prefix="/v1")
    with TestClient(app) as client:
        done = client.post("/v1/a/b/cleanup", headers=authorized | _JSON)
        assert done.headers["location"] == f"/v1/a/b/runs/{done.json()['run']}"


# -- too much at once


def test_of_many_plans_some_are_made_and_the_rest_refused_at_once_while_numbers_are_still_given(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, begun = threading.Event(), threading.Semaphore(0)
    real = Engine.plan

    def slow(engine: Engine, *arguments: Any, **named: Any) -> Any:
        begun.release()
        assert go.wait(60)
        return real(engine, *arguments, **named)

    monkeypatch.setattr(Engine, "plan", slow)
    with ThreadPoolExecutor(PLANS) as pool:
        made = [pool.submit(client.get, "/storage/plan") for _ in range(PLANS)]
        for _ in range(PLANS):
            assert begun.acquire(timeout=60)
        for path in ("plan", "plan/files", "cleanup"):
            refused = client.get(f"/storage/{path}")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert client.get("/storage/stats").status_code == 200
        go.set()
        assert [one.result().status_code for one in made] == [200] * PLANS
    assert client.get("/storage/plan").status_code == 200


# -- looking changes nothing


def content(storage: Storage) -> dict[str, list[Any]]:
    """Return all that the journal has, but for when a token was used."""
    with closing(sqlite3.connect(storage.engine.state.journal)) as journal:
        tables = [row[0] for row in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {table: journal.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    found["token"] = [row[:9] for row in found["token"]]
    return found


@pytest.fixture
def used(make_storage: MakeStorage) -> Storage:
    """A storage with something of everything."""
    storage = make_storage(
        {"temp": {"retention": "1d", "trash": "7d"}, "uploads": "7d"},
        cleanup={"enabled": False},
        limits={"confirm_above": "1%", "confirm_above_files": 5},
    )
    storage.file("temp/a")
    storage.engine.cleanup()
    storage.engine.hold(storage.file("temp/held"))
    for number in range(30):
        storage.file(f"uploads/{number}")
    return storage


@pytest.fixture
def serving(used: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr("shelflife.web.refresher.Refresher.start", lambda _self: None)
    with TestClient(create_app(used.settings)) as client:
        yield client


def test_whoever_only_looks_changes_nothing(
    serving: TestClient, used: Storage, authorized: dict[str, str]
) -> None:
    refused = serving.post("/storage/cleanup", headers=authorized | _JSON)
    made = serving.post("/storage/tokens", json={"name": "t", "scopes": ["admin"]}, headers=authorized)
    token = {"Authorization": f"Bearer {made.json()['token']}"}
    wanted = {"path": "uploads/new", "size": 1}
    reserved = serving.post("/storage/reservations", json=wanted, headers=authorized).json()["id"]
    before, files = content(used), used.files()
    for method, route in SCOPES:
        if method == "GET":
            path = route.format(run=1, hold=1, plan=refused.json()["plan"], reservation=reserved)
            params = {"path": "temp/a"} if route == "/why" else {"change": "temp.retention=3d"}
            kind = {"Accept": "application/json"}
            for asked in (serving.get, serving.head):
                answer = asked(f"/storage{path}", params=params, headers=authorized | kind)
                assert answer.status_code == 200, (route, answer.text)
            assert serving.get(f"/storage{path}", params=params, headers=token | kind).status_code == 200
    assert content(used) == before
    assert used.files() == files


def test_what_is_deprecated_says_so_in_the_document_and_in_the_answer(serving: TestClient) -> None:
    paths = serving.get("/openapi.json").json()["paths"]
    deprecated = [
        (method, path)
        for path, item in paths.items()
        for method, one in item.items()
        if one.get("deprecated")
    ]
    assert deprecated == [("get", "/storage/cleanup")]
    for path in ("/storage/cleanup", "/storage/runs/1/files?offset=1"):
        assert serving.get(path).headers["deprecation"].startswith("@")


def test_events_that_happened_come_in_pages(serving: TestClient) -> None:
    kind = {"Accept": "application/json"}
    found: list[int] = []
    after: int | None = 0
    while after is not None:
        page = serving.get(f"/storage/events?after={after}&limit=2", headers=kind).json()
        found += [event["id"] for event in page["events"]]
        after = page["next_after"]
    assert found == list(range(1, len(found) + 1))
    assert len(found) > 4


def test_settings_are_shown_with_where_they_come_from(serving: TestClient) -> None:
    shown = serving.get("/storage/settings").json()
    by_key = {one["key"]: (one["value"], one["origin"]) for one in shown["settings"]}
    assert by_key["areas.temp.trash"] == (604_800, "program")
    assert by_key["cleanup.workers"] == (2, "default")
    assert (shown["source"], shown["broken"]) == (None, False)
