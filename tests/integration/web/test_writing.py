"""Writing over HTTP: room first, the body in one go or several, a name last; and leases."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shelflife.testing import Storage
from shelflife.web import create_app
from tests.integration.web.conftest import TOKEN


@pytest.fixture
def http(client: TestClient, authorized: dict[str, str]) -> TestClient:
    """A client that may do everything."""
    client.headers.update(authorized)
    return client


def _reserve(http: TestClient, **wanted: Any) -> dict[str, Any]:
    answer = http.post("/storage/reservations", json={"path": "uploads/4711/clip.mp4", **wanted})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/storage/reservations/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


def _part(http: TestClient, name: str, content: bytes, offset: int) -> Any:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/partial-upload"}
    return http.patch(f"/storage/reservations/{name}", content=content, headers=headers)


def test_a_file_comes_in_one_go(http: TestClient, storage: Storage) -> None:
    content = os.urandom(3_000_000)
    answer = http.put("/storage/files", params={"path": "uploads/4711/clip.mp4"}, content=content)
    assert (answer.status_code, answer.json()) == (201, {"path": "uploads/4711/clip.mp4", "bytes": 3_000_000})
    assert storage.path("uploads/4711/clip.mp4").read_bytes() == content
    assert http.get("/storage/reservations").json() == []


def test_its_length_need_not_be_known(http: TestClient, storage: Storage) -> None:
    def parts() -> Iterator[bytes]:
        yield from (b"hello ", b"world")

    assert http.put("/storage/files", params={"path": "uploads/a"}, content=parts()).status_code == 201
    assert storage.path("uploads/a").read_bytes() == b"hello world"


def test_a_name_may_be_any_bytes(http: TestClient, storage: Storage) -> None:
    name = base64.b64encode(b"uploads/caf\xe9").decode()
    answer = http.put("/storage/files", params={"path_b64": name}, content=b"x")
    assert answer.json() == {"path": "uploads/caf\\xe9", "path_b64": name, "bytes": 1}
    assert (os.fsencode(storage.path("uploads")) + b"/caf\xe9").decode("latin-1")


def test_a_name_that_is_taken_is_replaced_only_if_asked(http: TestClient, storage: Storage) -> None:
    storage.file("uploads/a", age=0, content=b"old")
    answer = http.put("/storage/files", params={"path": "uploads/a"}, content=b"new")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:shelflife:problem:already-there")
    assert storage.path("uploads/a").read_bytes() == b"old"
    answer = http.put("/storage/files", params={"path": "uploads/a", "overwrite": True}, content=b"new")
    assert answer.status_code == 201
    assert storage.path("uploads/a").read_bytes() == b"new"


def _raw(storage: Storage, method: str, path: str, query: str, *parts: bytes, **headers: str) -> int:
    """Send a request, part by part, and end the connection; return the status that was answered."""
    sent: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = [
        *({"type": "http.request", "body": part, "more_body": True} for part in parts),
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers["authorization"] = f"Bearer {TOKEN}"
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "",
        "scheme": "http", "query_string": query.encode(), "http_version": "1.1",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(create_app(storage.settings)(scope, receive, send))
    status: int = sent[0]["status"]
    assert messages or status == 400
    return status


def test_what_does_not_fit_is_refused_and_its_body_is_not_read(client: TestClient, storage: Storage) -> None:
    status = _raw(storage, "PUT", "/storage/files", "path=uploads/a", b"x", content_length=str(10**15))
    assert status == 507


def test_nothing_is_left_of_a_file_whose_connection_ended(client: TestClient, storage: Storage) -> None:
    assert _raw(storage, "PUT", "/storage/files", "path=uploads/a", b"hel", content_length="5") == 400
    assert [path for path in storage.path("uploads").rglob("*") if path.is_file()] == []
    assert storage.engine.reservations() == []


def test_a_refusal_says_how_much_is_missing_and_when_to_ask_again(http: TestClient) -> None:
    answer = http.post("/storage/reservations", json={"path": "uploads/a", "size": 10**15})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (507, "urn:shelflife:problem:no-room")
    assert problem["needed"] >= 10**15 > problem["available"]
    assert {"could_free", "again"} <= set(problem)


def test_a_file_comes_in_several_goes(http: TestClient, storage: Storage) -> None:
    made = _reserve(http, size=11)
    assert (made["path"], made["offset"]) == ("uploads/4711/clip.mp4", 0)
    assert _part(http, made["id"], b"hello ", 0).headers["Upload-Offset"] == "6"
    answer = http.head(f"/storage/reservations/{made['id']}")
    assert answer.headers["Upload-Offset"] == "6"
    assert _part(http, made["id"], b"world", 6).status_code == 204
    assert not storage.path("uploads/4711").exists()
    answer = http.post(f"/storage/reservations/{made['id']}/publish", json={})
    assert (answer.status_code, answer.json()) == (201, {"path": "uploads/4711/clip.mp4", "bytes": 11})
    assert storage.path("uploads/4711/clip.mp4").read_bytes() == b"hello world"
    assert http.get(f"/storage/reservations/{made['id']}").status_code == 404


def test_a_part_begins_where_the_file_ends_on_disk(http: TestClient) -> None:
    made = _reserve(http)
    _part(http, made["id"], b"hello", 0)
    for offset in (0, 4, 6):
        answer = _part(http, made["id"], b"x", offset)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "5")
    assert http.patch(f"/storage/reservations/{made['id']}", content=b"x").status_code == 422


def test_what_came_before_the_connection_ended_stays(http: TestClient, storage: Storage) -> None:
    place = f"/storage/reservations/{_reserve(http)['id']}"
    assert _raw(storage, "PATCH", place, "", b"hel", b"lo", upload_offset="0") == 400
    assert http.head(place).headers["Upload-Offset"] == "5"


def test_what_is_given_up_is_gone(http: TestClient) -> None:
    made = _reserve(http, size=1000)
    assert http.delete(f"/storage/reservations/{made['id']}").json()["id"] == made["id"]
    assert http.get("/storage/reservations").json() == []
    assert http.delete(f"/storage/reservations/{made['id']}").status_code == 404


def test_one_at_a_time_writes(http: TestClient, storage: Storage) -> None:
    made = _reserve(http)
    with storage.engine.resume(made["id"]):
        for answer in (
            _part(http, made["id"], b"x", 0),
            http.delete(f"/storage/reservations/{made['id']}"),
            http.post(f"/storage/reservations/{made['id']}/publish", json={}),
        ):
            assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "nowhere/x", "uploads", "uploads/.trash/x", ""])
def test_what_names_no_file_in_an_area_is_refused(http: TestClient, path: str) -> None:
    assert http.put("/storage/files", params={"path": path}, content=b"x").status_code == 422
    assert http.post("/storage/reservations", json={"path": path}).status_code == 422


def test_a_token_needs_the_scope_and_the_area(client: TestClient, storage: Storage, token: str) -> None:
    client.headers["Authorization"] = f"Bearer {token}"
    tokens = {}
    for name, scopes in (("reader", ["read:paths"]), ("writer", ["write", "read:paths"])):
        answer = client.post("/storage/tokens", json={"name": name, "scopes": scopes, "areas": ["uploads"]})
        tokens[name] = answer.json()["token"]
    made = _reserve(client, path="frames/a")

    def tried(name: str, path: str) -> int:
        headers = {"Authorization": f"Bearer {tokens[name]}"}
        return client.put("/storage/files", params={"path": path}, content=b"x", headers=headers).status_code

    assert [tried("reader", "uploads/a"), tried("writer", "uploads/a"), tried("writer", "frames/b")] == [
        403,
        201,
        403,
    ]
    client.headers["Authorization"] = f"Bearer {tokens['writer']}"
    assert client.get("/storage/reservations").json() == []
    assert _part(client, made["id"], b"x", 0).status_code == 403
    assert client.post("/storage/leases", json={"paths": ["frames"], "seconds": 60}).status_code == 403


# -- leases


def test_what_is_leased_stays_until_the_lease_ends(http: TestClient, storage: Storage) -> None:
    kept = storage.file("temp/one/a")
    answer = http.post("/storage/leases", json={"paths": ["temp/one"], "seconds": 60, "reason": "analysis"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["paths"], made["reason"]) == (
        [{"path": "temp/one", "area": "temp", "tree": True}],
        "analysis",
    )
    assert http.get("/storage/leases").json() == [made]
    http.post("/storage/cleanup", json={})
    assert kept.exists()
    renewed = http.put(f"/storage/leases/{made['id']}", json={"seconds": 600}).json()
    assert renewed["until"] > made["until"]
    assert http.delete(f"/storage/leases/{made['id']}").json() == renewed
    assert http.delete(f"/storage/leases/{made['id']}").status_code == 404
    http.post("/storage/cleanup", json={})
    assert not kept.exists()


def test_what_is_not_there_cannot_be_leased(http: TestClient) -> None:
    for paths in (["uploads/nothing"], ["/etc"], []):
        assert http.post("/storage/leases", json={"paths": paths, "seconds": 60}).status_code == 422
    assert http.put("/storage/leases/0123456789abcdef", json={"seconds": 60}).status_code == 404
