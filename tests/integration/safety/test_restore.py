"""Restoring: what went comes back as it was, over nothing, by one hold, however it is asked for."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shelflife import Engine, Selection, Settings, UsageError
from shelflife.events import BatchFinished, DirectoryRestored, Event
from shelflife.files.removal import Result
from shelflife.policy.verdict import Reason
from shelflife.testing import MakeStorage, Storage, aged_file, set_age
from tests.integration.engine.users import needs_root

_DAY = 86_400 * 10**9
_NAMES = ["a", "b", "new\nline", "byte\udcff", " ", "x" * 200]

directories = st.lists(st.sampled_from(["a", "b", "é", "d\n"]), max_size=3).map("/".join)
trees = st.dictionaries(
    st.tuples(directories, st.sampled_from(_NAMES)),
    st.sampled_from(["old", "old", "old", "young", "link", "second name"]),
    min_size=1,
    max_size=14,
)
quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture
def media(make_storage: MakeStorage) -> Storage:
    return make_storage({"media": {"retention": "7d", "trash": "30d"}}, index={"settle": 0})


def _grow(base: Path, tree: dict[tuple[str, str], str], now: int) -> None:
    """Make a tree: old and young files, links, files with a second name; modes and times of each its own."""
    first: Path | None = None
    for number, ((place, name), kind) in enumerate(tree.items()):
        path = base / "media" / place / name
        if any(parent.is_symlink() or parent.is_file() for parent in path.parents) or os.path.lexists(path):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "link":
            path.symlink_to(f"nowhere {number}")
            set_age(path, "40d", now=now)
        elif kind == "second name" and first is not None:
            path.hardlink_to(first)
        else:
            aged_file(path, age="1d" if kind == "young" else "40d", content=f"{number}".encode(), now=now)
            path.chmod(0o600 + number % 64)
            first = first or (path if kind == "old" else None)
    for number, (top, _, _) in enumerate(os.walk(base / "media", topdown=False)):
        os.chmod(top, 0o700 + number % 56)
        set_age(Path(top), 86_400 * (40 + number), now=now)


def _look(base: Path) -> dict[str, tuple[object, ...]]:
    """Return all that is in the area, but for its trash: what it is, and when it was changed."""
    found: dict[str, tuple[object, ...]] = {}
    for top, below, names in os.walk(base / "media"):
        if top == str(base / "media") and ".trash" in below:
            below.remove(".trash")
        for name in [*names, *below]:
            path = Path(top, name)
            status = path.lstat()
            content = os.readlink(path) if path.is_symlink() else path.is_file() and path.read_bytes()
            key = str(path.relative_to(base))
            who = (status.st_uid, status.st_gid)
            found[key] = (content, status.st_mtime_ns, status.st_mode, who)
            if not path.is_dir():
                found[key] += (status.st_ino, status.st_nlink)
    return found


@quick
@given(tree=trees, expire=st.sampled_from(["file", "directory"]), in_use=st.sampled_from(["check", "off"]))
def test_what_went_into_the_trash_and_came_back_is_as_it_was(
    tree: dict[tuple[str, str], str], expire: str, in_use: str
) -> None:
    now = 1_900_000_000 * 10**9
    with TemporaryDirectory() as directory:
        base = Path(directory) / "storage"
        area = {"retention": "7d", "trash": "30d", "expire": expire, "in_use": in_use}
        engine = Engine(
            Settings.build(base_path=base, areas={"media": area}, index={"settle": 0}), clock=lambda: now
        )
        engine.create()
        _grow(base, tree, now)
        before = _look(base)
        report = engine.cleanup()
        went = {path for path in before if not os.path.lexists(base / path)}
        if not report.total("trashed") + report.total("links"):
            assert _look(base) == before
            return
        back = engine.bring_back(Selection(runs=(report.run,)))
        after = _look(base)
        assert set(after) == set(before)
        for path, looked in before.items():
            stayed = os.path.isdir(base / path) and path not in went
            assert after[path] == looked or (stayed and after[path][2:] == looked[2:]), path
        assert (back.total("restored"), back.total("taken"), back.failed) == (
            report.total("trashed") + report.total("links"),
            0,
            0,
        )
        assert not (base / "media/.trash").exists()
        with pytest.raises(UsageError, match="nothing that run"):
            engine.bring_back(Selection(runs=(report.run,)))
        assert len(engine.holds()) == 1
        engine.cleanup()
        assert set(_look(base)) == set(before)


@quick
@given(tree=trees, changes=trees)
def test_a_restore_into_a_tree_that_changed_replaces_nothing_and_loses_nothing(
    tree: dict[tuple[str, str], str], changes: dict[tuple[str, str], str]
) -> None:
    now = 1_900_000_000 * 10**9
    with TemporaryDirectory() as directory:
        base = Path(directory) / "storage"
        area = {"retention": "7d", "trash": "30d"}
        engine = Engine(
            Settings.build(base_path=base, areas={"media": area}, index={"settle": 0}), clock=lambda: now
        )
        engine.create()
        _grow(base, tree, now)
        report = engine.cleanup()
        waiting = {file.path for file in engine.trash()}
        if not waiting:
            return
        _grow(base, changes, now)
        changed = _look(base)
        there = {path: looked for path, looked in changed.items() if not (base / path).is_dir()}
        back = engine.bring_back(Selection(runs=(report.run,)))
        after = _look(base)
        assert {path: after[path][:1] for path in there} == {path: one[:1] for path, one in there.items()}
        left = {file.path for file in engine.trash()}
        for path in waiting:
            blocked = path in changed or any(str(above) in there for above in Path(path).parents)
            assert (path in left) == blocked, path
            assert (path in left) != (path in after and path not in changed), path
        assert back.total("restored") + back.total("taken") == len(waiting)


def test_the_run_has_a_number_an_outcome_for_each_and_is_told_by_why(media: Storage) -> None:
    for path in ("dir/sub/a", "dir/sub/b", "half/old", "taken"):
        media.file(f"media/{path}")
    media.file("media/half/young", age="1d")
    media.engine.cleanup()
    media.file("media/taken", age=0)
    report = media.engine.bring_back(Selection(runs=(1,)))
    assert (report.run, report.total("restored"), report.total("taken")) == (2, 3, 1)
    run = media.engine.run(2)
    assert (run.trigger, run.state) == ("restore", "done")
    outcomes = {record.path: (record.result, record.reason) for record in media.engine.run_files(2)}
    assert outcomes == {
        "media/dir": (Result.RESTORED, Reason.RESTORED),
        "media/half/old": (Result.RESTORED, Reason.RESTORED),
        "media/taken": (Result.KEPT, Reason.NAME_TAKEN),
    }
    for path, said in (
        ("dir/sub/a", "restored with all of media/dir from the trash"),
        ("half/old", "It was restored from the trash"),
        ("taken", "could not: name taken"),
    ):
        told = " ".join(media.engine.why(str(media.path(f"media/{path}"))).sentences)
        assert said in told
        assert "un 2" in told


def test_a_restore_is_no_cleanup_that_the_totals_or_a_timer_would_count(media: Storage) -> None:
    media.file("media/a")
    media.engine.cleanup()
    before = media.engine.totals()
    media.tick("1d")
    media.engine.bring_back(Selection(runs=(1,)))
    assert media.engine.totals() == before


def test_one_hold_keeps_all_that_came_back_and_nothing_besides(media: Storage) -> None:
    for path in ("dir/a", "dir/b", "half/old", "other/old"):
        media.file(f"media/{path}")
    media.file("media/half/young", age="1d")
    media.file("media/other/young", age="1d")
    media.engine.cleanup()
    media.engine.bring_back(Selection(runs=(1,)))
    (hold,) = media.engine.holds()
    assert (hold.run, hold.path) == (2, "media")
    beside = [media.file(f"media/{path}") for path in ("half/beside", "beside", "new/file")]
    report = media.engine.cleanup()
    assert report.total("trashed") == len(beside)
    assert {path for path in media.files() if ".trash" not in path} == {
        f"media/{path}" for path in ("dir/a", "dir/b", "half/old", "half/young", "other/old", "other/young")
    }
    assert [ended.id for ended in media.engine.unhold("2")] == [hold.id]
    assert media.engine.cleanup().total("trashed") == 4


def test_the_next_cleanup_does_not_go_through_what_is_held_as_a_whole_file_by_file(media: Storage) -> None:
    for name in "ab":
        media.file(f"media/dir/{name}")
    media.engine.cleanup()
    media.engine.bring_back(Selection(runs=(1,)))
    media.tick("1h")
    report = media.engine.cleanup()
    assert (report.total("kept"), list(media.engine.run_files(report.run))) == (2, [])


def test_the_hold_ends_by_itself_after_one_retention(media: Storage) -> None:
    for name in "ab":
        media.file(f"media/{name}")
    media.engine.cleanup()
    media.engine.bring_back(Selection(runs=(1,)))
    media.tick("6d")
    assert media.engine.cleanup().total("trashed") == 0
    media.tick("1d")
    assert media.engine.cleanup().total("trashed") == 2


def test_a_single_file_is_held_wherever_it_is_moved_to(media: Storage) -> None:
    file = media.file("media/a")
    media.engine.cleanup()
    media.engine.restore(str(file))
    file.rename(media.path("media/moved"))
    media.engine.cleanup()
    assert media.path("media/moved").exists()


def test_what_is_not_to_be_held_is_not(media: Storage) -> None:
    media.file("media/a")
    media.engine.cleanup()
    media.engine.bring_back(Selection(runs=(1,)), hold=False)
    assert media.engine.holds() == []
    assert media.engine.cleanup().total("trashed") == 1


def test_where_nothing_could_come_back_nothing_is_held(media: Storage) -> None:
    media.file("media/a")
    media.engine.cleanup()
    media.file("media/a", age=0)
    assert media.engine.bring_back(Selection(runs=(1,))).total("taken") == 1
    assert media.engine.holds(ended=True) == []


def test_it_is_chosen_by_runs_paths_areas_and_times_together(make_storage: MakeStorage) -> None:
    area = {"retention": "7d", "trash": "30d"}
    storage = make_storage({"media": area, "others": area})
    for day in range(3):
        for place in ("media", "others"):
            for name in ("a", "b"):
                storage.file(f"{place}/{day}/{name}")
        storage.engine.cleanup()
        storage.tick("1d")
    now = storage.now()

    def chosen(selection: Selection) -> set[str]:
        return {one.file.path for one in storage.engine.would_bring_back(selection)}

    everything = {
        f"{place}/{day}/{name}" for place in ("media", "others") for day in range(3) for name in "ab"
    }
    of = [{path for path in everything if f"/{day}/" in path} for day in range(3)]
    assert chosen(Selection(runs=(1, 3))) == of[0] | of[2]
    assert chosen(Selection(areas=("others",))) == {path for path in everything if path.startswith("others")}
    assert chosen(Selection(since=now - 2 * _DAY - _DAY // 2)) == of[1] | of[2]
    assert chosen(Selection(until=now - 2 * _DAY - _DAY // 2)) == of[0]
    assert chosen(Selection(areas=("media",), until=now - _DAY - _DAY // 2)) == {
        f"media/{day}/{name}" for day in (0, 1) for name in "ab"
    }
    one = str(storage.path("media/1/a"))
    assert chosen(Selection(paths=(one, str(storage.path("others/2"))))) == {
        *("media/1/a", "others/2/a", "others/2/b"),
    }
    with pytest.raises(UsageError, match="in the trash"):
        chosen(Selection(runs=(1,), paths=(one,)))
    with pytest.raises(UsageError, match="say what"):
        Selection()
    report = storage.engine.bring_back(Selection(paths=(one,)))
    assert report.total("restored") == 1
    assert storage.path("media/1/a").exists()


def test_it_can_come_back_below_another_directory(media: Storage) -> None:
    for path in ("dir/a", "dir/b", "c"):
        media.file(f"media/{path}", content=path.encode())
    media.engine.cleanup()
    media.engine.bring_back(Selection(runs=(1,), into=str(media.path("media/back/here"))))
    assert media.path("media/back/here/dir/a").read_bytes() == b"dir/a"
    assert media.path("media/back/here/c").read_bytes() == b"c"
    assert not media.path("media/c").exists()


def test_of_several_that_were_there_the_latest_comes_back_and_the_others_wait(media: Storage) -> None:
    for content in (b"first", b"second"):
        media.file("media/dir/a", content=content)
        media.engine.cleanup()
        media.tick("1h")
    report = media.engine.bring_back(Selection(areas=("media",)))
    assert media.path("media/dir/a").read_bytes() == b"second"
    assert (report.total("restored"), report.total("taken")) == (1, 0)
    assert [file.run for file in media.engine.trash()] == [1]


def test_a_dry_run_tells_what_would_stay_and_changes_nothing(media: Storage) -> None:
    for name in "ab":
        media.file(f"media/{name}")
    media.engine.cleanup()
    media.file("media/a", age=0)
    before = media.files()
    found = {one.file.path: one.is_taken for one in media.engine.would_bring_back(Selection(runs=(1,)))}
    assert found == {"media/a": True, "media/b": False}
    assert (media.files(), len(media.engine.history())) == (before, 1)


def test_stopped_it_goes_on_with_the_same_call(make_storage: MakeStorage) -> None:
    storage = make_storage({"media": {"retention": "7d", "trash": "30d"}}, cleanup={"batch_size": 5})
    for number in range(40):
        storage.file(f"media/{number}")
    storage.engine.cleanup()
    stop = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, BatchFinished):
            stop.set()

    engine = Engine(storage.settings, listeners=(listen,), clock=storage.now)
    report = engine.bring_back(Selection(runs=(1,)), stop=stop)
    assert (report.state, report.total("restored")) == ("stopped", 5)
    again = storage.engine.bring_back(Selection(runs=(1,)))
    assert (again.state, again.total("restored")) == ("done", 35)
    assert sorted(hold.run or 0 for hold in storage.engine.holds()) == [2, 3]
    assert storage.engine.cleanup().total("trashed") == 0


def test_progress_counts_the_files_in_directories_that_come_back_as_one(media: Storage) -> None:
    for number in range(7):
        media.file(f"media/dir/{number}")
    media.engine.cleanup()
    told: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, DirectoryRestored):
            told.append(event.files)

    Engine(media.settings, listeners=(listen,), clock=media.now).bring_back(Selection(runs=(1,)))
    assert told == [7]


@needs_root
def test_a_trash_on_another_volume_is_told_and_nothing_moves(media: Storage) -> None:
    media.file("media/a")
    media.engine.cleanup()
    trash = media.path("media/.trash")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", trash], check=True)
    try:
        with pytest.raises(UsageError, match="volume of its own"):
            media.engine.bring_back(Selection(runs=(1,)))
    finally:
        subprocess.run(["umount", trash], check=True)
    assert media.engine.bring_back(Selection(runs=(1,))).total("restored") == 1


@needs_root
def test_what_cannot_be_renamed_to_another_volume_stays_and_says_why(media: Storage) -> None:
    media.file("media/dir/a")
    media.engine.cleanup()
    other = media.directory("media/other")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", other], check=True)
    try:
        report = media.engine.bring_back(Selection(runs=(1,), into=str(other)))
        (failure,) = [found for area in report.areas for found in area.failures]
        assert failure.errno == errno.EXDEV
        assert [file.path for file in media.engine.trash()] == ["media/dir/a"]
    finally:
        subprocess.run(["umount", other], check=True)
