"""Who may what over HTTP, and who did it."""

from __future__ import annotations

import base64
import errno
import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient

from shelflife.scopes import Scope
from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app, router
from shelflife.web.caller import COOKIE
from shelflife.web.scopes import SCOPES
from tests.integration.web.conftest import seen_from

_JSON = {"Content-Type": "application/json"}
_ELSEWHERE = "203.0.113.7"


@pytest.fixture
def far(storage: Storage) -> Iterator[TestClient]:
    """A client on another machine."""
    with TestClient(
        seen_from(_ELSEWHERE, create_app(storage.settings)), base_url="https://storage"
    ) as client:
        yield client


def _token(client: TestClient, admin: dict[str, str], *scopes: str, **more: object) -> dict[str, str]:
    """Make a token; return the header that shows it."""
    wanted = {"name": "-".join(scopes).replace(":", "."), "scopes": list(scopes), **more}
    made = client.post("/storage/tokens", json=wanted, headers=admin)
    assert made.status_code == 201, made.text
    return {"Authorization": f"Bearer {made.json()['token']}"} | _JSON


def _path(route: str) -> str:
    some = "0123456789abcdef"
    return "/storage" + route.format(
        run="1", name="nobody", hold="1", plan="0123456789", reservation=some, lease=some
    )


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_opens_what_its_scope_says_and_nothing_else(
    far: TestClient, authorized: dict[str, str], scope: Scope
) -> None:
    shown = _token(far, authorized, scope)
    for (method, route), needed in SCOPES.items():
        if route == "/events":
            continue  # it never ends
        answer = far.request(method, _path(route), headers=shown, content=b"x" if method == "POST" else None)
        opens = needed is None or scope in (needed, Scope.ADMIN)
        assert (answer.status_code != 403) == opens, (method, route, scope, answer.text)


def test_nobody_from_elsewhere_sees_numbers_only(far: TestClient) -> None:
    for (method, route), needed in SCOPES.items():
        if route == "/events" or needed is None:
            continue
        answer = far.request(method, _path(route), headers=_JSON)
        assert (answer.status_code != 401) == (needed is Scope.READ), (method, route, answer.text)
    assert far.get("/storage/why?path=temp/a").headers["www-authenticate"].startswith("Bearer")


def test_nobody_on_this_machine_may_look_and_change_nothing(client: TestClient) -> None:
    assert client.get("/storage/why?path=temp/a").status_code == 200
    assert client.get("/storage/plan").status_code == 200
    assert client.post("/storage/cleanup", headers=_JSON).status_code == 401


def test_a_proxy_that_is_not_listed_makes_nobody_local_and_names_nobody(client: TestClient) -> None:
    through = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-User": "root", "X-Forwarded-Groups": "admins"}
    assert client.get("/storage/why?path=temp/a", headers=through).status_code == 401
    assert client.get("/storage/session", headers=through).json() == {
        "name": "",
        "scopes": ["read"],
        "areas": [],
    }


def test_a_listed_proxy_names_the_user_and_their_groups_give_the_scopes(make_storage: MakeStorage) -> None:
    storage = make_storage(
        cleanup={"enabled": False},
        http={
            "trusted_proxies": ["10.0.0.0/8"],
            "user_header": "X-Forwarded-User",
            "groups_header": "X-Forwarded-Groups",
            "groups": {"editors": ["read", "read:paths", "hold"]},
        },
    )
    storage.file("temp/a")
    ada = {"X-Forwarded-User": "ada", "X-Forwarded-Groups": "staff, editors"} | _JSON
    with TestClient(seen_from("10.1.2.3", create_app(storage.settings))) as client:
        assert client.get("/storage/session", headers=ada).json()["scopes"] == ["hold", "read", "read:paths"]
        held = client.post("/storage/holds", json={"path": "temp/a"}, headers=ada)
        assert held.status_code == 201, held.text
        assert client.post("/storage/cleanup", headers=ada).status_code == 403
    with TestClient(seen_from("11.1.2.3", create_app(storage.settings))) as client:
        assert client.get("/storage/session", headers=ada).json()["name"] == ""
    assert storage.engine.holds()[0].actor == "ada"


def test_a_token_is_shown_once_and_useless_once_it_is_revoked(
    client: TestClient, authorized: dict[str, str]
) -> None:
    shown = _token(client, authorized, "read:paths")
    (listed,) = client.get("/storage/tokens", headers=authorized).json()["tokens"]
    assert (listed["name"], listed["scopes"], listed["created_by"]) == ("read.paths", ["read:paths"], "admin")
    assert "token" not in listed
    assert client.get("/storage/holds", headers=shown).status_code == 200
    gone = client.delete("/storage/tokens/read.paths", headers=authorized | _JSON)
    assert gone.status_code == 204
    assert client.get("/storage/holds", headers=shown).status_code == 401
    assert client.delete("/storage/tokens/read.paths", headers=authorized | _JSON).status_code == 404


def test_a_token_for_some_areas_names_and_touches_nothing_of_others(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    for path in ("temp/a", "uploads/a"):
        storage.file(path)
    shown = _token(client, authorized, "read:paths", "hold", "cleanup", "plan", areas=["temp"])
    assert client.get("/storage/why?path=temp/a", headers=shown).status_code == 200
    assert client.get("/storage/why?path=uploads/a", headers=shown).status_code == 403
    assert client.post("/storage/holds", json={"path": "uploads/a"}, headers=shown).status_code == 403
    assert list(client.get("/storage/plan", headers=shown).json()["areas"]) == ["temp"]
    assert client.post("/storage/cleanup", json={"areas": ["uploads"]}, headers=shown).status_code == 403
    assert client.post("/storage/cleanup", headers=shown).json()["total_deleted"] == 1
    assert storage.files() == ["uploads/a"]


def test_whoever_guesses_tokens_has_to_wait(far: TestClient, authorized: dict[str, str]) -> None:
    wrong = {"Authorization": "Bearer shlf_wrong"}
    codes = [far.get("/storage/plan", headers=wrong).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    answer = far.get("/storage/stats", headers=authorized)
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:shelflife:problem:too-many-attempts")
    assert 0 < int(answer.headers["retry-after"]) <= 61


def test_a_browser_exchanges_a_token_for_a_cookie_that_only_our_own_pages_use(
    far: TestClient, authorized: dict[str, str]
) -> None:
    shown = _token(far, authorized, "read:paths", "hold")
    answer = far.post("/storage/session", headers=shown)
    assert answer.json() == {"name": "read.paths-hold", "scopes": ["hold", "read:paths"], "areas": []}
    cookie = answer.headers["set-cookie"]
    for part in (COOKIE, "HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert part in cookie
    ours, others = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}
    assert far.get("/storage/holds", headers=ours).status_code == 200
    assert far.get("/storage/holds", headers=others).status_code == 401
    assert far.get("/storage/holds").status_code == 401
    assert far.get("/storage/session", headers=ours).json()["name"] == "read.paths-hold"
    far.delete("/storage/tokens/read.paths-hold", headers=authorized | _JSON)
    assert far.get("/storage/holds", headers=ours).status_code == 401


def test_a_session_ends_when_it_is_asked_to_and_when_the_tokens_of_the_service_is_changed(
    far: TestClient, authorized: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {"Sec-Fetch-Site": "same-origin"} | _JSON
    far.post("/storage/session", headers=authorized | _JSON)
    secret = far.cookies[COOKIE]
    assert far.get("/storage/tokens", headers=ours).status_code == 200
    assert far.delete("/storage/session", headers=ours).status_code == 204
    far.cookies.set(COOKIE, secret)
    assert far.get("/storage/tokens", headers=ours).status_code == 401
    far.cookies.clear()
    far.post("/storage/session", headers=authorized | _JSON)
    monkeypatch.setenv("STORAGE_API_TOKEN", "another token for tests")
    assert far.get("/storage/tokens", headers=ours).status_code == 401


def test_an_application_that_decides_itself_may_name_who_acts(storage: Storage) -> None:
    def allow() -> None:
        """Let everybody in."""

    def actor(request: Request) -> str:
        return request.headers.get("x-user", "")

    storage.file("temp/a")
    app = FastAPI()
    app.include_router(router(storage.settings, dependencies=[Depends(allow)], actor=actor))
    with TestClient(seen_from(_ELSEWHERE, app)) as client:
        client.post("/storage/cleanup", headers=_JSON | {"X-User": "ada", "X-Request-ID": "r-1"})
        (run,) = client.get("/storage/runs").json()["runs"]
    assert (run["actor"], run["via"], run["request"]) == ("ada", "http", "r-1")


def test_whoever_asked_for_a_run_may_not_approve_it_where_two_persons_are_wanted(
    make_storage: MakeStorage, authorized: dict[str, str]
) -> None:
    storage = make_storage(
        cleanup={"enabled": False},
        limits={"confirm_above": "1%", "confirm_above_files": 1},
        http={"two_persons": True},
    )
    for number in range(30):
        storage.file(f"temp/{number}")
    with TestClient(create_app(storage.settings)) as client:
        ada = _token(client, authorized, "cleanup", "approve", name="ada")
        refused = client.post("/storage/cleanup", headers=ada)
        assert refused.status_code == 409
        approval = {"approve": refused.json()["plan"]}
        assert client.post("/storage/cleanup", json=approval, headers=ada).status_code == 403
        bob = _token(client, authorized, "cleanup", "approve", name="bob")
        assert client.post("/storage/cleanup", json=approval, headers=bob).json()["total_deleted"] == 30


# -- what else changes something


def test_holds_are_added_listed_and_ended_over_http(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/a")
    made = client.post(
        "/storage/holds", json={"path": "temp/a", "until": "+30d", "reason": "ticket"}, headers=authorized
    ).json()
    assert (made["path"], made["area"], made["active"], made["reason"]) == ("temp/a", "temp", True, "ticket")
    assert client.post("/storage/cleanup", headers=authorized | _JSON).json()["total_deleted"] == 0
    assert [hold["path"] for hold in client.get("/storage/holds").json()] == ["temp/a"]
    odd = base64.b64encode(b"temp/a").decode()
    (ended,) = client.delete("/storage/holds", params={"path_b64": odd}, headers=authorized | _JSON).json()
    assert ended["active"] is False
    assert client.delete("/storage/holds?path=temp/a", headers=authorized | _JSON).status_code == 404
    assert client.post("/storage/holds", json={"path": "../etc"}, headers=authorized).status_code == 422


def test_what_went_into_the_trash_is_listed_restored_and_purged_over_http(
    make_storage: MakeStorage, authorized: dict[str, str]
) -> None:
    storage = make_storage({"temp": {"retention": "1d", "trash": "7d"}}, cleanup={"enabled": False})
    for name in ("a", "b"):
        storage.file(f"temp/{name}")
    admin = authorized | _JSON
    with TestClient(create_app(storage.settings)) as client:
        run = client.post("/storage/cleanup", headers=admin).json()["run"]
        assert {file["path"] for file in client.get("/storage/trash").json()} == {"temp/a", "temp/b"}
        lines = client.get("/storage/trash", headers={"Accept": "application/jsonl"})
        assert len(lines.text.splitlines()) == 2
        restored = client.post("/storage/trash/restore", json={"target": "temp/a"}, headers=admin)
        assert restored.status_code == 200, restored.text
        assert storage.path("temp/a").exists()
        assert (
            client.post("/storage/trash/restore", json={"target": str(run)}, headers=admin).status_code == 200
        )
        assert storage.path("temp/b").exists()
        client.post("/storage/trash/purge", json={}, headers=admin)
        assert client.get("/storage/trash").json() == []


def test_a_time_and_an_area_are_restored_over_http_as_a_run_with_one_hold(
    make_storage: MakeStorage, authorized: dict[str, str]
) -> None:
    storage = make_storage({"temp": {"retention": "1d", "trash": "7d"}}, cleanup={"enabled": False})
    for name in ("a", "b"):
        storage.file(f"temp/{name}")
    admin = authorized | _JSON
    with TestClient(create_app(storage.settings)) as client:
        client.post("/storage/cleanup", headers=admin)
        asked = {"areas": ["temp"], "since": "1h"}
        would = client.post("/storage/trash/restore", json=asked | {"dry_run": True}, headers=admin).json()
        assert (would["dry_run"], would["files"]) == (True, 2)
        assert not storage.path("temp/a").exists()
        done = client.post("/storage/trash/restore", json=asked, headers=admin | {"Idempotency-Key": "one"})
        assert (done.status_code, done.json()["files"]) == (200, 2)
        assert done.headers["Location"].endswith(f"/runs/{done.json()['run']}")
        again = client.post("/storage/trash/restore", json=asked, headers=admin | {"Idempotency-Key": "one"})
        assert again.json() == done.json()
        run = client.get(f"/storage/runs/{done.json()['run']}").json()
        assert (run["trigger"], run["report"]["restored"]) == ("restore", 2)
        (held,) = client.get("/storage/holds").json()
        assert (held["run"], held["members"]) == (run["run"], True)
        assert client.delete(f"/storage/holds?run={run['run']}", headers=admin).status_code == 200
        assert client.get("/storage/holds").json() == []
        assert client.post("/storage/trash/restore", json={}, headers=admin).status_code == 422


@pytest.mark.parametrize(
    "route", ["stats", "metrics", "disks", "forecast", "alerts", "check", "runs", "plan"]
)
def test_head_answers_as_get_does_without_a_body(client: TestClient, route: str) -> None:
    got, asked = client.get(f"/storage/{route}"), client.head(f"/storage/{route}")
    assert (asked.status_code, got.status_code) == (200, 200)
    assert asked.headers["content-type"] == got.headers["content-type"]


def test_numbers_that_have_not_changed_are_not_sent_again_and_names_are_not_kept(client: TestClient) -> None:
    first = client.get("/storage/runs")
    again = client.get("/storage/runs", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/storage/holds").headers["cache-control"] == "no-store"


def test_what_if_by_http_is_what_it_is_on_the_command_line(client: TestClient) -> None:
    found = client.get("/storage/whatif", params={"change": "uploads.retention=3d"})
    assert found.status_code == 200, found.text
    assert client.get("/storage/whatif", params={"change": "nonsense"}).status_code == 422


# -- once


def test_a_request_with_a_key_is_carried_out_once(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/a")
    key = authorized | _JSON | {"Idempotency-Key": "k1"}
    first = client.post("/storage/cleanup", headers=key)
    storage.file("temp/b")
    second = client.post("/storage/cleanup", headers=key)
    assert (first.status_code, second.json()) == (200, first.json())
    assert storage.files() == ["temp/b"]
    assert len(client.get("/storage/runs").json()["runs"]) == 1
    other = client.post("/storage/cleanup", json={"areas": ["temp"]}, headers=key)
    assert (other.status_code, storage.files()) == (422, ["temp/b"])
    assert (
        client.post("/storage/cleanup", headers=key | {"Idempotency-Key": "k2"}).json()["total_deleted"] == 1
    )


def test_a_run_that_a_process_began_before_it_died_is_not_begun_again_by_the_same_request(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/a")
    key = authorized | _JSON | {"Idempotency-Key": "k1"}
    run = client.post("/storage/cleanup", headers=key).json()["run"]
    with closing(sqlite3.connect(storage.engine.state.journal)) as journal, journal:
        journal.execute("UPDATE reply SET status = NULL, owner = ?", (f"{socket.gethostname()} 1 0",))
    storage.file("temp/b")
    again = client.post("/storage/cleanup", headers=key)
    assert (again.status_code, again.json()["run"], again.json()["state"]) == (202, run, "done")
    assert again.headers["location"] == f"/storage/runs/{run}"
    assert storage.files() == ["temp/b"]


def test_what_was_refused_may_be_asked_for_again_with_the_same_key(
    client: TestClient, authorized: dict[str, str]
) -> None:
    key = authorized | {"Idempotency-Key": "k1"}
    assert client.post("/storage/cleanup", json={"areas": ["nowhere"]}, headers=key).status_code == 422
    assert client.post("/storage/cleanup", json={"areas": ["nowhere"]}, headers=key).status_code == 422


def test_a_run_says_where_it_is_and_how_long_it_was_waited_for(
    client: TestClient, authorized: dict[str, str]
) -> None:
    answer = client.post("/storage/cleanup", headers=authorized | _JSON | {"Prefer": "wait=5, respond-async"})
    assert answer.headers["preference-applied"] == "wait=5"
    assert answer.headers["location"] == f"/storage/runs/{answer.json()['run']}"
    stopped = client.delete(answer.headers["location"], headers=authorized | _JSON)
    assert stopped.status_code == 409  # it has ended
    assert client.delete("/storage/runs/99", headers=authorized | _JSON).status_code == 404


@pytest.mark.parametrize("areas", [["temp"], []], ids=["good for another area", "good for numbers"])
def test_what_failed_in_a_run_is_named_only_to_who_may_see_it(
    far: TestClient, storage: Storage, authorized: dict[str, str], areas: list[str]
) -> None:
    storage.engine.cleanup()
    with closing(sqlite3.connect(storage.engine.state.journal)) as journal, journal:
        (text,) = journal.execute("SELECT report FROM run WHERE id = 1").fetchone()
        failure = {"path": "uploads/secret/a", "errno": errno.EIO, "error": "Input/output error"}
        report = json.loads(text) | {"failures": [failure]}
        journal.execute("UPDATE run SET report = ?", (json.dumps(report),))
    scopes = ["read", "read:paths"] if areas else ["read"]
    shown = _token(far, authorized, *scopes, areas=areas)
    for path in ("/storage/runs", "/storage/runs/1"):
        assert "secret" in far.get(path, headers=authorized).text
        assert "secret" not in far.get(path, headers=shown).text
