from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from shelflife.errors import CleanupDisabled, UsageError
from shelflife.events import (
    AreaFinished,
    BatchFinished,
    DirectoryPruned,
    Event,
    RunBegun,
    RunFinished,
    RunStarted,
)
from shelflife.files.removal import Result
from shelflife.policy.verdict import Reason
from shelflife.records.index import Row, RowState
from shelflife.records.records import open_records
from shelflife.testing import MakeStorage, Storage, set_age


def test_what_is_older_than_its_retention_goes_and_nothing_else(storage: Storage) -> None:
    for area, days in (
        ("temp", 1),
        ("uploads", 7),
        ("frames", 30),
        ("contact-sheets", 30),
        ("outputs", 5000),
    ):
        storage.file(f"{area}/deep/down/old", age=f"{days}d", size=7)
        storage.file(f"{area}/young", age=days * 86_400 - 60)
    report = storage.engine.cleanup()
    assert storage.files() == [
        "contact-sheets/young",
        "frames/young",
        "outputs/deep/down/old",
        "outputs/young",
        "temp/young",
        "uploads/young",
    ]
    assert (report.removed, report.failed, report.total("bytes"), report.errors) == (4, 0, 28, [])
    assert {area.area: (area.scanned, area.removed, area.kept) for area in report.areas} == {
        "temp": (2, 1, 1),
        "uploads": (2, 1, 1),
        "contact_sheets": (2, 1, 1),
        "frames": (2, 1, 1),
    }


@pytest.mark.parametrize(("older", "gone"), [(-1, False), (0, False), (1, True)])
def test_to_the_nanosecond_strictly_older_goes(make_storage: MakeStorage, older: int, gone: bool) -> None:
    storage = make_storage({"temp": "1d"})
    file = storage.file("temp/a")
    at = storage.now()
    os.utime(file, ns=(at, at - 86_400 * 10**9 - older))
    engine = type(storage.engine)(storage.settings, clock=lambda: at)
    assert engine.plan().files == gone
    engine.cleanup()
    assert file.exists() is not gone


def test_only_the_areas_that_are_named_are_cleaned(storage: Storage) -> None:
    for area in ("temp", "frames", "contact-sheets"):
        storage.file(f"{area}/a")
    storage.engine.cleanup(["temp", "contact-sheets"])
    storage.engine.cleanup(["contact_sheets"])
    assert storage.files() == ["frames/a"]
    with pytest.raises(UsageError, match="temp, uploads"):
        storage.engine.cleanup(["tmp"])


def test_an_alias_belongs_to_its_area(storage: Storage) -> None:
    storage.file("contact_sheets/old/a")
    storage.file("contact_sheets/b", age="1d")
    storage.file("contact-sheets/c")
    report = storage.engine.cleanup(["contact_sheets"])
    assert storage.files() == ["contact_sheets/b"]
    assert (report.removed, report.total("scanned")) == (2, 3)


def test_an_alias_that_is_a_link_to_the_area_is_not_counted_twice(storage: Storage) -> None:
    storage.file("contact-sheets/a")
    storage.path("contact_sheets").symlink_to("contact-sheets")
    report = storage.engine.cleanup(["contact_sheets"])
    assert (report.removed, report.total("scanned"), report.errors) == (1, 1, [])
    assert storage.path("contact_sheets").is_symlink()


# -- directories


def test_directories_that_are_emptied_go_bottom_up_but_never_the_areas(storage: Storage) -> None:
    storage.file("frames/a/b/c/1")
    storage.file("frames/a/b/2")
    storage.file("frames/a/keep/3", age="1d")
    storage.file("temp/1")
    report = storage.engine.cleanup()
    assert sorted(path.name for path in storage.path("frames/a").iterdir()) == ["keep"]
    assert storage.path("temp").is_dir()
    assert report.total("directories") == 2


def test_an_empty_directory_goes_by_its_own_age(storage: Storage) -> None:
    storage.directory("temp/old", age="2d")
    storage.directory("temp/young", age="12h")
    storage.directory("temp/old-with-old/below", age="2d")
    set_age(storage.path("temp/old-with-old"), "2d", now=storage.now())
    assert storage.engine.plan().areas[0].directories == 2  # what empties its parent is seen when it does
    storage.engine.cleanup()
    assert sorted(path.name for path in storage.path("temp").iterdir()) == ["young"]


def test_what_a_run_did_not_empty_and_is_young_stays(storage: Storage) -> None:
    storage.directory("temp/young/below", age="2h")
    storage.file("temp/a")
    storage.engine.cleanup()
    assert storage.path("temp/young/below").is_dir()


@pytest.mark.parametrize(
    "name", [".gitkeep", "deep/.gitkeep", ".nfs000000000a1b2c3d00000007", "deep/.nfs000000000a1b2c3d00000007"]
)
def test_a_keep_file_or_one_that_nfs_left_keeps_its_directory_and_counts_for_nothing(
    storage: Storage, name: str
) -> None:
    storage.file(f"temp/a/{name}", age="400d")
    storage.file("temp/a/old")
    set_age(storage.path("temp/a"), "400d", now=storage.now())
    report = storage.engine.cleanup(["temp"])
    assert storage.files() == [f"temp/a/{name}"]
    assert (report.removed, report.total("scanned")) == (1, 1)


# -- what is in the way


def test_what_is_protected_stays(make_storage: MakeStorage) -> None:
    storage = make_storage(
        {"frames": {"retention": "30d", "protect": ["*.keep", "/reference/", "!loose.keep"]}}
    )
    for path in ("a.keep", "loose.keep", "x/b.keep", "reference/c", "x/reference/d"):
        storage.file(f"frames/{path}")
    report = storage.engine.cleanup()
    assert storage.files() == ["frames/a.keep", "frames/reference/c", "frames/x/b.keep"]
    assert (report.total("scanned"), report.removed, report.total("kept")) == (5, 2, 3)


def test_where_the_age_counts_from_the_change_what_just_arrived_stays(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": {"retention": "7d", "age_from": "changed"}})
    storage.file("uploads/arrived-with-an-old-time", age="400d")
    assert storage.engine.cleanup().removed == 0
    storage.tick("8d")
    assert storage.engine.cleanup().removed == 1


def test_links_go_as_links(storage: Storage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    set_age(outside / "precious", "400d")
    targets = {"to-file": "target", "to-directory": str(outside), "to-nothing": "none"}
    for name, target in targets.items():
        storage.path(f"temp/{name}").symlink_to(target)
        set_age(storage.path(f"temp/{name}"), "2d", now=storage.now())
    storage.path("temp/young-link").symlink_to(str(outside))
    storage.file("temp/target", age="1h")
    plan = storage.engine.plan(["temp"])
    assert (plan.files, plan.areas[0].links) == (0, 3)
    report = storage.engine.cleanup(["temp"])
    assert storage.files() == ["temp/target", "temp/young-link"]
    assert (report.removed, report.total("links"), report.total("scanned")) == (0, 3, 1)
    assert (outside / "precious").exists()


def test_special_files_stay_and_keep_their_directory(storage: Storage) -> None:
    for path in ("temp/a/fifo", "temp/b/old"):
        storage.file(path)
    storage.path("temp/a/fifo").unlink()
    os.mkfifo(storage.path("temp/a/fifo"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(storage.path("temp/socket")))
    for path in ("temp/a/fifo", "temp/socket", "temp/a"):
        set_age(storage.path(path), "400d", now=storage.now())
    plan = storage.engine.plan()
    assert {area.area: area.special for area in plan.areas if area.special} == {"temp": 2}
    for _ in range(2):  # read now, known from the index next time
        report = storage.engine.cleanup()
        assert storage.files() == ["temp/a/fifo", "temp/socket"]
        assert (report.total("special"), report.total("scanned") - report.removed) == (2, 0)
        storage.tick()


@pytest.mark.parametrize(
    "name", ["new\nline", "x" * 255, "byte\udcff", " ", "-rf", "\udc80" * 255, "'\"\\", "*"]
)
def test_odd_names_are_ordinary(storage: Storage, name: str) -> None:
    storage.file(f"temp/{name}/{name}")
    storage.file(f"temp/{name}/young", age="1h")
    plan = storage.engine.plan()
    assert [file.path for file in storage.engine.files(plan)] == [f"temp/{name}/{name}"]
    report = storage.engine.cleanup()
    assert storage.files() == [f"temp/{name}/young"]
    assert [file.path for file in storage.engine.run_files(report.run)] == [f"temp/{name}/{name}"]


def test_a_file_with_more_names_frees_nothing_before_its_last_one_goes(storage: Storage) -> None:
    first = storage.file("temp/first", content=bytes(8192))
    os.link(first, storage.path("uploads/second"))
    set_age(first, "3d", now=storage.now())
    report = storage.engine.cleanup()
    assert (report.removed, report.total("bytes"), report.total("freed")) == (1, 8192, 0)
    storage.tick("30d")
    report = storage.engine.cleanup()
    assert (report.removed, report.total("bytes")) == (1, 8192)
    assert report.total("freed") >= 8192


def test_a_sparse_file_frees_what_it_took(storage: Storage) -> None:
    storage.file("temp/sparse", size=10**9)
    report = storage.engine.cleanup()
    assert report.total("bytes") == 10**9
    assert report.total("freed") < 10**6


def test_a_directory_with_more_files_than_are_read_at_once_is_emptied(storage: Storage) -> None:
    directory = storage.directory("temp/many")
    for number in range(5000):
        os.close(os.open(directory / str(number), os.O_CREAT | os.O_WRONLY))
    storage.file("temp/many/young", age="1h")
    storage.tick("2d")
    set_age(storage.path("temp/many/young"), "1h", now=storage.now())
    report = storage.engine.cleanup(["temp"], batch_size=60)
    assert report.removed == 5000
    assert storage.files() == ["temp/many/young"]


# -- plans


def _snapshot(storage: Storage) -> dict[str, tuple[int, ...]]:
    """Everything about everything in a storage but the state and the times of reading."""
    found: dict[str, tuple[int, ...]] = {}
    for path in storage.base_path.rglob("*"):
        if not path.is_relative_to(storage.settings.state_path):
            status = path.lstat()
            found[str(path)] = (
                status.st_ino,
                status.st_mode,
                status.st_size,
                status.st_nlink,
                status.st_mtime_ns,
                status.st_ctime_ns,
            )
    return found


def test_a_plan_leaves_no_trace_but_the_index(storage: Storage) -> None:
    for area in ("temp", "frames", "outputs"):
        storage.file(f"{area}/a/b")
    storage.directory("temp/empty")
    before = _snapshot(storage)
    plan = storage.engine.plan()
    assert list(storage.engine.files(plan)) != []
    storage.engine.stats(refresh=True)
    storage.engine.history()
    storage.engine.totals()
    storage.engine.holder()
    assert _snapshot(storage) == before
    assert {path.name.partition(".")[0] for path in storage.settings.state_path.iterdir()} == {"index"}


def test_a_plan_is_what_a_cleanup_does(storage: Storage) -> None:
    for number in range(30):
        storage.file(f"temp/{number % 4}/{number}", age=f"{number}h", size=number)
    plan = storage.engine.plan()
    planned = {file.path: file.size for file in storage.engine.files(plan)}
    report = storage.engine.cleanup()
    removed = {file.path: file.size for file in storage.engine.run_files(report.run)}
    assert planned == removed
    assert (plan.files, plan.bytes, plan.scanned) == (report.removed, report.total("bytes"), 30)


def test_a_plan_is_carried_out_later_with_its_own_cutoffs(storage: Storage) -> None:
    storage.file("temp/a", age="2d")
    storage.file("temp/b", age="2d")
    storage.file("temp/c", age="23h")
    plan = storage.engine.plan()
    storage.tick("2h")
    set_age(storage.path("temp/b"), 0, now=storage.now())  # still in use
    report = storage.engine.execute(plan)
    assert storage.files() == ["temp/b", "temp/c"]  # c expired after the plan was made
    assert (report.plan, report.removed, report.total("scanned")) == (plan.id, 1, 3)


def test_a_plan_for_a_later_moment_shows_what_will_have_expired(storage: Storage) -> None:
    storage.file("temp/a", age="20h")
    assert storage.engine.plan().files == 0
    assert storage.engine.plan(at=storage.now() + 5 * 3600 * 10**9).files == 1


def test_cleaning_up_twice_is_cleaning_up_once(storage: Storage) -> None:
    for number in range(10):
        storage.file(f"temp/{number}/old", age="2d")
        storage.file(f"temp/{number}/young", age="1h")
    storage.engine.cleanup()
    before = _snapshot(storage)
    report = storage.engine.cleanup()
    assert _snapshot(storage) == before
    assert (report.removed, report.failed, report.total("scanned")) == (0, 0, 10)


def test_with_dry_runs_only_nothing_is_ever_removed(make_storage: MakeStorage) -> None:
    storage = make_storage(cleanup={"dry_run": True})
    storage.file("temp/a")
    plan = storage.engine.plan()
    assert plan.files == 1
    with pytest.raises(CleanupDisabled, match="dry_run"):
        storage.engine.cleanup()
    with pytest.raises(CleanupDisabled, match="dry_run"):
        storage.engine.execute(plan)
    assert storage.files() == ["temp/a"]


# -- what is told and remembered


def test_every_run_is_remembered_with_what_became_of_each_file(storage: Storage) -> None:
    storage.file("temp/a", size=3)
    storage.file("temp/b", size=4)
    report = storage.engine.cleanup()
    (record,) = storage.engine.history()
    assert (record.id, record.state, record.trigger, record.plan) == (
        report.run,
        "done",
        "program",
        report.plan,
    )
    assert record.report == report.as_json()
    files = {
        file.path: (file.result, file.reason, file.size) for file in storage.engine.run_files(report.run)
    }
    assert files == {
        "temp/a": (Result.REMOVED, Reason.EXPIRED, 3),
        "temp/b": (Result.REMOVED, Reason.EXPIRED, 4),
    }
    assert (storage.engine.totals().runs, storage.engine.totals().removed, storage.engine.totals().bytes) == (
        1,
        2,
        7,
    )
    with pytest.raises(UsageError, match="no run 99"):
        storage.engine.run(99)


def test_a_run_tells_what_it_does(storage: Storage) -> None:
    storage.file("temp/a/b")
    storage.engine.cleanup(["temp"])
    told = [event for event in storage.events if not type(event).__name__.startswith("DirectoriesScanned")]
    assert [type(event) for event in told] == [
        RunBegun,
        RunStarted,
        BatchFinished,
        DirectoryPruned,
        AreaFinished,
        RunFinished,
    ]


def test_a_listener_that_fails_breaks_no_run(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event: Event) -> None:
        raise ZeroDivisionError

    storage.file("temp/a")
    type(storage.engine)(storage.settings, listeners=[fail]).cleanup()
    assert storage.files() == []
    assert sum("a listener failed" in record.message for record in caplog.records) == 1


def test_a_run_that_is_asked_to_stop_does_so_at_its_next_batch(storage: Storage) -> None:
    for number in range(50):
        storage.file(f"temp/{number:02}", age="2d")
    stop = threading.Event()

    def stop_after_the_first_batch(event: Event) -> None:
        if isinstance(event, BatchFinished):
            stop.set()

    engine = type(storage.engine)(storage.settings, listeners=[stop_after_the_first_batch], clock=storage.now)
    report = engine.cleanup(batch_size=10, stop=stop)
    assert (report.state, report.removed) == ("stopped", 10)
    assert len(storage.files()) == 40
    assert len(list(engine.run_files(report.run))) == 10
    assert engine.history()[0].state == "stopped"
    report = storage.engine.cleanup()
    assert (report.state, report.removed, report.total("scanned")) == ("done", 40, 40)


def test_a_run_that_is_stopped_before_it_began_removes_nothing(storage: Storage) -> None:
    storage.file("temp/a")
    stop = threading.Event()
    stop.set()
    report = storage.engine.cleanup(stop=stop)
    assert (report.state, report.removed) == ("stopped", 0)
    assert storage.files() == ["temp/a"]


@pytest.mark.anyio
async def test_the_async_twins_do_the_same(storage: Storage) -> None:
    storage.file("temp/a")
    storage.file("temp/b")
    plan = await storage.engine.aplan(["temp"])
    assert plan.files == 2
    assert (await storage.engine.aexecute(plan)).removed == 2
    storage.file("temp/c")
    assert (await storage.engine.acleanup()).removed == 1
    assert (await storage.engine.astats(refresh=True)).files == 0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_what_the_engine_makes_only_the_owner_can_read(storage: Storage) -> None:
    storage.engine.cleanup()
    assert stat.S_IMODE(storage.settings.state_path.stat().st_mode) == 0o700


# -- changes between the look and the removal


def _during(storage: Storage, change: object) -> int:
    """Clean up, with `change` between two batches of one file each; return how many were removed."""
    done: list[str] = []

    def interfere(event: Event) -> None:
        if isinstance(event, BatchFinished) and not done:
            done.append(event.outcomes[0].name)
            assert callable(change)
            change("2" if done[0] == "1" else "1")

    engine = type(storage.engine)(storage.settings, listeners=[interfere], clock=storage.now)
    return engine.cleanup(["temp"], batch_size=1).removed


def test_what_is_made_younger_meanwhile_stays(storage: Storage) -> None:
    for name in ("1", "2"):
        storage.file(f"temp/x/{name}")
    assert _during(storage, lambda other: os.utime(storage.path(f"temp/x/{other}"))) == 1
    assert len(storage.files()) == 1


def test_what_is_replaced_meanwhile_stays(storage: Storage) -> None:
    for name in ("1", "2"):
        storage.file(f"temp/x/{name}")
    storage.file("uploads/new", age="2d")
    assert (
        _during(storage, lambda other: storage.path("uploads/new").rename(storage.path(f"temp/x/{other}")))
        == 1
    )
    assert len(storage.files()) == 1
    assert storage.engine.cleanup(["temp"]).removed == 1  # by its own age, once it was listed


def test_what_is_added_meanwhile_is_found_by_the_next_run(storage: Storage) -> None:
    """Its directory was removed from: the index does not trust what it knows of it."""
    for name in ("1", "2"):
        storage.file(f"temp/x/{name}")
    _during(storage, lambda _: storage.file("temp/x/added", age="9d"))
    storage.tick()
    storage.engine.cleanup()
    assert storage.files() == []


def test_a_directory_that_was_not_read_to_its_end_counts_as_read_when_it_was(storage: Storage) -> None:
    """A file became younger, but not by an hour: by the index it is due, and by now it is not."""
    hour = 3600 * 10**9
    at = storage.now() // hour * hour
    file, other = storage.file("temp/x/a"), storage.file("temp/x/b")
    os.utime(file, ns=(at, at + 1))
    os.utime(other, ns=(at, at + hour))
    storage.tick()
    storage.engine.refresh()
    listed = _row(storage, "x/").listed
    os.utime(file, ns=(at, at + hour // 2))
    storage.ahead += at + 24 * hour + hour // 4 - storage.now()

    assert storage.engine.cleanup(["temp"]).removed == 0
    row = _row(storage, "x/")
    assert (row.listed, row.state) == (listed, RowState.OK)  # the rolling re-scan is still due when it was


def _row(storage: Storage, path: str) -> Row:
    with open_records(storage.settings).read_index() as index:
        assert index is not None
        root = index.find("temp")
        assert root is not None
        row = index.row(root, path)
    assert row is not None
    return row


def test_a_directory_that_is_moved_out_of_the_area_meanwhile_is_left_alone(storage: Storage) -> None:
    for name in ("1", "2"):
        storage.file(f"temp/x/{name}")
    assert _during(storage, lambda _: storage.path("temp/x").rename(storage.path("outputs/x"))) == 1
    assert len(storage.files()) == 1


def test_a_directory_that_is_replaced_by_a_link_meanwhile_is_left_alone(storage: Storage) -> None:
    for name in ("1", "2"):
        storage.file(f"temp/x/{name}")
        storage.file(f"outputs/precious/{name}")

    def swap(_: str) -> None:
        storage.path("temp/x").rename(storage.path("outputs/x"))
        storage.path("temp/x").symlink_to("../outputs/precious")

    assert _during(storage, swap) == 1
    assert len([path for path in storage.files() if path.startswith("outputs/precious/")]) == 2
