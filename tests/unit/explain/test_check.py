import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shelflife import Engine, Settings, ShelflifeError
from shelflife.explain import check as module
from shelflife.explain.check import Finding, Level
from shelflife.testing import MakeStorage, Storage
from tests.integration.engine.users import needs_root
from tests.integration.engine.volumes import REFUSING, mounted


def found(storage: Storage, check: str) -> Finding:
    return next(finding for finding in storage.engine.check() if finding.check == check)


def test_a_fresh_storage_is_well_and_nothing_is_made(storage: Storage) -> None:
    before = sorted(os.walk(storage.base_path))
    findings = storage.engine.check()
    assert [finding for finding in findings if finding.level is Level.ERROR] == []
    assert {f"area {name}" for name in storage.settings.areas} <= {finding.check for finding in findings}
    assert sorted(os.walk(storage.base_path)) == before


def test_a_storage_that_was_cleaned_says_when(storage: Storage) -> None:
    storage.engine.cleanup()
    assert found(storage, "schedule").message.startswith("the last run ended 0 seconds ago")
    assert found(storage, "index").message.startswith("as of ")
    assert found(storage, "journal").message == "readable"


def test_a_missing_base_path_is_an_error_and_ends_the_check(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d"})
    storage.path("uploads").rmdir()
    storage.base_path.rmdir()
    findings = storage.engine.check()
    assert findings[-1].check == "base path"
    assert findings[-1].level is Level.ERROR
    assert "shelflife init" in findings[-1].message


def test_a_missing_area_is_an_error_with_the_way_out(storage: Storage) -> None:
    storage.path("uploads").rmdir()
    assert found(storage, "area uploads").level is Level.ERROR
    assert "shelflife init" in found(storage, "area uploads").message


def test_an_area_that_is_a_link_is_an_error(storage: Storage) -> None:
    storage.path("uploads").rmdir()
    storage.path("uploads").symlink_to(storage.path("outputs"))
    assert found(storage, "area uploads").level is Level.ERROR


def test_another_mode_is_a_warning(storage: Storage) -> None:
    storage.path("uploads").chmod(0o700)
    assert found(storage, "area uploads").level is Level.WARNING
    assert "mode 700" in found(storage, "area uploads").message


def _on(volume: Path, **others: object) -> list[Finding]:
    areas = {"rec": {"retention": "7d", "trash": "1d"}, "jobs": {"retention": "7d", "expire": "directory"}}
    engine = Engine(Settings.build(base_path=volume, areas=areas, **others))
    engine.create()
    before = sorted(os.walk(volume))
    findings = engine.check(trying=True)
    assert sorted(os.walk(volume)) == before
    return findings


@needs_root
@pytest.mark.parametrize("kind", REFUSING)
def test_all_that_is_to_be_known_of_a_file_system_is_told_and_nothing_hides_anything(
    tmp_path: Path, kind: str
) -> None:
    with mounted(kind, tmp_path / "volume") as volume:
        (volume / "rec").mkdir(mode=0o777)
        (volume / "rec").chmod(0o777)
        findings = _on(volume, state_dir=tmp_path / "state")
    told = [finding.message for finding in findings if finding.check == "area rec"]
    assert {finding.level for finding in findings if finding.check == "area rec"} == {Level.WARNING}
    for words in ("mode 777", "do not prove", "by another way"):
        assert len([message for message in told if words in message]) == 1
    assert [finding for finding in findings if finding.level is Level.ERROR] == []


@needs_root
def test_units_of_a_lower_layer_are_told_of(tmp_path: Path) -> None:
    with mounted("overlay", tmp_path / "volume") as volume:
        findings = _on(volume)
    (told,) = [finding for finding in findings if finding.check == "area jobs"]
    assert told.level is Level.WARNING
    assert "cannot be renamed" in told.message


@needs_root
@pytest.mark.parametrize("kind", REFUSING)
def test_records_on_what_may_be_shared_are_an_error_and_none_are_made(tmp_path: Path, kind: str) -> None:
    with mounted(kind, tmp_path / "volume") as volume:
        (told,) = [finding for finding in _on(volume) if finding.level is Level.ERROR]
        assert told.check == "state directory"
        assert f"it is on fuse.{kind}" in told.message or "it is on fuse" in told.message
        assert "state_dir" in told.message
        engine = Engine(Settings.build(base_path=volume, areas={"rec": "7d"}))
        for use in (engine.plan, engine.cleanup, engine.refresh, lambda: engine.hold(volume / "rec")):
            with pytest.raises(ShelflifeError, match="set `state_dir` to a directory on a disk"):
                use()
        assert not (volume / ".shelflife").exists()


def test_a_kernel_without_openat2_is_a_warning(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("shelflife.files.kernel.openat2", missing)
    assert any(finding.check == "kernel" and finding.level is Level.WARNING for finding in module._kernel())


def test_a_broken_journal_is_an_error(storage: Storage) -> None:
    storage.engine.cleanup()
    storage.settings.state_path.joinpath("journal.db").write_bytes(b"not a database" * 1000)
    assert found(storage, "journal").level is Level.ERROR


@contextmanager
def held(storage: Storage, *, silent_for: timedelta) -> Iterator[None]:
    """Hold the lock as a process that made no progress for some time."""
    storage.engine.cleanup()
    beat = (datetime.now(UTC) - silent_for).isoformat()
    holder = {"pid": 7, "host": "elsewhere", "since": beat, "heartbeat": beat, "task": "cleanup by schedule"}
    fd = os.open(storage.settings.state_path / "lock", os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.pwrite(fd, json.dumps(holder).encode().ljust(512), 0)
        yield
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("silent_for", "level"), [(timedelta(seconds=2), Level.OK), (timedelta(hours=1), Level.ERROR)]
)
def test_a_holder_of_the_lock_is_named_and_is_stuck_without_a_sign_of_life(
    storage: Storage, silent_for: timedelta, level: Level
) -> None:
    with held(storage, silent_for=silent_for):
        finding = found(storage, "lock")
    assert finding.level is level
    assert "pid 7 on elsewhere" in finding.message


def test_a_run_that_should_have_been_is_missed(storage: Storage) -> None:
    storage.engine.cleanup()
    storage.tick("3d")
    assert found(storage, "schedule").level is Level.WARNING
    assert "is the service running?" in found(storage, "schedule").message


def test_a_clock_before_the_last_run_is_a_warning(storage: Storage) -> None:
    storage.tick("30d")
    storage.engine.cleanup()
    storage.ahead = 0
    assert "look at the clock" in found(storage, "schedule").message


@pytest.mark.parametrize(
    ("cleanup", "check"), [({"enabled": False}, "schedule"), ({"dry_run": True}, "settings")], ids=str
)
def test_a_switch_that_stops_cleanups_is_a_warning(
    make_storage: MakeStorage, cleanup: dict[str, bool], check: str
) -> None:
    storage = make_storage({"uploads": "7d"}, cleanup=cleanup)
    assert found(storage, check).level is Level.WARNING
