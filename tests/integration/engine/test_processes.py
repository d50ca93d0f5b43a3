"""One storage, many users of it: threads, forks, other processes, other owners."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shelflife import CleanupBusy, Engine, RecordsError, Settings
from shelflife.testing import Storage, aged_file
from tests.integration.engine.users import NOBODY, common_directory, needs_root, ordinary_user

_CLEAN_UP = """
import sys
from shelflife import CleanupBusy, Engine, Settings

def wait(event):
    if type(event).__name__ == "BatchFinished" and sys.argv[2] == "wait":
        print("busy", flush=True)
        sys.stdin.readline()

engine = Engine(Settings.build(base_path=sys.argv[1], areas={"temp": "1d"}), listeners=[wait])
try:
    print("removed", engine.cleanup().removed, flush=True)
except CleanupBusy as error:
    print(error, flush=True)
"""


def _start(storage: Storage, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _CLEAN_UP, str(storage.base_path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_two_cleanups_at_once_the_second_is_told_who_is_busy(storage: Storage) -> None:
    storage.file("temp/a")
    with _start(storage, "wait") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "busy\n"
        holder = storage.engine.holder()
        assert holder is not None
        assert holder.pid == first.pid
        with pytest.raises(CleanupBusy, match=f"process {first.pid}"):
            storage.engine.cleanup()
        with _start(storage, "go on") as second:
            assert f"process {first.pid} on" in second.communicate()[0]
        assert storage.engine.plan(["temp"]).files == 0  # looking is never busy
        assert first.communicate("\n")[0] == "removed 1\n"
    assert storage.engine.cleanup().state == "done"
    assert [run.state for run in storage.engine.history()] == ["done", "done"]


def test_of_many_cleanups_at_once_every_file_goes_once(storage: Storage) -> None:
    for number in range(500):
        storage.file(f"temp/{number % 9}/{number}")
    processes = [_start(storage, "go on") for _ in range(5)]
    said = [process.communicate()[0] for process in processes]
    assert storage.files() == []
    removed = [int(line.split()[1]) for line in said if line.startswith("removed")]
    assert sum(removed) == 500
    assert all(line.startswith(("removed", "another cleanup")) for line in said)


def test_an_engine_is_used_from_eight_threads(storage: Storage) -> None:
    for number in range(40):
        storage.file(f"temp/{number}/old")
        storage.file(f"temp/{number}/young", age="1h")
    engine = storage.engine

    def work(number: int) -> int:
        match number % 4:
            case 0:
                return engine.plan().scanned
            case 1:
                return engine.stats(refresh=True).files
            case 2:
                return len(engine.history())
        try:
            return engine.cleanup().failed
        except CleanupBusy:
            return 0

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(48)))
    report = engine.cleanup()
    assert (report.total("scanned"), report.failed) == (40, 0)
    assert len(storage.files()) == 40
    assert engine.totals().removed == 40


def test_an_engine_is_used_before_and_after_a_fork(storage: Storage) -> None:
    script = f"""
import os
from shelflife import Engine, Settings
engine = Engine(Settings.build(base_path={str(storage.base_path)!r}, areas={{"temp": "1d"}}))
assert engine.plan().files == 2
child = os.fork()
report = engine.cleanup if child == 0 else engine.plan
report()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert engine.plan().files == 0
assert engine.totals().removed == 2
"""
    storage.file("temp/a")
    storage.file("temp/b")
    subprocess.run([sys.executable, "-c", script], check=True)
    assert storage.files() == []


def test_an_engine_opens_nothing_before_it_is_asked(storage: Storage) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    engine = storage.engine
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert not storage.settings.state_path.exists()
    for use in (engine.plan, engine.cleanup, engine.stats, engine.history, engine.totals, engine.holder):
        use()
    assert sorted(os.listdir("/proc/self/fd")) == before


# -- several owners


def _engine(base: Path) -> Engine:
    for area in ("temp", "outputs"):
        (base / area).mkdir(exist_ok=True)
    return Engine(Settings.build(base_path=base, areas={"temp": "1d", "outputs": -1}))


@needs_root
def test_after_root_was_first_the_owner_of_the_storage_goes_on() -> None:
    with common_directory() as base:
        with ordinary_user():
            engine = _engine(base)
            aged_file(base / "temp/a")
        assert engine.cleanup().removed == 1
        engine.refresh()
        for path in (engine.settings.state_path, *engine.settings.state_path.rglob("*")):
            assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY), path
        assert stat.S_IMODE(engine.settings.state_path.stat().st_mode) == 0o700
        with ordinary_user():
            aged_file(base / "temp/b")
            assert engine.cleanup().removed == 1
            assert len(engine.history()) == 2
            assert engine.stats().complete


@needs_root
def test_who_may_not_write_the_state_can_still_look() -> None:
    """Only root can read the state: what there is on disk is seen, and what happened is not."""
    with common_directory() as base:
        engine = _engine(base)
        aged_file(base / "temp/a", size=7)
        os.chown(base, 0, 0)
        base.chmod(0o755)
        for area in ("temp", "outputs"):
            (base / area).chmod(0o755)
        assert engine.refresh() == {"temp": [], "outputs": []}
        with ordinary_user():
            plan = engine.plan()
            assert [file.path for file in engine.files(plan)] == ["temp/a"]
            assert engine.stats(refresh=True).bytes == 7
            assert engine.stats().complete is False
            assert engine.holder() is None
            with pytest.raises(RecordsError, match="Permission denied"):
                engine.history()


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o555])
def test_a_state_that_may_be_read_is_read(mode: int) -> None:
    with common_directory() as base:
        engine = _engine(base)
        aged_file(base / "temp/a", size=7)
        engine.cleanup()
        aged_file(base / "outputs/b", size=5)
        engine.refresh()
        os.chown(base, 0, 0)
        base.chmod(mode)
        state = engine.settings.state_path
        for path in (state, *state.rglob("*"), base / "temp", base / "outputs"):
            os.chown(path, 0, 0)
            path.chmod(mode if path.is_dir() else 0o444)
        with ordinary_user():
            assert engine.plan().scanned == 1
            assert (engine.stats().files, engine.stats().complete) == (1, True)
            assert engine.totals().removed == 1
            (run,) = engine.history()
            assert [file.path for file in engine.run_files(run.id)] == ["temp/a"]


@needs_root
def test_a_storage_on_a_read_only_mount_can_still_be_looked_at(storage: Storage) -> None:
    storage.file("temp/a")
    storage.engine.cleanup()
    storage.file("temp/b")
    base = str(storage.base_path)
    subprocess.run(["mount", "--bind", base, base], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", base], check=True)
        assert storage.engine.plan().files == 1
        assert storage.engine.totals().removed == 1
        assert len(storage.engine.history()) == 1
    finally:
        subprocess.run(["umount", base], check=True)
