"""Holds win over everything: cleanup, units, purging – from the moment that `hold` returns."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shelflife import Engine, RecordsError, UsageError
from shelflife.events import BatchFinished, Event, RunStarted
from shelflife.testing import MakeStorage, Storage, set_age

_DAY = 86_400 * 10**9


@pytest.fixture
def media(make_storage: MakeStorage) -> Storage:
    return make_storage({"media": "7d"})


def _trash(make_storage: MakeStorage) -> Storage:
    return make_storage({"media": {"retention": "7d", "trash": "3d"}})


def _units(make_storage: MakeStorage, trash: str | int = 0) -> Storage:
    return make_storage({"media": {"retention": "7d", "expire": "directory", "trash": trash}})


def test_a_file_and_a_tree_that_are_held_stay_and_the_rest_goes(media: Storage) -> None:
    file, tree = media.file("media/a/file"), media.file("media/tree/deep/file")
    media.file("media/a/other")
    media.engine.hold(file, reason="court case")
    media.engine.hold(tree.parents[1])
    assert media.engine.plan().files == 1
    report = media.engine.cleanup()
    assert media.files() == ["media/a/file", "media/tree/deep/file"]
    assert (report.removed, report.total("kept")) == (1, 2)


def test_what_was_held_goes_once_the_hold_has_ended_and_the_history_knows(media: Storage) -> None:
    file, other = media.file("media/file"), media.file("media/other")
    media.engine.hold(file, until=media.now() + _DAY)
    media.engine.hold(other)
    media.tick("2d")
    assert [hold.path for hold in media.engine.holds()] == ["media/other"]
    media.engine.unhold(other)
    media.engine.cleanup()
    assert media.files() == []
    assert {hold.path for hold in media.engine.holds(ended=True)} == {"media/file", "media/other"}


def test_a_hold_survives_that_its_file_is_renamed(media: Storage) -> None:
    file = media.file("media/a/file")
    media.engine.hold(file)
    os.rename(file, media.directory("media/b") / "another name")
    media.engine.cleanup()
    assert media.files() == ["media/b/another name"]


@pytest.mark.parametrize("depth", [0, 1])
def test_a_hold_on_a_tree_survives_that_it_or_a_directory_above_it_is_renamed(
    media: Storage, depth: int
) -> None:
    tree = media.file("media/above/tree/deep/file").parents[1]
    media.engine.hold(tree)
    os.rename([tree, tree.parent][depth], media.path("media/elsewhere"))
    media.engine.cleanup()
    assert len(media.files()) == 1


def test_a_unit_stays_by_a_hold_on_a_member_that_was_renamed(make_storage: MakeStorage) -> None:
    storage = _units(make_storage)
    member = storage.file("media/unit/a")
    storage.file("media/unit/b")
    storage.engine.hold(member)
    os.rename(member, storage.path("media/unit/c"))
    set_age(storage.path("media/unit"), "40d")
    storage.engine.cleanup()
    assert storage.files() == ["media/unit/b", "media/unit/c"]


@pytest.mark.parametrize("what", ["media/unit", "media/unit/a", "media/unit/sub"])
@pytest.mark.parametrize("trash", [0, "3d"])
def test_a_unit_stays_whole_by_a_hold_on_it_or_anything_in_it(
    make_storage: MakeStorage, what: str, trash: str | int
) -> None:
    storage = _units(make_storage, trash)
    files = [storage.file(f"media/unit/{name}") for name in ("a", "b", "sub/c")]
    storage.engine.hold(storage.path(what))
    storage.engine.cleanup()
    assert all(file.exists() for file in files)


def test_a_hold_survives_that_the_index_is_lost(media: Storage) -> None:
    file = media.file("media/file")
    media.engine.hold(file)
    media.engine.cleanup()
    media.engine.state.index.unlink()
    media.engine.cleanup()
    assert file.exists()


def test_a_new_file_that_was_given_the_inode_of_a_held_one_is_not_held(media: Storage) -> None:
    held = media.file("media/held")
    media.engine.hold(held)
    inode = held.stat().st_ino
    held.unlink()
    for number in range(50):  # until the number is given again, which most file systems do at once
        new = media.file(f"media/new-{number}")
        if new.stat().st_ino == inode:
            break
    else:
        pytest.skip("this file system does not give inode numbers again")
    media.engine.cleanup()
    assert media.files() == []


def test_a_hard_link_to_what_is_held_is_held(media: Storage) -> None:
    file = media.file("media/file")
    os.link(file, media.path("media/second"))
    media.engine.hold(file)
    media.engine.cleanup()
    assert media.files() == ["media/file", "media/second"]


def test_what_is_in_no_area_or_is_not_there_cannot_be_held(media: Storage, tmp_path: Path) -> None:
    for path in (tmp_path, media.path("media/missing"), media.base_path):
        with pytest.raises(UsageError):
            media.engine.hold(path)
    with pytest.raises(UsageError, match="future"):
        media.engine.hold(media.file("media/file"), until=media.now())
    with pytest.raises(UsageError):
        media.engine.unhold(media.path("media/file"))


# -- the trash


@pytest.mark.parametrize(
    "what", ["former path", "former directory", "place", "directory in the trash", "run"]
)
def test_what_is_held_is_not_purged(make_storage: MakeStorage, what: str) -> None:
    storage = _trash(make_storage)
    file = storage.file("media/dir/file")
    if what == "former path":
        storage.engine.hold(file, until=storage.now() + 30 * _DAY)
        _without_hold_on_disk(storage)
    storage.engine.cleanup()
    (run,) = storage.path("media/.trash").iterdir()
    place = run / "dir/file"
    match what:
        case "former directory":
            _record(storage, "media/dir", tree=True)
        case "former path":
            _record(storage, "media/dir/file", tree=False)
        case "place":
            storage.engine.hold(place)
        case "directory in the trash":
            storage.engine.hold(place.parent)
        case "run":
            storage.engine.hold(run)
    storage.tick("10d")
    storage.engine.cleanup()
    storage.engine.empty_trash()
    assert place.exists()


def _without_hold_on_disk(storage: Storage) -> None:
    """Forget all holds, as if they had not been made yet."""
    with sqlite3.connect(storage.engine.state.journal) as connection:
        connection.execute("DELETE FROM hold")
    connection.close()


def _record(storage: Storage, path: str, *, tree: bool) -> None:
    """Write down a hold on a path where nothing is any more."""
    with sqlite3.connect(storage.engine.state.journal) as connection:
        connection.execute(
            "INSERT INTO hold (path, tree, area, created, reason) VALUES (?, ?, 'media', 0, '')",
            (path.encode(), tree),
        )
    connection.close()


def test_a_tree_that_is_held_while_the_trash_is_purged_stays_from_then_on(make_storage: MakeStorage) -> None:
    storage = _trash(make_storage)
    for number in range(10):
        storage.file(f"media/dir/{number}")
    storage.engine.cleanup()
    (place,) = storage.path("media/.trash").glob("*/dir")
    left: list[int] = []

    def hold(event: Event) -> None:
        if isinstance(event, BatchFinished) and not left:
            storage.engine.hold(place)
            left.append(len(os.listdir(place)))

    settings = storage.settings.replace(cleanup={"batch_size": 2})
    Engine(settings, listeners=[hold], clock=storage.now).empty_trash()
    assert left == [8]
    assert len(os.listdir(place)) == 8


# -- while a cleanup runs


@pytest.mark.parametrize("moment", [RunStarted, BatchFinished])
@pytest.mark.parametrize("tree", [False, True])
def test_a_hold_that_is_added_during_a_run_counts_from_the_next_batch_on(
    make_storage: MakeStorage, moment: type[Event], *, tree: bool
) -> None:
    storage = make_storage({"media": "7d"})
    for number in range(20):
        storage.file(f"media/dir/{number}")
    held: list[Path] = []

    def hold(event: Event) -> None:
        if isinstance(event, moment) and not held:
            held.append(next(storage.path("media/dir").iterdir()))
            storage.engine.hold(held[0].parent if tree else held[0])

    Engine(storage.settings, listeners=[hold], clock=storage.now).cleanup(batch_size=1)
    assert held[0].exists()


def _cleanups(engine: Engine, stop: threading.Event, fill: Callable[[], None]) -> None:
    while not stop.is_set():
        fill()
        engine.cleanup(batch_size=3)


@pytest.mark.parametrize(
    ("rounds", "expire"),
    [
        pytest.param(25, "file", id="files"),
        pytest.param(25, "directory", id="units"),
        pytest.param(1500, "file", id="files-long", marks=pytest.mark.slow),
        pytest.param(1500, "directory", id="units-long", marks=pytest.mark.slow),
    ],
)
def test_whatever_was_held_successfully_survives_the_running_cleanup(
    make_storage: MakeStorage, rounds: int, expire: str
) -> None:
    storage = make_storage({"media": {"retention": "7d", "expire": expire}})
    chance = random.Random(7)
    stop = threading.Event()
    filled = 0

    def fill() -> None:
        nonlocal filled
        filled += 1
        for number in range(30):
            storage.file(f"media/{filled}/{number}")

    cleaner = threading.Thread(target=_cleanups, args=(storage.engine, stop, fill))
    cleaner.start()
    held: list[Path] = []
    late = 0
    deadline = time.monotonic() + 100 + rounds
    try:
        while len(held) < rounds and time.monotonic() < deadline:
            path = storage.path(f"media/{filled}/{chance.randrange(30)}")
            try:
                storage.engine.hold(path)
            except UsageError:
                late += 1  # it was gone already, and we were told
            else:
                held.append(path)
    finally:
        stop.set()
        cleaner.join()
    lost = [path for path in held if not path.exists()]
    sys.stdout.write(f"{len(held)} held during cleanups, {late} too late and told so, {len(lost)} lost\n")
    assert len(held) == rounds
    assert not lost


def test_unknown_holds_remove_nothing(media: Storage) -> None:
    file = media.file("media/file")
    media.engine.cleanup()
    media.file("media/file")
    media.engine.state.journal.write_bytes(b"this is no database" * 1000)
    with pytest.raises(RecordsError):
        media.engine.cleanup()
    assert file.exists()


def test_a_file_that_is_held_and_was_renamed_is_not_counted_in_a_plan_and_stays(
    make_storage: MakeStorage,
) -> None:
    storage = make_storage({"frames": "30d"})
    for name in ("a/1", "a/2", "b/1"):
        storage.file(f"frames/{name}")
    storage.engine.hold(storage.path("frames/a/1"))
    storage.path("frames/a/1").rename(storage.path("frames/b/moved"))
    plan = storage.engine.plan()
    assert plan.files == 2
    assert {file.path for file in storage.engine.files(plan)} == {"frames/a/2", "frames/b/1"}
    assert storage.engine.cleanup().removed == 2
    assert storage.files() == ["frames/b/moved"]
