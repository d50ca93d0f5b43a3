from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shelflife.errors import CleanupBusy, StorageError
from shelflife.records.state import Owner, StateDirectory
from shelflife.run import lock as module
from shelflife.run.lock import Holder, cleanup_lock, holder_of, wait_for_batch
from tests.integration.engine.users import common_directory, ordinary_user

_HOLD = """
import sys
import threading
from pathlib import Path
from shelflife.run.lock import cleanup_lock
from shelflife.records.state import Owner, StateDirectory
base = Path(sys.argv[1])
state = StateDirectory(base / ".shelflife", base / ".shelflife", Owner.of(base))
with cleanup_lock(state, "cleanup by test"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / ".shelflife", tmp_path / ".shelflife", Owner.of(tmp_path))


@contextmanager
def _held_elsewhere(state: StateDirectory) -> Iterator[subprocess.Popen[str]]:
    """Hold the lock in another process."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(state.home.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_lock_says_who_holds_it(state: StateDirectory) -> None:
    assert holder_of(state) is None
    before = datetime.now(UTC)
    with cleanup_lock(state, "cleanup by cli"):
        holder = holder_of(state)
        assert holder is not None
        assert (holder.pid, holder.host, holder.task) == (os.getpid(), socket.gethostname(), "cleanup by cli")
        assert before <= holder.since <= holder.heartbeat <= datetime.now(UTC)
        assert f"pid {os.getpid()} on " in str(holder)
    assert holder_of(state) is None


def test_a_second_cleanup_of_this_process_is_refused(state: StateDirectory) -> None:
    with (
        cleanup_lock(state, "first"),
        pytest.raises(CleanupBusy) as caught,
        cleanup_lock(state, "second"),
    ):
        pass
    assert caught.value.holder is not None
    assert caught.value.holder.pid == os.getpid()
    with cleanup_lock(state, "third"):
        pass


def test_a_cleanup_of_another_process_is_told_with_its_holder(state: StateDirectory) -> None:
    with _held_elsewhere(state) as process:
        with (
            pytest.raises(CleanupBusy, match=f"process {process.pid} on") as caught,
            cleanup_lock(state, "x"),
        ):
            pass
        holder = holder_of(state)
    assert holder is not None
    assert holder.pid == process.pid
    assert caught.value.holder == holder


def test_the_lock_of_a_killed_holder_is_free_at_once(state: StateDirectory) -> None:
    with _held_elsewhere(state) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert holder_of(state) is None
        with cleanup_lock(state, "next"):
            pass


def test_whoever_signs_off_leaves_no_name(state: StateDirectory) -> None:
    with cleanup_lock(state, "x"):
        size = state.lock.stat().st_size
    assert state.lock.read_bytes()[:512].strip() == b""
    assert state.lock.stat().st_size == size


def test_a_heartbeat_is_written_once_a_second_at_the_most(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with cleanup_lock(state, "x") as lock:
        first = state.lock.read_bytes()
        now += 0.9
        lock.beat()
        assert state.lock.read_bytes() == first
        now += 0.2
        lock.beat()
        second = state.lock.read_bytes()
    assert second != first
    assert len(second) == len(first)
    assert json.loads(second[:512])["heartbeat"] > json.loads(first[:512])["heartbeat"]


@pytest.mark.parametrize(("silent", "stuck"), [(0, False), (300, False), (301, True)])
def test_a_holder_without_progress_is_stuck(silent: int, stuck: bool) -> None:
    now = datetime.now(UTC)
    holder = Holder(pid=1, host="h", since=now, heartbeat=now - timedelta(seconds=silent), task="t")
    assert holder.is_stuck(now, 300) is stuck


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 7}', b"\xff" * 512, b"{}".ljust(512)])
def test_a_lock_that_cannot_be_read_is_held_all_the_same(state: StateDirectory, content: bytes) -> None:
    with cleanup_lock(state, "x"):
        state.lock.write_bytes(content)
        with pytest.raises(CleanupBusy, match="process is unknown") as caught, cleanup_lock(state, "y"):
            pass
        assert caught.value.holder is None


def test_a_child_that_is_forked_meanwhile_does_not_keep_the_lock(state: StateDirectory) -> None:
    script = f"""
import os, sys
from pathlib import Path
from shelflife.errors import CleanupBusy
from shelflife.run.lock import cleanup_lock
from shelflife.records.state import Owner, StateDirectory
base = Path({str(state.home.parent)!r})
state = StateDirectory(base / ".shelflife", base / ".shelflife", Owner.of(base))
with cleanup_lock(state, "parent"):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    try:
        with cleanup_lock(state, "too early"):
            sys.exit("not locked")
    except CleanupBusy:
        pass
with cleanup_lock(state, "again"):
    print("free")
os.close(writer)
os.waitpid(child, 0)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "free\n"


def test_without_permission_there_is_no_lock_and_so_no_cleanup() -> None:
    with common_directory() as base, ordinary_user():
        state = StateDirectory(base / ".shelflife", base / ".shelflife", Owner.of(base))
        base.chmod(0o500)
        with pytest.raises(StorageError, match="Permission denied"), cleanup_lock(state, "x"):
            pass
        assert holder_of(state) is None
        base.chmod(0o700)


@pytest.mark.parametrize(("silent", "told"), [(60, False), (750, True)])
def test_whoever_finds_the_lock_taken_is_told_when_its_holder_looks_frozen(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, silent: int, told: bool
) -> None:
    later = time.time_ns() + silent * 10**9
    with cleanup_lock(state, "cleanup by cli"):
        monkeypatch.setattr("shelflife.clock.now", lambda: later)
        with pytest.raises(CleanupBusy) as busy, cleanup_lock(state, "cleanup by schedule"):
            pass
    assert ("no sign of life for 12 minutes: look at that process" in str(busy.value)) is told


def test_nothing_is_in_hand_where_nobody_has_the_lock(state: StateDirectory) -> None:
    assert wait_for_batch(state, patience=0)  # nor where there is none yet
    with cleanup_lock(state, "a test") as lock, lock.batch():
        pass
    assert wait_for_batch(state, patience=0)


def test_a_batch_that_is_in_hand_is_waited_for_and_one_that_begins_later_is_not(
    state: StateDirectory,
) -> None:
    with cleanup_lock(state, "a test") as lock:
        assert wait_for_batch(state, patience=0)
        with lock.batch():
            assert not wait_for_batch(state, patience=0)
        assert wait_for_batch(state, patience=0)
        with lock.batch(), lock.batch():
            assert not wait_for_batch(state, patience=0)


def test_any_of_several_batches_in_hand_is_waited_for(state: StateDirectory) -> None:
    with cleanup_lock(state, "a test") as lock:
        first, second = lock.batch(), lock.batch()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert not wait_for_batch(state, patience=0)
        second.__exit__(None, None, None)
        assert wait_for_batch(state, patience=0)


def test_whoever_waits_goes_on_once_the_batch_has_ended_although_another_has_begun(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[bool] = []
    has_looked, counts = threading.Event(), module._counts

    def look(fd: int) -> list[int]:
        seen = counts(fd)
        has_looked.set()
        return seen

    monkeypatch.setattr(module, "_counts", look)
    with cleanup_lock(state, "a test") as lock:
        with lock.batch():
            waiting = threading.Thread(target=lambda: found.append(wait_for_batch(state, patience=60)))
            waiting.start()
            assert has_looked.wait(30)
        with lock.batch():
            waiting.join(30)
    assert found == [True]


def test_the_batch_of_a_holder_that_died_is_not_waited_for(state: StateDirectory) -> None:
    with cleanup_lock(state, "a test") as lock, lock.batch():
        content = state.lock.read_bytes()
    state.lock.write_bytes(content)  # as if it had ended in the middle
    assert wait_for_batch(state, patience=0)


def test_many_threads_have_a_batch_each_and_a_run_has_any_number_one_after_the_other(
    state: StateDirectory,
) -> None:
    with cleanup_lock(state, "a test") as lock:
        with ExitStack() as batches:
            for _ in range(64):
                batches.enter_context(lock.batch())
            assert not wait_for_batch(state, patience=0)
        for _ in range(200):
            with lock.batch():
                pass
        assert wait_for_batch(state, patience=0)
