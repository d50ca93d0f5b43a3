"""Lists come in pages, by cursors that say where the page before ended."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shelflife.files.anchor import Anchor
from shelflife.testing import MakeStorage, Storage
from shelflife.web import create_app


def pages(client: TestClient, url: str, headers: dict[str, str]) -> list[list[Any]]:
    """Return the pages of a list, following `Link`."""
    found = []
    while True:
        answer = client.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found.append(body if isinstance(body, list) else next(iter(body.values())))
        if "next" not in answer.links:
            return found
        url = str(answer.url.join(answer.links["next"]["url"]))


@pytest.fixture
def full(make_storage: MakeStorage) -> Storage:
    """A storage with files that are due, in several areas and directories, and a unit."""
    storage = make_storage(
        {"temp": "1d", "uploads": "7d", "sets": {"retention": "7d", "expire": "directory"}},
        cleanup={"enabled": False},
    )
    for number in range(7):
        storage.file(f"temp/{number}")
        storage.file(f"uploads/a/{number}")
        storage.file(f"uploads/b/deep/{number}")
        storage.file(f"sets/{number % 2}/{number}")
    storage.file("uploads/young", age="1h")
    return storage


@pytest.mark.parametrize("limit", [1, 3, 10, 100])
def test_each_file_of_a_plan_is_on_one_page(full: Storage, authorized: dict[str, str], limit: int) -> None:
    with TestClient(create_app(full.settings)) as client:
        found = pages(client, f"/storage/plan/files?limit={limit}", authorized)
    paths = [file["path"] for page in found for file in page]
    assert sorted(paths) == [path for path in full.files() if path != "uploads/young"]
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)


def test_a_page_goes_on_where_the_one_before_ended_whatever_went_meanwhile(
    full: Storage, authorized: dict[str, str]
) -> None:
    with TestClient(create_app(full.settings)) as client:
        first = client.get("/storage/plan/files?area=uploads&limit=9", headers=authorized)
        last = first.json()[-1]["path"]
        for path in full.files():
            if path.startswith(("uploads/a/", last)):
                full.path(path).unlink()
        full.path("uploads/a").rmdir()
        full.file("uploads/c/new")
        url = str(first.url.join(first.links["next"]["url"]))
        rest = [file["path"] for page in pages(client, url, authorized) for file in page]
    assert rest == [*(f"uploads/b/deep/{number}" for number in range(2, 7)), "uploads/c/new"]


def test_a_deep_page_reads_its_own_directories_only(
    make_storage: MakeStorage, authorized: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = make_storage({"temp": "1d"}, cleanup={"enabled": False})
    for number in range(40):
        storage.file(f"temp/{number:02}/a")
    engine = storage.engine
    plan = engine.plan()
    _, deep = engine.page_of_files(plan, limit=35)
    opened: list[str] = []
    real = Anchor.directory

    def noting(anchor: Anchor, path: str) -> AbstractContextManager[int]:
        opened.append(path)
        return real(anchor, path)

    monkeypatch.setattr(Anchor, "directory", noting)
    page, _ = engine.page_of_files(plan, limit=2, after=deep)
    assert [file.path for file in page] == ["temp/35/a", "temp/36/a"]
    assert set(opened) <= {"34/", "35/", "36/", "37/"}


@pytest.mark.parametrize("cursor", ["x", "!", "dGVtcA", "A" * 9])
def test_a_cursor_that_nobody_gave_is_refused(client: TestClient, cursor: str) -> None:
    assert client.get(f"/storage/plan/files?cursor={cursor}").status_code == 422


def test_only_the_largest_may_be_asked_for(client: TestClient, storage: Storage) -> None:
    for number in range(1, 6):
        storage.file(f"temp/{number}", size=number)
    largest = client.get("/storage/plan/files?top=2").json()
    assert [file["path"] for file in largest] == ["temp/5", "temp/4"]
    assert len(client.get("/storage/plan?top=3").json()["largest"]) == 1
    storage.engine.cleanup()
    gone = client.get("/storage/runs/1/files?top=2").json()["files"]
    assert [file["path"] for file in gone] == ["temp/5", "temp/4"]


def test_files_of_a_run_come_by_cursor_and_as_one_likes(client: TestClient, storage: Storage) -> None:
    for number in range(250):
        storage.file(f"temp/{number % 3}/{number}")
    storage.file("uploads/a")
    storage.engine.cleanup()
    found = pages(client, "/storage/runs/1/files?limit=100", {})
    assert [len(page) for page in found] == [100, 100, 54]
    assert len({file["path"] for page in found for file in page}) == 254
    one = client.get("/storage/runs/1/files?area=uploads").json()
    assert ([file["path"] for file in one["files"]], one["next_cursor"]) == (["uploads/a"], None)
    assert client.get("/storage/runs/1/files?outcome=failed").json()["files"] == []
    lines = client.get("/storage/runs/1/files?area=uploads", headers={"Accept": "application/jsonl"})
    assert len(lines.text.splitlines()) == 1
    old = client.get("/storage/runs/1/files?offset=250")
    assert (len(old.json()["files"]), "deprecation" in old.headers) == (4, True)


def test_a_page_of_few_among_many_may_be_short_and_says_that_there_are_more(
    client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        storage.file(f"temp/{number:02}")
    storage.file("uploads/a")
    storage.engine.cleanup()
    monkeypatch.setattr("shelflife.web.routes.runs._MOST_LOOKED_AT", 10)
    found = pages(client, "/storage/runs/1/files?area=uploads", {})
    assert [file["path"] for page in found for file in page] == ["uploads/a"]
    assert len(found) == 4


def test_runs_may_be_chosen(client: TestClient, storage: Storage) -> None:
    for number in range(4):
        storage.file(f"temp/{number}", size=number + 1)
        storage.engine.cleanup(["temp" if number % 2 else "uploads"])
    runs = client.get("/storage/runs?area=temp").json()["runs"]
    assert [run["run"] for run in runs] == [4, 2]
    assert client.get("/storage/runs?state=failed").json()["runs"] == []
    assert [run["run"] for run in client.get("/storage/runs?top=1").json()["runs"]] == [4]
    assert len(client.get("/storage/runs?since=1h").json()["runs"]) == 4
    assert client.get("/storage/runs?since=2100-01-01").json()["runs"] == []
    assert client.get("/storage/runs?since=soon").status_code == 422
    assert [len(page) for page in pages(client, "/storage/runs?limit=3", {})] == [3, 1]


def test_holds_come_in_pages_by_area(client: TestClient, storage: Storage) -> None:
    for number in range(5):
        storage.engine.hold(storage.file(f"temp/{number}"))
        storage.engine.hold(storage.file(f"uploads/{number}"))
    found = pages(client, "/storage/holds?area=temp&limit=2", {})
    assert [[hold["path"] for hold in page] for page in found] == [
        ["temp/4", "temp/3"], ["temp/2", "temp/1"], ["temp/0"],
    ]  # fmt: skip


def test_the_trash_comes_in_pages_narrowed_down_as_one_likes(make_storage: MakeStorage) -> None:
    storage = make_storage({"temp": {"retention": "1d", "trash": "9d"}}, cleanup={"enabled": False})
    for number in range(12):
        storage.file(f"temp/{number % 2}/{number}", age="3d")
    storage.engine.cleanup()
    with TestClient(create_app(storage.settings)) as client:
        found = pages(client, "/storage/trash?limit=5", {})
        assert [len(page) for page in found] == [5, 5, 2]
        assert len({file["place"] for page in found for file in page}) == 12
        assert len(client.get("/storage/trash?path=temp/1&run=1&since=1d").json()) == 6
        assert client.get("/storage/trash?run=2").json() == []
        lines = client.get("/storage/trash", headers={"Accept": "application/jsonl"})
        assert len(lines.text.splitlines()) == 12
        assert client.get("/storage/trash?cursor=dGVtcA").status_code == 422
