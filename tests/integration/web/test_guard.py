"""Who may change something, and how everybody else learns that they may not."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from shelflife.testing import Storage
from shelflife.web import create_app
from shelflife.web.service_token import VARIABLE

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic a token for tests only",
        "a token for tests only",
        "Bearer \u00e9",
    ],
)
def test_a_post_without_the_token_is_refused(
    client: TestClient, storage: Storage, header: str | None
) -> None:
    old = storage.file("temp/old", age="2d")
    headers = {} if header is None else {"Authorization": header.encode()}
    answer = client.post("/storage/cleanup", json={}, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "urn:shelflife:problem:unauthorized"
    assert old.exists()


@pytest.mark.parametrize("kind", [None, "", FORM, "text/plain", "multipart/form-data", "application/jsonp"])
def test_a_post_that_a_web_page_could_send_is_refused(
    client: TestClient, storage: Storage, authorized: dict[str, str], kind: str | None
) -> None:
    old = storage.file("temp/old", age="2d")
    headers = authorized if kind is None else authorized | {"Content-Type": kind}
    answer = client.post("/storage/cleanup", content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert answer.json()["type"] == "urn:shelflife:problem:unsupported-media-type"
    assert old.exists()


def test_the_token_is_asked_for_before_the_body_is_read(client: TestClient) -> None:
    answer = client.post("/storage/cleanup", content=b"{broken", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


def test_a_large_body_is_refused(client: TestClient, authorized: dict[str, str]) -> None:
    answer = client.post("/storage/cleanup", json={"areas": ["temp" * 50_000]}, headers=authorized)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_unknown_length_is_refused(client: TestClient, authorized: dict[str, str]) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"{}"

    headers = authorized | {"Content-Type": "application/json"}
    answer = client.post("/storage/cleanup", content=pieces(), headers=headers)
    assert answer.status_code == 411
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_scheme_may_be_written_as_one_likes(client: TestClient, token: str) -> None:
    answer = client.post("/storage/cleanup", json={}, headers={"authorization": f"bEARER  {token}"})
    assert answer.status_code == 200


def test_no_other_origin_may_read_or_ask(client: TestClient) -> None:
    origin = {"Origin": "https://example.org"}
    assert "access-control-allow-origin" not in client.get("/storage/stats", headers=origin).headers
    preflight = client.options("/storage/cleanup", headers=origin | {"Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 405
    assert "access-control-allow-origin" not in preflight.headers


# -- the token itself


def test_a_token_is_made_at_the_first_start_and_shown_once(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(VARIABLE)
    file = storage.settings.state_path / "api-token"
    with caplog.at_level(logging.WARNING), TestClient(create_app(storage.settings)) as client:
        token = file.read_text().strip()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert caplog.text.count(token) == 1
        assert str(file) in caplog.text
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/storage/cleanup", json={}, headers=headers).status_code == 200
    caplog.clear()
    with TestClient(create_app(storage.settings)) as client:
        assert client.post("/storage/cleanup", json={}, headers=headers).status_code == 200
    assert token not in caplog.text
    assert sorted(path.name for path in file.parent.glob("api-token*")) == ["api-token"]


def test_no_token_is_made_where_one_is_set(storage: Storage, client: TestClient) -> None:
    assert not (storage.settings.state_path / "api-token").exists()
