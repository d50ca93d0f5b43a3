"""`path: .`: one area that is all of the base path, with everything that an area can do.

What is ours in there – the state directory, the trash – is never listed, measured, pruned or removed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from shelflife.cli.app import run
from shelflife.errors import SettingsError, UsageError
from shelflife.explain.answer import State
from shelflife.files import primitives
from shelflife.settings import Settings
from shelflife.testing import set_age
from shelflife.web import create_app
from shelflife.web.service_token import VARIABLE
from tests.integration.pressure.conftest import fill, fill_up, mount_storage, share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shelflife.testing import MakeStorage, Storage
    from tests.integration.pressure.conftest import MountStorage

__all__ = ["mount_storage"]

_TOKEN = "a token for tests only"


@pytest.fixture(params=["compiled", "pure"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "pure":
        monkeypatch.setenv("SHELFLIFE_PURE", "1")
    primitives.chosen.cache_clear()
    yield request.param
    primitives.chosen.cache_clear()


def _made(make_storage: MakeStorage, *, others: dict[str, Any] | None = None, **area: Any) -> Storage:
    """A storage whose one area is the base path; what is ours there has been there for a year."""
    storage = make_storage({"all": {"path": ".", "retention": "30d", **area}}, **(others or {}))
    storage.engine.cleanup()
    _grow_old(storage)
    return storage


def _grow_old(storage: Storage) -> None:
    for place in (storage.settings.home_path, storage.settings.state_path):
        for path in [*place.rglob("*"), place]:
            set_age(path, "365d")


def _records(storage: Storage) -> set[str]:
    places = (storage.settings.home_path, storage.settings.state_path)
    names = {path.name for place in places for path in place.iterdir()}
    return {name for name in names if not name.endswith(("-wal", "-shm"))}  # SQLite's own, which come and go


def test_what_is_due_goes_and_what_is_ours_stays(make_storage: MakeStorage) -> None:
    storage = _made(make_storage)
    for path in ("old.bin", "a/old.bin", "a/b/old.bin"):
        storage.file(path)
    for path in ("new.bin", "a/new.bin"):
        storage.file(path, age="1d")
    storage.directory("empty")
    plan = storage.engine.plan()
    assert sorted(file.path for file in storage.engine.files(plan)) == ["a/b/old.bin", "a/old.bin", "old.bin"]
    assert plan.areas[0].scanned == 5
    before = _records(storage)

    report = storage.engine.cleanup()

    assert (report.removed, report.failed, report.errors) == (3, 0, [])
    assert storage.files() == ["a/new.bin", "new.bin"]
    assert not storage.path("empty").exists()
    assert not storage.path("a/b").exists()
    assert _records(storage) >= before
    stats = storage.engine.stats(refresh=True)
    assert (stats.files, stats.bytes, stats.directories) == (2, 20, 2)
    names = {record.path for record in storage.engine.run_files(report.run) if not record.pruned}
    assert names == {"a/b/old.bin", "a/old.bin", "old.bin"}


def test_a_state_directory_elsewhere_leaves_lock_and_marker_at_home(
    make_storage: MakeStorage, tmp_path: Path
) -> None:
    storage = _made(make_storage, others={"state_dir": tmp_path / "state"})
    storage.file("old.bin")
    for _ in range(2):
        assert storage.engine.cleanup().failed == 0
        _grow_old(storage)
    home = storage.settings.home_path
    assert {path.name for path in home.iterdir()} == {"lock", "marker"}
    assert storage.engine.why(home / "lock").reason == "records"
    assert storage.engine.stats(refresh=True).files == 0


@pytest.mark.parametrize("place", ["state", "deep/state", ".trash"])
def test_records_in_the_midst_of_the_files_are_refused(tmp_path: Path, place: str) -> None:
    base = tmp_path / "storage"
    with pytest.raises(SettingsError, match=r"state_dir: .*overlaps \., a directory of area all"):
        Settings.build(
            base_path=base, areas={"all": {"path": ".", "retention": "1d"}}, state_dir=base / place
        )
    areas = {"all": {"path": ".", "retention": "1d"}}
    assert Settings.build(base_path=base, areas=areas, state_dir=base / ".shelflife").state_dir


@pytest.mark.parametrize("settle", [0, 600], ids=["directories", "files"])
def test_what_goes_into_the_trash_comes_back_by_path_by_directory_and_by_run(
    make_storage: MakeStorage, settle: int
) -> None:
    storage = _made(make_storage, trash="7d", others={"index": {"settle": settle}})
    paths = ["a/b/2.bin", "a/b/3.bin", "a/1.bin", "c/4.bin", "top.bin"]
    for path in paths:
        storage.file(path)
    run = storage.engine.cleanup()
    assert run.total("trashed") == 5
    assert sorted(file.path for file in storage.engine.trash()) == sorted(paths)
    assert all(path.startswith(".trash/") for path in storage.files())
    assert storage.engine.stats(refresh=True).files == 0
    assert storage.engine.plan().areas[0].scanned == 0

    assert storage.engine.restore(str(storage.path("top.bin"))) == ["top.bin"]
    assert sorted(storage.engine.restore(str(storage.path("a/b")))) in (["a/b"], ["a/b/2.bin", "a/b/3.bin"])
    storage.engine.restore(str(run.run))
    assert storage.files() == sorted(paths)
    assert not storage.path(".trash").exists()
    storage.engine.cleanup()
    assert storage.files() == sorted(paths)  # what came back is held


def test_everything_comes_back_by_the_base_path(make_storage: MakeStorage) -> None:
    storage = _made(make_storage, trash="7d")
    for path in ("a/1.bin", "top.bin"):
        storage.file(path)
    storage.engine.cleanup()
    assert sorted(storage.engine.restore(str(storage.base_path))) == ["a/1.bin", "top.bin"]


def test_what_has_waited_long_enough_is_purged(make_storage: MakeStorage) -> None:
    storage = _made(make_storage, trash="7d")
    storage.file("old.bin")
    storage.engine.cleanup()
    storage.tick("8d")
    assert storage.engine.cleanup().total("purged") == 1
    assert storage.files() == []
    assert not storage.path(".trash").exists()


@pytest.mark.parametrize("held", ["old.bin", "a", "."])
@pytest.mark.parametrize(
    "kind", [{}, {"expire": "directory"}, {"trash": "1d"}], ids=["file", "unit", "trash"]
)
def test_a_hold_keeps_what_it_names_and_all_below(
    make_storage: MakeStorage, held: str, kind: dict[str, Any]
) -> None:
    storage = _made(make_storage, **kind)
    for path in ("old.bin", "a/old.bin", "a/b/old.bin"):
        storage.file(path)
    for directory in ("a", "a/b"):
        set_age(storage.path(directory), "40d")
    hold = storage.engine.hold(storage.path(held))
    assert hold.path == held
    storage.engine.cleanup()
    kept = {"old.bin": ["old.bin"], "a": ["a/b/old.bin", "a/old.bin"]}
    there = [path for path in storage.files() if not path.startswith(".trash/")]
    assert there == kept.get(held, ["a/b/old.bin", "a/old.bin", "old.bin"])
    assert storage.engine.why(storage.path(there[0])).reason in ("held", "unit held")
    assert [ended.path for ended in storage.engine.unhold(storage.path(held))] == [held]
    storage.engine.cleanup()
    assert [path for path in storage.files() if not path.startswith(".trash/")] == []


def test_units_are_the_directories_right_below_and_ours_are_none(make_storage: MakeStorage) -> None:
    storage = _made(make_storage, expire="directory")
    for path in ("old/1", "old/sub/2", "mixed/3", "single"):
        storage.file(path)
    storage.file("mixed/new", age="1d")
    set_age(storage.path("old"), "40d")
    set_age(storage.path("old/sub"), "40d")
    before = _records(storage)
    assert sorted(file.path for file in storage.engine.files(storage.engine.plan())) == [
        *("old/1", "old/sub/2", "single")
    ]
    assert storage.engine.cleanup().removed == 3
    assert storage.files() == ["mixed/3", "mixed/new"]
    assert _records(storage) >= before


def test_why_knows_every_place(make_storage: MakeStorage) -> None:
    storage = _made(make_storage, trash="7d")
    storage.file("gone.bin")
    storage.engine.cleanup()
    storage.file("old.bin")
    storage.file("a/new.bin", age="1d")
    why = storage.engine.why
    (waiting,) = storage.engine.trash()
    assert why(storage.path("old.bin")).state is State.EXPIRED
    assert why(storage.path("a/new.bin")).state is State.WAITING
    assert why(storage.path("gone.bin")).state is State.TRASHED
    assert why(storage.path(waiting.place)).state is State.TRASHED
    assert (why(storage.base_path).state, why(storage.base_path).reason) == (State.KEPT, "area")
    assert why(storage.path(".shelflife/journal.db")).reason == "records"
    assert why(storage.base_path.parent / "x").reason == "outside"


def test_what_is_ours_can_be_neither_held_nor_restored_into(make_storage: MakeStorage) -> None:
    storage = _made(make_storage, trash="7d")
    storage.file("old.bin")
    storage.engine.cleanup()
    with pytest.raises(UsageError, match="belongs to the records of the storage"):
        storage.engine.hold(storage.path(".shelflife/journal.db"))
    with pytest.raises(UsageError, match="belongs to the records of the storage"):
        storage.engine.restore(str(storage.path("old.bin")), to=str(storage.path(".shelflife/x")))
    assert [file.path for file in storage.engine.trash()] == ["old.bin"]


def test_patterns_are_relative_to_the_base_path(make_storage: MakeStorage) -> None:
    storage = _made(
        make_storage, protect=["/top.bin", "/kept/"], rules=[{"match": "*.log", "retention": "60d"}]
    )
    for path in ("top.bin", "kept/1", "a/top.bin", "a/x.log", "a/kept/2"):
        storage.file(path)
    storage.engine.cleanup()
    assert storage.files() == ["a/x.log", "kept/1", "top.bin"]


def test_a_quota_counts_the_files_and_takes_the_oldest(make_storage: MakeStorage) -> None:
    storage = _made(make_storage, quota="40KB", min_age="1h")
    for number in range(20):
        storage.file(f"{number % 3}/{number}", age=f"{2 + number}d", content=bytes(4096))
    storage.engine.cleanup()
    left = {path.partition("/")[2] for path in storage.files()}
    assert left == {str(number) for number in range(9)}


def test_check_and_status_find_nothing_wrong(make_storage: MakeStorage) -> None:
    storage = _made(make_storage)
    storage.file("a/1.bin", age="1d")
    storage.engine.refresh()
    faults = [finding for finding in storage.engine.check() if finding.level != "ok"]
    assert [fault for fault in faults if fault.check in ("base path", "state directory", "area all")] == []
    assert storage.engine.unexpected() == []
    assert storage.engine.whatif({"all.retention": "1h"}).after.areas[0].goes.files == 1


def test_the_command_line_prints_paths_as_they_are(
    make_storage: MakeStorage, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    storage = _made(make_storage)
    config = tmp_path / "config.yaml"
    area = "{path: ., retention: 30d}"
    config.write_text(f"storage: {{base_path: storage, default_areas: false, areas: {{all: {area}}}}}")
    storage.file("a/old.bin")
    storage.file("old.bin")
    assert run(["--config", str(config), "plan", "--files"]) == 0
    assert sorted(capfd.readouterr().out.splitlines()) == [
        str(storage.path("a/old.bin")),
        str(storage.path("old.bin")),
    ]
    assert run(["--config", str(config), "plan", "--json"]) == 0
    plan = json.loads(capfd.readouterr().out)
    assert plan["areas"]["all"]["files"] == 2
    assert run(["--config", str(config), "cleanup", "--yes", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["removed"] == 2


def test_http_serves_it(make_storage: MakeStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, _TOKEN)
    storage = _made(make_storage, trash="7d", others={"cleanup": {"enabled": False}})
    storage.file("a/old.bin")
    storage.file("old.bin")
    with TestClient(create_app(storage.settings), headers={"Authorization": f"Bearer {_TOKEN}"}) as client:
        assert client.get("/storage/cleanup").json()["by_directory"]["all"]["would_delete"] == 2
        answer = client.post("/storage/cleanup", json={})
        assert answer.json()["total_deleted"] == 2
        waiting = client.get("/storage/trash").json()
        assert {file["path"] for file in waiting} == {"a/old.bin", "old.bin"}
        stats = client.get("/storage/stats").json()
        assert stats["directories"]["all"]["path"] == str(storage.base_path)
        assert 'area="all"' in client.get("/metrics").text


def test_a_full_disk_takes_trash_and_the_oldest_and_nothing_of_ours(mount_storage: MountStorage) -> None:
    storage = mount_storage(
        {"all": {"path": ".", "retention": "30d", "priority": 1, "trash": "7d"}},
        limits={"confirm_above": "100%"},
    )
    storage.engine.cleanup()
    fill(storage, "expired", age="40d", size=64 * 1024)
    storage.engine.cleanup()  # into the trash
    _grow_old(storage)
    for number in range(100):
        fill(storage, f"{number % 5}/{number}", age=f"{48 + number}h", size=64 * 1024)
    before = _records(storage)
    fill_up(storage, "young")
    (found,) = storage.engine.relieve()
    assert found.outcome == "relieved"
    assert share(storage) < 80
    assert not storage.path(".trash").exists()
    assert _records(storage) >= before
    left = [int(path.partition("/")[2]) for path in storage.files() if "/" in path]
    assert sorted(left) == list(range(len(left)))
