"""The application that serves a storage by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shelflife.errors import StorageError
from shelflife.settings import Settings
from shelflife.testing import Storage
from shelflife.web import create_app
from shelflife.web.scopes import SCOPES


def test_it_says_that_it_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "problems": [], "alerts": []}
    assert client.get("/readyz").json() == {"status": "ok", "problems": [], "alerts": []}
    assert client.get("/").json()["storage"] == "/storage/stats"


def test_two_applications_do_not_share_a_registry(storage: Storage, tmp_path: Path) -> None:
    other = Settings.build(base_path=tmp_path / "other", areas={"inbox": "1d"}, cleanup={"enabled": False})
    with TestClient(create_app(storage.settings)) as first, TestClient(create_app(other)) as second:
        assert 'area="inbox"' not in first.get("/metrics").text
        assert 'area="inbox"' in second.get("/metrics").text


def test_it_may_be_kept_to_some_names(storage: Storage) -> None:
    with TestClient(create_app(storage.settings, allowed_hosts=["storage.example"])) as client:
        assert client.get("/healthz").status_code == 400
        assert client.get("/healthz", headers={"Host": "storage.example"}).status_code == 200


def test_a_storage_that_cannot_be_served_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = Settings.build(base_path=tmp_path / "file", areas={"inbox": "1d"})
    with pytest.raises(StorageError, match=r"not a directory|in the way"), TestClient(create_app(settings)):
        pass


def test_the_document_describes_every_route_and_what_may_fail(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    routes = {(path, method) for path, item in document["paths"].items() for method in item}
    ours = {(f"/storage{path}", method.lower()) for method, path in SCOPES}
    assert routes == ours | {("/healthz", "get"), ("/readyz", "get"), ("/metrics", "get")}
    post = document["paths"]["/storage/cleanup"]["post"]
    assert {"200", "202", "401", "409", "415", "422"} <= set(post["responses"])
    assert post["security"] == [{"HTTPBearer": []}, {"Session": []}]
    assert "application/problem+json" in post["responses"]["409"]["content"]
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
