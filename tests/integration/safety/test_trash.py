"""The trash: what goes there comes back as it was, over nothing, and is purged when its time is over."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shelflife import Engine, Settings, UsageError
from shelflife.errors import NeedsApproval, PartlyRestored
from shelflife.records.history import Trigger
from shelflife.testing import MakeStorage, Storage, set_age
from tests.integration.engine.users import needs_root

_DAY = 86_400 * 10**9


@pytest.fixture
def media(make_storage: MakeStorage) -> Storage:
    return make_storage({"media": {"retention": "7d", "trash": "3d"}})


def _units(make_storage: MakeStorage) -> Storage:
    return make_storage({"media": {"retention": "7d", "trash": "3d", "expire": "directory"}})


def _look(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    content = os.readlink(path) if path.is_symlink() else path.read_bytes()
    return content, status.st_mtime_ns, status.st_mode, status.st_uid, status.st_ino


def test_what_comes_back_is_the_same_file_with_content_mode_and_times(media: Storage) -> None:
    file = media.file("media/a/b/file", content=b"content", age="40d")
    link = media.path("media/a/link")
    link.symlink_to("b/file")
    set_age(link, "40d")
    file.chmod(0o640)
    media.path("media/a/b").chmod(0o750)
    before = [_look(file), _look(link)]
    report = media.engine.cleanup()
    assert (report.total("trashed"), report.total("links"), report.total("freed")) == (1, 1, 0)
    assert not media.path("media/a").exists()
    assert set(media.engine.restore("1")) == {"media/a/b/file", "media/a/link"}
    assert [_look(file), _look(link)] == before
    assert media.path("media/a/b").stat().st_mode & 0o7777 == 0o750
    assert not media.path("media/.trash").exists()


def test_what_waits_is_listed_with_where_it_was_and_until_when(media: Storage) -> None:
    media.file("media/a/file", size=7)
    now = media.now() // 10**9 * 10**9
    media.engine.cleanup()
    (file,) = media.engine.trash()
    assert (file.path, file.size, file.run) == ("media/a/file", 7, 1)
    assert now <= file.trashed <= media.now()
    assert file.until == file.trashed + 3 * _DAY
    assert media.path(file.place).is_file()


def test_it_is_purged_when_its_time_is_over_and_not_before(media: Storage) -> None:
    media.file("media/file")
    media.engine.cleanup()
    media.tick("71h")
    assert media.engine.cleanup().total("purged") == 0
    media.tick("1h")
    media.tick(1)
    report = media.engine.cleanup()
    assert (report.total("purged"), report.removed) == (1, 0)
    assert media.files() == []
    assert not media.path("media/.trash").exists()


@pytest.mark.parametrize("expire", ["file", "directory"])
def test_restore_never_overwrites_and_says_what_is_in_the_way(make_storage: MakeStorage, expire: str) -> None:
    storage = make_storage({"media": {"retention": "7d", "trash": "3d", "expire": expire}})
    file = storage.file("media/a/file", content=b"old")
    storage.engine.cleanup()
    storage.file("media/a/file", content=b"new", age=0)
    for target in ("media/a/file", "1"):
        with pytest.raises(UsageError, match="something of that name"):
            storage.engine.restore(str(storage.path(target)) if "/" in target else target)
    assert file.read_bytes() == b"new"
    restored = storage.engine.restore(str(file), to=str(storage.path("media/elsewhere/again")))
    assert restored == ["media/elsewhere/again"]
    assert storage.path("media/elsewhere/again").read_bytes() == b"old"
    assert file.read_bytes() == b"new"


def test_what_came_back_is_held_for_one_retention_unless_that_is_not_wanted(media: Storage) -> None:
    first, second = media.file("media/first"), media.file("media/second")
    media.engine.cleanup()
    media.engine.restore(str(first))
    media.engine.restore(str(second), hold=False)
    media.engine.cleanup()
    assert (first.exists(), second.exists()) == (True, False)
    (hold,) = media.engine.holds()
    assert hold.path == "media/first"
    media.tick("7d")
    media.tick(1)
    media.engine.cleanup()
    assert not first.exists()


def test_a_unit_goes_and_comes_back_as_a_whole(make_storage: MakeStorage) -> None:
    storage = _units(make_storage)
    files = [storage.file(f"media/unit/{name}") for name in ("a", "sub/b", "sub/deeper/c")]
    before = [_look(file) for file in files]
    assert storage.engine.cleanup().total("trashed") == 3
    assert storage.engine.restore(str(storage.path("media/unit"))) == ["media/unit"]
    assert [_look(file) for file in files] == before
    storage.engine.cleanup()
    assert [_look(file) for file in files] == before  # held for one retention


def test_a_directory_some_of_which_stayed_is_restored_by_its_run(media: Storage) -> None:
    gone = media.file("media/dir/gone")
    stayed = media.file("media/dir/stayed", age="1h")
    media.engine.cleanup()
    assert media.engine.restore("1") == ["media/dir/gone"]
    assert gone.exists()
    assert stayed.exists()


def test_a_run_comes_back_by_whole_directories_with_one_hold_and_replaces_nothing(
    make_storage: MakeStorage,
) -> None:
    storage = make_storage(areas={"media": {"retention": "7d", "trash": "30d"}}, index={"settle": 0})
    for path in ("a/sub/1", "a/sub/2", "a/3", "b/4", "b/5"):
        storage.file(f"media/{path}", age="40d")
    set_age(storage.path("media/b"), "40d")
    before = storage.path("media/b").stat()
    assert storage.engine.cleanup().total("trashed") == 5
    storage.file("media/a/3", age=0, content=b"new")
    with pytest.raises(PartlyRestored, match="media/a/3"):
        storage.engine.restore("1")
    assert storage.path("media/a/3").read_bytes() == b"new"
    after = storage.path("media/b").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    there = {path for path in storage.files() if ".trash" not in path}
    assert there == {f"media/{path}" for path in ("a/sub/1", "a/sub/2", "a/3", "b/4", "b/5")}
    (hold,) = storage.engine.holds()
    assert (hold.path, hold.run, hold.tree) == ("media", 2, False)
    assert storage.engine.cleanup().total("trashed") == 0


@pytest.mark.parametrize("target", ["directory", "run"])
def test_a_directory_that_is_there_gets_back_what_was_in_it_the_latest_of_each_name(
    media: Storage, target: str
) -> None:
    stays = media.file("media/dir/stays", age="1h")
    media.file("media/dir/a", content=b"first")
    media.file("media/dir/sub/b")
    media.engine.cleanup()
    media.tick("1h")
    media.file("media/dir/a", content=b"second")
    media.engine.cleanup()
    if target == "directory":
        restored = media.engine.restore(str(stays.parent))
        assert set(restored) == {"media/dir/a", "media/dir/sub/b"}
        assert media.path("media/dir/a").read_bytes() == b"second"
    else:
        assert set(media.engine.restore("1")) == {"media/dir/a", "media/dir/sub/b"}
        assert media.path("media/dir/a").read_bytes() == b"first"
    assert len(list(media.engine.trash())) == 1


def test_the_trash_of_an_area_that_became_indefinite_stays(make_storage: MakeStorage) -> None:
    storage = make_storage({"media": {"retention": "7d", "trash": "3d"}})
    storage.file("media/file")
    storage.engine.cleanup()
    storage.tick("90d")
    Engine(Settings.build(base_path=storage.base_path, areas={"media": -1}), clock=storage.now).cleanup()
    assert [file.path for file in storage.engine.trash()] == ["media/file"]


def test_with_the_program_and_its_state_gone_mv_brings_everything_back(media: Storage) -> None:
    files = [media.file(f"media/{name}", content=name.encode()) for name in ("a/b/1", "a/2", "new\nline")]
    before = [_look(file) for file in files]
    media.engine.cleanup()
    shutil.rmtree(media.engine.state.path)
    # as docs/safety.md says
    script = """
        cd "$1"
        for run in .trash/*-*; do
            (cd "$run" && find . -type d -print0) | xargs -0 mkdir -p --
            (cd "$run" && find . ! -type d -print0) | while IFS= read -r -d '' path; do
                mv -n -- "$run/$path" "$path"
            done
        done
    """
    subprocess.run(["bash", "-ec", script, "bash", media.path("media")], check=True)
    assert [_look(file) for file in files] == before


def test_a_trash_of_which_the_journal_knows_nothing_is_not_emptied_unasked(make_storage: MakeStorage) -> None:
    storage = make_storage({"media": {"retention": "7d", "trash": "30d"}})
    for number in range(30):
        storage.file(f"media/{number}")
    storage.engine.cleanup()
    shutil.rmtree(storage.engine.state.path)
    storage.tick("1h")
    areas = {"media": {"retention": "7d", "trash": 30}}  # typed for 30d
    engine = Engine(Settings.build(base_path=storage.base_path, areas=areas), clock=storage.now)
    with pytest.raises(NeedsApproval, match="in its trash"):
        engine.cleanup(trigger=Trigger.SCHEDULE)
    assert len(list(engine.trash())) == 30


def test_emptying_the_trash_is_a_run_of_its_own(media: Storage) -> None:
    media.file("media/old")
    media.engine.cleanup()
    media.tick("1d")
    media.file("media/late")
    media.engine.cleanup()
    report = media.engine.empty_trash(before=media.now() - _DAY // 2)
    assert report.total("purged") == 1
    assert [file.path for file in media.engine.trash()] == ["media/late"]
    assert media.engine.empty_trash().total("purged") == 1
    assert list(media.engine.trash()) == []
    assert [run.trigger for run in media.engine.history()] == ["trash", "trash", "program", "program"]


def test_a_trash_that_is_switched_off_is_emptied_of_what_is_expired_only(make_storage: MakeStorage) -> None:
    storage = make_storage({"media": {"retention": "7d", "trash": "3d"}})
    storage.file("media/10 days", age="10d")
    storage.file("media/40 days", age="40d")
    storage.engine.cleanup()
    storage.tick(2)
    settings = Settings.build(base_path=storage.base_path, areas={"media": "30d"})
    Engine(settings, clock=storage.now).cleanup()
    assert [file.path for file in storage.engine.trash()] == ["media/10 days"]


def test_what_is_not_ours_in_the_trash_stays(media: Storage) -> None:
    strange = media.file("media/.trash/notes/file")
    media.tick("90d")
    media.engine.cleanup()
    media.engine.empty_trash()
    assert strange.exists()


def test_a_link_where_the_trash_should_be_leads_nowhere(media: Storage, tmp_path: Path) -> None:
    file = media.file("media/file")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    media.path("media/.trash").symlink_to(elsewhere)
    report = media.engine.cleanup()
    assert (report.failed, report.total("trashed")) == (1, 0)
    assert file.exists()
    assert list(elsewhere.iterdir()) == []


def test_what_cannot_be_restored_says_why(media: Storage, tmp_path: Path) -> None:
    for target in ("media/never there", "7", "media"):
        with pytest.raises(UsageError, match="trash"):
            media.engine.restore(target if target == "7" else str(media.path(target)))
    with pytest.raises(UsageError):
        media.engine.restore(str(tmp_path))


@needs_root
def test_a_trash_on_another_volume_is_a_reported_failure_and_nothing_is_removed_instead(
    media: Storage, tmp_path: Path
) -> None:
    file = media.file("media/file")
    trash = media.directory("media/.trash")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", trash], check=True)
    try:
        report = media.engine.cleanup()
    finally:
        subprocess.run(["umount", trash], check=True)
    (failure,) = [found for area in report.areas for found in area.failures]
    assert (failure.errno, report.removed) == (errno.EXDEV, 0)
    assert file.exists()


@needs_root
def test_on_an_overlay_nothing_is_lost_either(make_storage: MakeStorage, tmp_path: Path) -> None:
    layers = {name: tmp_path / name for name in ("lower", "upper", "work", "merged")}
    for layer in layers.values():
        layer.mkdir()
    (layers["lower"] / "media/dir").mkdir(parents=True)
    for number in range(3):
        (layers["lower"] / f"media/dir/{number}").write_bytes(b"lower")
        set_age(layers["lower"] / f"media/dir/{number}", "40d")
    options = f"lowerdir={layers['lower']},upperdir={layers['upper']},workdir={layers['work']}"
    mounted = subprocess.run(["mount", "-t", "overlay", "-o", options, "none", layers["merged"]], check=False)
    if mounted.returncode != 0:
        pytest.skip("no overlay here")
    try:
        area = {"retention": "7d", "trash": "3d"}
        engine = Engine(Settings.build(base_path=layers["merged"], areas={"media": area}))
        report = engine.cleanup()
        found = [path for path in (layers["merged"] / "media").rglob("[012]") if path.is_file()]
        assert len(found) == 3
        assert report.total("trashed") + report.failed + report.total("kept") == 3
    finally:
        subprocess.run(["umount", layers["merged"]], check=True)
