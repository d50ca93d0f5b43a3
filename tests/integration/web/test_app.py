"""The application that serves a storage by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from shelflife.errors import StorageError
from shelflife.settings import Settings
from shelflife.testing import Storage
from shelflife.web import create_app
from shelflife.web.scopes import SCOPES


def values(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("area", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_says_that_it_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "problems": [], "alerts": []}
    assert client.get("/readyz").json() == {"status": "ok", "problems": [], "alerts": []}
    assert client.get("/").json()["storage"] == "/storage/stats"


def test_it_is_not_ready_without_its_directories(client: TestClient, storage: Storage) -> None:
    (storage.base_path / "temp").rmdir()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "temp" in " ".join(answer.json()["problems"])


def test_metrics_are_computed_when_asked_for(client: TestClient, storage: Storage) -> None:
    storage.file("uploads/a", age="3d", size=100)
    storage.file("temp/old", age="2d", size=50)
    storage.engine.cleanup()
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = values(answer.text)
    assert found["shelflife_up", ""] == 1
    assert found["shelflife_area_files", "uploads"] == 1
    assert found["shelflife_area_size_bytes", "uploads"] == 100
    assert found["shelflife_area_retention_seconds", "outputs"] == -1
    assert found["shelflife_removed_files_total", ""] == 1
    assert found["shelflife_removed_bytes_total", ""] == 50
    assert found["shelflife_runs_total", ""] == 1
    assert found["shelflife_last_success_timestamp_seconds", ""] > 1.7e9
    assert found["shelflife_cleaning", ""] == 0


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
