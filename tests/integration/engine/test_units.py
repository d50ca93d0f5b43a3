"""Areas with `expire: directory`: each directory right below the area goes as one, or not at all."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shelflife import Settings
from shelflife.engine import Engine
from shelflife.events import BatchFinished, Event
from shelflife.files.kernel import rename_noreplace
from shelflife.files.removal import Result
from shelflife.testing import MakeStorage, Storage, aged_file, set_age
from tests.integration.engine.volumes import mounted


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    return make_storage({"frames": {"retention": "30d", "expire": "directory", "protect": ["*.keep"]}})


def _unit(storage: Storage, name: str, *, age: str = "40d", files: int = 3) -> Path:
    for number in range(files):
        storage.file(f"frames/{name}/deep/{number}", age=age, size=5)
    storage.file(f"frames/{name}/top", age=age, size=5)
    for directory in (f"frames/{name}/deep", f"frames/{name}"):
        set_age(storage.path(directory), age)
    return storage.path(f"frames/{name}")


def test_a_unit_goes_as_a_whole_by_its_newest_file(storage: Storage) -> None:
    _unit(storage, "old")
    _unit(storage, "young")
    storage.file("frames/young/deep/new", age="1d")
    storage.file("frames/loose-old")
    storage.file("frames/loose-young", age="1d")
    plan = storage.engine.plan()
    assert (plan.files, plan.bytes) == (5, 30)
    assert {file.path for file in storage.engine.files(plan)} == {
        "frames/loose-old",
        "frames/old/top",
        *(f"frames/old/deep/{number}" for number in range(3)),
    }
    report = storage.engine.cleanup()
    assert (report.removed, report.failed, report.total("kept")) == (5, 0, 6)
    assert sorted(os.listdir(storage.path("frames"))) == ["loose-young", "young"]
    assert len(storage.files()) == 6


def test_a_unit_that_was_unpacked_just_now_stays_however_old_its_files_are(storage: Storage) -> None:
    unit = _unit(storage, "unit")
    set_age(unit / "deep", 60)
    assert storage.engine.plan().files == 0
    assert storage.engine.cleanup().removed == 0
    set_age(unit / "deep", "40d")
    assert storage.engine.cleanup().removed == 4


def _protected(storage: Storage) -> None:
    storage.file("frames/unit/deep/down/a.keep")


def _keep_file(storage: Storage) -> None:
    storage.file("frames/unit/deep/.gitkeep")


def _fifo(storage: Storage) -> None:
    os.mkfifo(storage.path("frames/unit/deep/fifo"))


def _young_link(storage: Storage) -> None:
    storage.path("frames/unit/deep/link").symlink_to("0")


@pytest.mark.parametrize("member", [_protected, _keep_file, _fifo, _young_link])
def test_one_member_that_stays_keeps_all_of_a_unit(
    storage: Storage, member: Callable[[Storage], None]
) -> None:
    _unit(storage, "unit")
    member(storage)
    before = storage.files()
    assert storage.engine.plan().files == 0
    assert storage.engine.cleanup().removed == 0
    assert storage.files() == before


def test_an_empty_unit_goes_by_its_own_time(storage: Storage) -> None:
    storage.directory("frames/old/below", age="40d")
    set_age(storage.path("frames/old"), "40d", now=storage.now())
    storage.directory("frames/young", age="1d")
    storage.engine.cleanup()
    assert os.listdir(storage.path("frames")) == ["young"]


@pytest.mark.parametrize("name", ["new\nline", "x" * 255, "byte\udcff", "-rf", " "])
def test_units_with_odd_names_are_ordinary(storage: Storage, name: str) -> None:
    _unit(storage, name)
    assert storage.engine.cleanup().removed == 4
    assert os.listdir(storage.path("frames")) == []


def test_a_unit_without_a_trash_leaves_none_behind(storage: Storage) -> None:
    _unit(storage, "unit")
    report = storage.engine.cleanup()
    assert os.listdir(storage.path("frames")) == []
    paths = [file.path for file in storage.engine.run_files(report.run) if file.result is Result.REMOVED]
    assert len(paths) == len(set(paths)) == 4


# -- changes between the first look and the second


def _when_taken(
    monkeypatch: pytest.MonkeyPatch, before: Callable[[], None], after: Callable[[], None]
) -> None:
    """Do something right before, and right after, a unit is taken aside."""
    taken: list[str] = []

    def rename(source: int, name: str, target: int, new: str) -> None:
        if taken:
            real(source, name, target, new)
            return
        taken.append(name)
        before()
        real(source, name, target, new)
        after()

    real = rename_noreplace
    monkeypatch.setattr("shelflife.files.rename.rename_noreplace", rename)


def _nothing() -> None:
    pass


def _touch(storage: Storage, path: str) -> None:
    storage.file(f"frames/{path}", age=0)


def test_a_unit_that_gets_a_file_meanwhile_is_put_back(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _unit(storage, "unit")
    before = storage.files()
    _when_taken(monkeypatch, lambda: _touch(storage, "unit/new"), _nothing)
    report = storage.engine.cleanup()
    assert storage.files() == sorted([*before, "frames/unit/new"])
    assert (report.removed, report.total("displaced"), report.errors) == (0, 0, [])


def test_a_unit_that_gets_a_protected_file_meanwhile_is_put_back(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _unit(storage, "unit")
    _when_taken(monkeypatch, lambda: _protected(storage), _nothing)
    assert storage.engine.cleanup().removed == 0
    assert len(storage.files()) == 5


def test_a_unit_that_is_replaced_meanwhile_is_judged_anew(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _unit(storage, "unit")

    def replace() -> None:
        storage.path("frames/unit").rename(tmp_path / "away")
        _unit(storage, "unit", age="1d")

    _when_taken(monkeypatch, replace, _nothing)
    assert storage.engine.cleanup().removed == 0
    assert len(storage.files()) == 4
    assert len(list((tmp_path / "away").rglob("*"))) == 5


def test_a_unit_whose_name_is_taken_meanwhile_is_displaced_and_reported(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _unit(storage, "unit")
    _when_taken(
        monkeypatch,
        lambda: _touch(storage, "unit/new"),
        lambda: _touch(storage, "unit/other"),
    )
    report = storage.engine.cleanup()
    assert (report.removed, report.total("displaced")) == (0, 1)
    assert any("frames/unit" in error and "waits in" in error for error in report.errors)
    assert storage.path("frames/unit/other").exists()
    waiting = [path for path in storage.files() if path.startswith("frames/.trash/")]
    assert sorted(path.rpartition("unit/")[2] for path in waiting) == [
        "deep/0",
        "deep/1",
        "deep/2",
        "new",
        "top",
    ]
    monkeypatch.undo()
    storage.tick("400d")
    storage.engine.cleanup()  # what was displaced is never removed, however old it gets
    assert [path for path in storage.files() if path.startswith("frames/.trash/")] == waiting


def _files(storage: Storage, unit: str) -> list[str]:
    return [path for path in storage.files() if path.startswith(f"frames/{unit}/")]


def _after_the_first_batch(storage: Storage, act: Callable[[], object]) -> Engine:
    """An engine of the storage; something is done once when a part of a unit has gone."""
    done: list[Event] = []

    def listen(event: Event) -> None:
        if isinstance(event, BatchFinished) and not done:
            done.append(event)
            act()

    return type(storage.engine)(storage.settings, listeners=[listen], clock=storage.now)


def test_a_run_that_is_asked_to_stop_does_so_within_a_unit_and_the_next_one_completes_it(
    storage: Storage,
) -> None:
    for name in ("first", "second"):
        _unit(storage, name, files=20)
    stop = threading.Event()
    stopped = _after_the_first_batch(storage, stop.set).cleanup(batch_size=5, stop=stop)
    gone = stopped.removed
    assert (stopped.state, 0 < gone <= 5) == ("stopped", True)
    (other,) = set(os.listdir(storage.path("frames"))) - {".trash"}
    aside = [path for path in storage.files() if path.startswith("frames/.trash/")]
    assert (len(aside), len(_files(storage, other))) == (21 - gone, 21)
    assert storage.engine.stats().files == 21  # without another look at the disk

    stop.set()
    again = storage.engine.cleanup(stop=stop)  # stopped before it could go on with that
    assert (again.state, len(storage.files())) == ("stopped", 42 - gone)

    storage.engine.cleanup()
    assert storage.files() == []
    recorded = [file.path for run in storage.engine.history() for file in storage.engine.run_files(run.id)]
    assert len(set(recorded)) == 42


def test_a_unit_that_is_held_while_it_goes_is_put_back_with_what_is_left(storage: Storage) -> None:
    _unit(storage, "unit", files=20)
    engine = _after_the_first_batch(storage, lambda: storage.engine.hold(storage.path("frames")))
    report = engine.cleanup(batch_size=5)
    assert 0 < report.removed <= 5
    assert len(_files(storage, "unit")) == 21 - report.removed
    assert storage.engine.cleanup().removed == 0


# -- what cannot be renamed


@pytest.fixture
def lower(tmp_path: Path) -> Iterator[Callable[..., Storage]]:
    """Return what makes a storage of units in a lower layer of overlayfs, where no directory can be renamed."""
    for number in range(3):
        aged_file(tmp_path / f"volume.lower/frames/unit/deep/{number}")
    aged_file(tmp_path / "volume.lower/frames/unit/top")
    for directory in ("unit/deep", "unit"):
        set_age(tmp_path / "volume.lower/frames" / directory, "40d")
    with mounted("overlay", tmp_path / "volume") as volume:

        def make(**area: str) -> Storage:
            settings = {"retention": "30d", "expire": "directory", **area}
            return Storage(settings=Settings.build(base_path=volume, areas={"frames": settings}))

        yield make


def test_a_unit_that_cannot_be_renamed_goes_file_by_file(lower: Callable[..., Storage]) -> None:
    storage = lower()
    report = storage.engine.cleanup()
    assert (report.removed, report.failed, report.total("directories")) == (4, 0, 2)
    assert os.listdir(storage.path("frames")) == []
    went = [file.path for file in storage.engine.run_files(report.run) if file.result is Result.REMOVED]
    assert len(went) == len(set(went)) == 4


def test_of_a_unit_that_cannot_be_renamed_nothing_goes_unless_all_of_it_does(
    lower: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = lower()
    _when_taken(monkeypatch, lambda: _touch(storage, "unit/new"), _nothing)
    report = storage.engine.cleanup()
    assert (report.removed, report.failed, report.total("displaced")) == (0, 0, 0)
    assert len(_files(storage, "unit")) == 5


def test_what_of_a_unit_that_cannot_be_renamed_is_held_meanwhile_stays_and_is_still_known(
    lower: Callable[..., Storage],
) -> None:
    storage = lower()
    engine = _after_the_first_batch(storage, lambda: storage.engine.hold(storage.path("frames")))
    report = engine.cleanup(batch_size=1)
    assert report.removed == 1
    assert len(_files(storage, "unit")) == 3
    assert storage.engine.stats(refresh=True).files == 3


def test_a_unit_that_cannot_be_renamed_into_the_trash_is_a_failure(lower: Callable[..., Storage]) -> None:
    storage = lower(trash="3d")
    report = storage.engine.cleanup()
    assert (report.removed, report.total("trashed"), report.failed) == (0, 0, 1)
    assert [failure.errno for area in report.areas for failure in area.failures] == [errno.EXDEV]
    assert len(_files(storage, "unit")) == 4
