"""What has changed since somebody looked is not acted upon: `If-Match`, and 412 that says what has changed."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app
from shelflife.web.tags import tag_of


def tag(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"]


def refused(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 412, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == "urn:shelflife:problem:precondition-failed"
    return problem


# -- plans


def test_what_was_seen_is_cleaned_up(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/a")
    seen = tag(client, "/storage/plan")
    answer = client.post("/storage/cleanup", json={}, headers=authorized | {"If-Match": seen})
    assert (answer.status_code, answer.json()["total_deleted"]) == (200, 1)


def test_a_plan_that_would_take_more_than_was_seen_is_not_carried_out(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/a")
    storage.file("uploads/a")
    seen = tag(client, "/storage/plan")
    storage.file("temp/b")
    problem = refused(client.post("/storage/cleanup", json={}, headers=authorized | {"If-Match": seen}))
    assert problem["changed"] == ["temp"]
    assert problem["current"]["areas"]["temp"]["files"] == 2
    assert storage.files() == ["temp/a", "temp/b", "uploads/a"]
    assert storage.engine.history() == []


def test_the_tag_that_comes_with_412_is_the_one_of_now(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/a")
    answer = client.post("/storage/cleanup", json={}, headers=authorized | {"If-Match": '"an old one"'})
    refused(answer)
    now = authorized | {"If-Match": answer.headers["etag"]}
    assert client.post("/storage/cleanup", json={}, headers=now).json()["total_deleted"] == 1


def test_a_plan_of_some_areas_is_compared_with_those(
    client: TestClient, storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/a")
    seen = tag(client, "/storage/plan?area=temp")
    storage.file("uploads/a")
    answer = client.post(
        "/storage/cleanup", json={"areas": ["temp"]}, headers=authorized | {"If-Match": seen}
    )
    assert answer.json()["total_deleted"] == 1
    problem = refused(client.post("/storage/cleanup", json={}, headers=authorized | {"If-Match": seen}))
    assert "uploads" in problem["changed"]


@pytest.fixture
def careful(make_storage: MakeStorage) -> Storage:
    """A storage that asks a person about nearly everything."""
    return make_storage(cleanup={"enabled": False}, limits={"confirm_above": "1%", "confirm_above_files": 1})


def test_an_approval_is_of_what_was_seen(careful: Storage, authorized: dict[str, str]) -> None:
    for number in range(30):
        careful.file(f"temp/{number}")
    with TestClient(create_app(careful.settings)) as client:
        plan = client.post("/storage/cleanup", json={}, headers=authorized).json()["plan"]
        assert [waiting["plan"] for waiting in client.get("/storage/plans").json()["plans"]] == [plan]
        seen = tag(client, f"/storage/plans/{plan}")
        careful.file("temp/late", age="3d")  # older than the plan's cutoff, and unseen
        approval = {"approve": plan}
        problem = refused(
            client.post("/storage/cleanup", json=approval, headers=authorized | {"If-Match": seen})
        )
        assert (problem["changed"], problem["current"]["files"]) == (["temp"], 31)
        assert len(careful.files()) == 31
        names = [file["path"] for file in client.get(f"/storage/plans/{plan}/files").json()]
        assert "temp/late" in names
        again = authorized | {"If-Match": tag(client, f"/storage/plans/{plan}")}
        assert client.post("/storage/cleanup", json=approval, headers=again).json()["total_deleted"] == 31
        assert client.get("/storage/plans").json()["plans"] == []
        assert client.get(f"/storage/plans/{plan}").status_code == 404


def test_a_plan_may_be_approved_by_its_areas_too_and_tried_first(
    careful: Storage, authorized: dict[str, str]
) -> None:
    for number in range(30):
        careful.file(f"temp/{number}")
        careful.file(f"uploads/{number}")
    with TestClient(create_app(careful.settings)) as client:
        refusal = client.post("/storage/cleanup", json={"areas": ["temp", "uploads"]}, headers=authorized)
        plan = refusal.json()["plan"]
        tried = client.post("/storage/cleanup", json={"approve": plan, "dry_run": True}, headers=authorized)
        assert (tried.json()["would_delete"], len(careful.files())) == (60, 60)
        part = client.post("/storage/cleanup", json={"approve": plan, "areas": ["temp"]}, headers=authorized)
        assert (part.status_code, "uploads" in part.json()["detail"]) == (422, True)
        whole = {"approve": plan, "areas": ["temp", "uploads"]}
        assert client.post("/storage/cleanup", json=whole, headers=authorized).json()["total_deleted"] == 60


# -- holds


@pytest.fixture
def held(client: TestClient, storage: Storage, authorized: dict[str, str]) -> dict[str, Any]:
    """A hold on temp/a."""
    storage.file("temp/a")
    hold: dict[str, Any] = client.post("/storage/holds", json={"path": "temp/a"}, headers=authorized).json()
    return hold


def test_a_hold_is_ended_only_as_it_was_seen(
    client: TestClient, held: dict[str, Any], authorized: dict[str, str]
) -> None:
    seen = tag(client, f"/storage/holds/{held['id']}")
    body = {"path": "temp/a", "until": "+90d", "reason": "the auditors asked"}
    extended = client.post("/storage/holds", json=body, headers=authorized | {"If-Match": seen})
    assert extended.status_code == 201
    for url in ("/storage/holds?path=temp/a", f"/storage/holds/{held['id']}"):
        problem = refused(client.delete(url, headers=authorized | {"If-Match": seen}))
        assert problem["changed"]
    assert [hold["id"] for hold in client.get("/storage/holds").json()] == [extended.json()["id"]]
    now = tag(client, f"/storage/holds/{extended.json()['id']}")
    ended = client.delete(f"/storage/holds/{extended.json()['id']}", headers=authorized | {"If-Match": now})
    assert (ended.status_code, ended.json()["active"], ended.json()["ended_by"]) == (200, False, "admin")
    assert client.get("/storage/holds").json() == []


def test_a_hold_that_was_extended_by_another_is_not_replaced_by_whoever_did_not_see_it(
    client: TestClient, held: dict[str, Any], authorized: dict[str, str]
) -> None:
    seen = tag(client, f"/storage/holds/{held['id']}")
    longer = {"path": "temp/a", "until": "+90d"}
    assert (
        client.post("/storage/holds", json=longer, headers=authorized | {"If-Match": seen}).status_code == 201
    )
    shorter = {"path": "temp/a", "until": "+1d"}
    problem = refused(client.post("/storage/holds", json=shorter, headers=authorized | {"If-Match": seen}))
    assert {"id", "until"} <= set(problem["changed"])
    (hold,) = client.get("/storage/holds").json()
    assert hold["until"] == problem["current"]["until"]


def test_a_hold_is_added_only_where_there_is_none_if_that_is_said(
    client: TestClient, held: dict[str, Any], storage: Storage, authorized: dict[str, str]
) -> None:
    storage.file("temp/b")
    none = authorized | {"If-None-Match": "*"}
    refused(client.post("/storage/holds", json={"path": "temp/a"}, headers=none))
    assert client.post("/storage/holds", json={"path": "temp/b"}, headers=none).status_code == 201


def test_what_is_gone_matches_nothing(
    client: TestClient, held: dict[str, Any], authorized: dict[str, str]
) -> None:
    seen = tag(client, f"/storage/holds/{held['id']}")
    assert client.delete("/storage/holds?path=temp/a", headers=authorized).status_code == 200
    problem = refused(
        client.post("/storage/holds", json={"path": "temp/a"}, headers=authorized | {"If-Match": seen})
    )
    assert problem["current"] is None
    ended = client.delete(f"/storage/holds/{held['id']}", headers=authorized)
    assert ended.status_code == 409
    assert client.delete("/storage/holds/99", headers=authorized).status_code == 404


# -- tags


@pytest.mark.parametrize(
    "path", ["stats", "plan", "forecast", "runs", "holds", "status", "disks", "acts", "check"]
)
def test_what_has_not_changed_is_not_sent_again(client: TestClient, storage: Storage, path: str) -> None:
    storage.engine.stats(refresh=True)
    seen = tag(client, f"/storage/{path}")
    known = {"If-None-Match": f'"another", {seen}'}
    answers = [client.get(f"/storage/{path}", headers=known).status_code for _ in range(20)]
    # What counts the time is another each time; the others are as they were.
    assert 304 in answers or path in ("status", "disks")


def test_a_tag_names_no_value() -> None:
    shown = tag_of({"uploads": ["secret name", 1], "a;b": 2})
    assert "secret" not in shown
    assert shown.startswith('W/"')
    assert shown.count('"') == 2
