"""Who did what: each act is recorded with its effect, by whichever way it came."""

from __future__ import annotations

import os

import pytest
from fastapi.testclient import TestClient

from shelflife.actor import Actor, Via, acting
from shelflife.records.history import Trigger
from shelflife.records.records import open_records
from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app

_JSON = {"Content-Type": "application/json"}


def acts(client: TestClient, authorized: dict[str, str]) -> list[tuple[str, str, str]]:
    found = client.get("/storage/acts", headers=authorized).json()["acts"]
    return [(act["kind"], act["actor"], act["via"]) for act in reversed(found)]


def test_whatever_somebody_does_is_recorded_with_who_it_was(
    make_storage: MakeStorage, authorized: dict[str, str]
) -> None:
    storage = make_storage(
        cleanup={"enabled": False}, limits={"confirm_above": "1%", "confirm_above_files": 1}
    )
    for number in range(30):
        storage.file(f"temp/{number}")
    with TestClient(create_app(storage.settings)) as client:
        made = client.post(
            "/storage/tokens",
            json={"name": "ada", "scopes": ["cleanup", "approve", "hold"]},
            headers=authorized,
        )
        ada = {"Authorization": f"Bearer {made.json()['token']}", "X-Request-ID": "r-7"} | _JSON
        client.post("/storage/holds", json={"path": "temp/1"}, headers=ada)
        plan = client.post("/storage/cleanup", headers=ada).json()["plan"]
        client.post("/storage/cleanup", json={"approve": plan}, headers=ada)
        client.delete("/storage/holds?path=temp/1", headers=ada)
        client.delete("/storage/tokens/ada", headers=authorized)
        assert acts(client, authorized) == [
            ("token.added", "admin", "http"),
            ("hold.added", "ada", "http"),
            ("run.refused", "ada", "http"),
            ("plan.approved", "ada", "http"),
            ("run.begun", "ada", "http"),
            ("hold.ended", "ada", "http"),
            ("token.revoked", "admin", "http"),
        ]
        (held,) = [act for act in client.get("/storage/acts").json()["acts"] if act["kind"] == "hold.added"]
        assert (held["request"], held["path"], held["area"]) == ("r-7", "temp/1", "temp")


def test_what_a_program_or_the_command_line_does_is_there_too(client: TestClient, storage: Storage) -> None:
    storage.file("temp/a")
    with acting(Actor(name="bob", via=Via.CLI)):
        storage.engine.hold(storage.path("temp/a"))
    storage.engine.cleanup()
    assert acts(client, {}) == [("hold.added", "bob", "cli"), ("run.begun", "", "program")]


def test_acts_come_in_pages(client: TestClient, storage: Storage) -> None:
    for name in "abcde":
        storage.engine.hold(storage.file(f"temp/{name}"))
    found: list[int] = []
    more: int | None = 99
    while more is not None:
        page = client.get(f"/storage/acts?limit=2&before={more}").json()
        found += [act["id"] for act in page["acts"]]
        more = page["next_before"]
    assert found == [5, 4, 3, 2, 1]


def test_a_token_for_some_areas_sees_no_paths_of_others(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    for path in ("temp/a", "uploads/a"):
        storage.engine.hold(storage.file(path))
    wanted = {"name": "t", "scopes": ["read:paths"], "areas": ["temp"]}
    secret = client.post("/storage/tokens", json=wanted, headers=authorized).json()["token"]
    shown = client.get("/storage/acts", headers={"Authorization": f"Bearer {secret}"}).json()["acts"]
    assert [act.get("path") for act in shown if act["kind"] == "hold.added"] == [None, "temp/a"]


def test_a_hold_on_a_name_that_is_no_text_is_shown(client: TestClient, storage: Storage) -> None:
    storage.engine.hold(storage.file(os.fsdecode(b"temp/caf\xe9")))
    (act,) = client.get("/storage/acts").json()["acts"]
    assert (act["path"], act["path_b64"]) == ("temp/caf\\xe9", "dGVtcC9jYWbp")


def test_a_stop_is_recorded_once(client: TestClient, storage: Storage) -> None:
    with open_records(storage.settings).open_journal() as book:
        run = book.runs.begin(trigger=Trigger.CLI, host="here", pid=1, at=1)
        for _ in range(2):
            with acting(Actor(name="ada", via=Via.HTTP)):
                assert book.events.ask_to_stop(run, "ada", at=2)
    assert acts(client, {}) == [("run.stop-asked", "ada", "http")]


# -- secrets


@pytest.mark.parametrize("path", ["/storage/tokens", "/storage/session"])
def test_no_secret_is_kept_for_a_request_that_comes_again(
    client: TestClient, storage: Storage, authorized: dict[str, str], path: str
) -> None:
    headers = authorized | {"Idempotency-Key": "k"}
    body = {"name": "ada", "scopes": ["read"]} if path.endswith("tokens") else {}
    first = client.post(path, json=body, headers=headers)
    assert first.status_code in (200, 201)
    again = client.post(path, json=body, headers=headers)
    assert (again.status_code, "shown once" in again.json()["detail"]) == (409, True)
    if path.endswith("tokens"):
        kept = b"".join(file.read_bytes() for file in storage.settings.state_path.glob("journal.db*"))
        assert first.json()["token"].encode() not in kept


def test_making_room_by_several_runs_takes_one_key(
    make_storage: MakeStorage, authorized: dict[str, str]
) -> None:
    storage = make_storage(cleanup={"enabled": False}, pressure={"high": "2%", "low": "1%"})
    storage.file("temp/a")
    with TestClient(create_app(storage.settings)) as client:
        headers = authorized | {"Idempotency-Key": "k"}
        answer = client.post("/storage/relief", json={"insist": True}, headers=headers)
        assert answer.status_code == 200, answer.text
