"""The router in somebody else's application."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient

from shelflife import Engine, Settings
from shelflife.testing import MakeStorage, Storage
from shelflife.web import router


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.build(base_path=tmp_path / "media", areas={"inbox": "2d"}, cleanup={"enabled": False})


def refuse() -> None:
    raise HTTPException(403, "not an administrator")


def test_the_router_brings_its_lifespan_which_is_merged(settings: Settings) -> None:
    happened = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        happened.append("start")
        yield
        happened.append("stop")

    app = FastAPI(lifespan=lifespan)
    app.include_router(router(settings))
    assert not settings.base_path.exists()
    with TestClient(app) as client:
        assert (settings.base_path / "inbox").is_dir()
        assert client.get("/storage/stats").status_code == 200
    assert happened == ["start", "stop"]


def test_nothing_is_read_or_started_before_the_application_starts(settings: Settings) -> None:
    calls = []

    def load() -> Settings:
        calls.append(1)
        return settings

    threads = threading.active_count()
    app = FastAPI()
    app.include_router(router(load))
    assert calls == []
    assert app.openapi()["paths"]
    assert (calls, threading.active_count()) == ([], threads)
    with TestClient(app):
        assert calls
    assert threading.active_count() == threads


def test_all_routes_stay_below_the_prefix(settings: Settings) -> None:
    app = FastAPI(openapi_url=None)
    app.include_router(router(settings, prefix="/media/storage"), prefix="/v1")

    @app.get("/storage/stats")
    async def own() -> dict[str, str]:
        return {"whose": "ours"}

    with TestClient(app) as client:
        assert client.get("/v1/media/storage/stats").json()["total_files"] == 0
        assert client.get("/storage/stats").json() == {"whose": "ours"}
        link = client.get("/v1/media/storage/cleanup").headers["link"]
        assert link.startswith("</v1/media/storage/cleanup>")
        for path in ("/metrics", "/healthz", "/readyz", "/", "/v1/metrics"):
            assert client.get(path).json() == {"detail": "Not Found"}


def test_failures_below_the_prefix_are_problems_and_others_stay_the_applications(settings: Settings) -> None:
    app = FastAPI()
    app.include_router(router(settings))
    with TestClient(app) as client:
        for answer in (client.get("/storage/nothing"), client.put("/storage/stats")):
            assert answer.headers["content-type"] == "application/problem+json"
        assert client.get("/nothing").json() == {"detail": "Not Found"}


def test_dependencies_of_the_application_guard_every_route(settings: Settings) -> None:
    app = FastAPI()
    app.include_router(router(settings, dependencies=[Depends(refuse)]))
    with TestClient(app) as client:
        for answer in (client.get("/storage/stats"), client.post("/storage/cleanup", json={})):
            assert answer.status_code == 403
            assert answer.json()["detail"] == "not an administrator"


def test_with_own_dependencies_the_token_is_not_asked_for_but_json_is(settings: Settings) -> None:
    app = FastAPI()
    app.include_router(router(settings, dependencies=[Depends(lambda: None)]))
    with TestClient(app) as client:
        assert client.post("/storage/cleanup", json={}).status_code == 200
        assert client.post("/storage/cleanup", data={"a": "b"}).status_code == 415


@pytest.mark.parametrize(("token", "status"), [(True, 401), (False, 200)])
def test_whether_the_token_is_asked_for_can_be_said(settings: Settings, token: bool, status: int) -> None:
    app = FastAPI()
    app.include_router(router(settings, dependencies=[Depends(lambda: None)], token=token))
    with TestClient(app) as client:
        assert client.post("/storage/cleanup", json={}).status_code == status


def test_own_kinds_of_errors_reach_their_own_handlers(settings: Settings) -> None:
    class LoginNeeded(HTTPException):
        pass

    def admin() -> None:
        raise LoginNeeded(303, "log in")

    app = FastAPI()

    async def to_login(_request: object, _error: Exception) -> Any:
        from starlette.responses import PlainTextResponse

        return PlainTextResponse("please log in", 418)

    app.add_exception_handler(LoginNeeded, to_login)
    app.include_router(router(settings, dependencies=[Depends(admin)]))
    with TestClient(app) as client:
        assert client.get("/storage/stats").text == "please log in"


def test_listeners_hear_what_the_cleanups_do(make_storage: MakeStorage, authorized: dict[str, str]) -> None:
    storage = make_storage(cleanup={"enabled": False})
    storage.file("temp/old", age="2d")
    heard: list[str] = []
    app = FastAPI()
    app.include_router(router(storage.settings, listeners=[lambda event: heard.append(type(event).__name__)]))
    with TestClient(app) as client:
        client.post("/storage/cleanup", json={}, headers=authorized)
    assert {"RunStarted", "BatchFinished", "RunFinished"} <= set(heard)


def test_the_schedule_runs_while_the_application_does(make_storage: MakeStorage) -> None:
    storage = make_storage()
    app = FastAPI()
    app.include_router(router(storage.settings))
    with TestClient(app) as client:
        assert client.get("/storage/metrics").json()["running"] is True
        names = {thread.name for thread in threading.enumerate()}
    wait = time.monotonic() + 5
    while threading.active_count() > 1 and time.monotonic() < wait:
        time.sleep(0.01)
    assert len(names) > 1
    left = {thread.name for thread in threading.enumerate()} - {"MainThread"}
    assert not [name for name in left if "shelflife" in name or "APScheduler" in name]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_lifespan_may_be_composed_by_hand(storage: Storage) -> None:
    import shutil

    shutil.rmtree(storage.base_path / "temp")
    engine = Engine(storage.settings.replace(cleanup={"enabled": True}))
    async with engine.running() as scheduler:
        assert (storage.base_path / "temp").is_dir()
        assert scheduler.running
    assert not scheduler.running


def test_a_mounted_application_works_without_its_lifespan(
    storage: Storage, authorized: dict[str, str]
) -> None:
    old = storage.file("temp/old", age="2d")
    inner, outer = FastAPI(), FastAPI()
    inner.include_router(router(storage.settings))
    outer.mount("/inner", inner)
    with TestClient(outer) as client:
        assert client.get("/inner/storage/stats").status_code == 200
        assert client.get("/inner/storage/cleanup").json()["would_delete"] == 1
        assert client.post("/inner/storage/cleanup", json={}, headers=authorized).status_code == 200
    assert not old.exists()
