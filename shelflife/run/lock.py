"""The lock: one cleanup at a time over one storage, from however many processes.

It is a flock(2) on a file in the state directory, so the kernel frees it the moment its holder dies. The file's
content says who holds it and when the holder last made progress; it is overwritten in place with the same
length, which needs no free block on a full disk. A holder without progress is reported as stuck, never overtaken
while it lives.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from shelflife import clock
from shelflife.clock import MINUTE
from shelflife.errors import CleanupBusy, StorageError
from shelflife.formats import format_age
from shelflife.records.kernel_locks import is_locked, locking, try_to_lock
from shelflife.records.state import NO_ROOM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.records.state import StateDirectory

_LENGTH: Final = 512
"""Bytes of the file, always."""

_HANDS: Final = 65
"""Batches that may be in hand at once: behind the text, the file has a count for each, odd while it is."""

_BEAT: Final = 1.0
"""Seconds between two heartbeats, at the least."""

_SILENT: Final = 5 * MINUTE
"""Nanoseconds without progress after which that is told to whoever finds the lock taken."""

_PAUSE: Final = 0.005
"""Seconds between two tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds the lock."""

    pid: int
    """Process id; means something on its host (or in its container) only."""

    host: str
    """Name of the host or container."""

    since: datetime
    """When it took the lock; aware, UTC."""

    heartbeat: datetime
    """When it last made progress; aware, UTC."""

    task: str
    """What it does."""

    def is_stuck(self, now: datetime, lock_timeout: float) -> bool:
        """Return whether it made no progress for `lock_timeout` seconds."""
        return (now - self.heartbeat).total_seconds() > lock_timeout

    def __str__(self) -> str:
        return (
            f"pid {self.pid} on {self.host}, since {self.since.isoformat(timespec='seconds')} ({self.task})"
        )


class Lock:
    """A lock that is held."""

    def __init__(self, fd: int | None, task: str) -> None:
        self._fd = fd
        self._task = task
        self._since = clock.as_datetime(clock.now())
        self._beaten = time.monotonic()
        start = clock.now() // 2 * 2  # even, and another number than any holder before had
        self._batches = [start] * _HANDS
        self._free = list(range(_HANDS))
        self._taking = threading.Lock()
        self._put(start.to_bytes(8, "big") * _HANDS, _LENGTH)
        self._write()

    def beat(self) -> None:
        """Say that progress was made; writes once a second at the most."""
        if time.monotonic() - self._beaten >= _BEAT:
            self._beaten = time.monotonic()
            self._write()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Surround a batch of removals: a count of its own in the lock file is odd meanwhile."""
        with self._taking:
            hand = self._free.pop()
        self._count(hand)
        try:
            yield
        finally:
            self._count(hand)
            with self._taking:
                self._free.append(hand)

    def _count(self, hand: int) -> None:
        self._batches[hand] += 1
        self._put(self._batches[hand].to_bytes(8, "big"), _LENGTH + 8 * hand)

    def sign_off(self) -> None:
        """Take the holder's name off; the next one writes its own."""
        self._put(b" " * _LENGTH, 0)

    def _write(self) -> None:
        holder = {
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "since": self._since.isoformat(),
            "heartbeat": clock.as_datetime(clock.now()).isoformat(),
            "task": self._task,
        }
        text = json.dumps(holder).encode()[: _LENGTH - 1]
        self._put(text.ljust(_LENGTH - 1) + b"\n", 0)

    def _put(self, content: bytes, offset: int) -> None:
        """Write into the lock's file, if there is one, and room for its first block."""
        if self._fd is not None:
            try:
                os.pwrite(self._fd, content, offset)
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise


@contextmanager
def cleanup_lock(state: StateDirectory, task: str) -> Iterator[Lock]:
    """Hold the lock of a storage. Raises CleanupBusy with its holder, StorageError when there can be no lock.

    What is locked is the base path itself, where its file system allows that, and the lock's file, which names
    the holder. The base path alone will do where the disk is so full that there is no room for the file.
    """
    with _lock_base(state), _lock_file(state) as fd:
        lock = Lock(fd, task)
        try:
            yield lock
        finally:
            lock.sign_off()


@contextmanager
def _lock_base(state: StateDirectory) -> Iterator[None]:
    base = state.home.parent
    try:
        fd = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"cannot lock {base}: {error.strerror}") from error
    with locking(fd):
        try:
            is_mine = try_to_lock(fd)
        except OSError:  # NFS locks no directories
            is_mine = True
        if not is_mine:
            raise _busy(_reader(state))
        yield


def _busy(holder: Holder | None) -> CleanupBusy:
    """Return the error for a lock that somebody holds; it says so if the holder looks frozen."""
    if holder is None:
        return CleanupBusy()
    age = clock.now() - clock.as_moment(holder.heartbeat)
    return CleanupBusy(holder, silent=format_age(age) if age > _SILENT else "")


@contextmanager
def _lock_file(state: StateDirectory) -> Iterator[int | None]:
    try:
        state.create_file(state.lock)
        fd = os.open(state.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise StorageError(f"cannot open the lock {state.lock}: {error.strerror}") from error
        yield None
        return
    with locking(fd):
        if not try_to_lock(fd):  # a cleanup that has just begun needs an instant to sign
            raise _busy(_read(fd))
        yield fd


def _reader(state: StateDirectory) -> Holder | None:
    """Return what the lock's file says of its holder."""
    try:
        fd = os.open(state.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _read(fd)
    finally:
        os.close(fd)


def holder_of(state: StateDirectory) -> Holder | None:
    """Return who holds the lock; None when nobody does, or it cannot be told."""
    try:
        fd = os.open(state.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _read(fd) if is_locked(fd) else None
    finally:
        os.close(fd)


def wait_for_batch(state: StateDirectory, *, patience: float) -> bool:
    """Wait until the batch of removals that is in hand now, if there is one, has ended; True when it has.

    What was committed to the journal before this call is seen by every batch that begins after it. Waits
    `patience` seconds at the most: a batch takes 50 ms, but its disk may hang.
    """
    try:
        fd = os.open(state.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        return _wait(fd, state, time.monotonic() + patience)
    finally:
        os.close(fd)


def _wait(fd: int, state: StateDirectory, until: float) -> bool:
    before = _counts(fd)
    in_hand = {hand for hand, count in enumerate(before) if count % 2 == 1}
    while in_hand and holder_of(state) is not None:
        now = _counts(fd)
        in_hand = {hand for hand in in_hand if now[hand] == before[hand]}
        if not in_hand:
            break
        if time.monotonic() >= until:
            return False
        time.sleep(_PAUSE)
    return True


def _counts(fd: int) -> list[int]:
    content = os.pread(fd, 8 * _HANDS, _LENGTH).ljust(8 * _HANDS, b"\0")
    return [int.from_bytes(content[start : start + 8], "big") for start in range(0, 8 * _HANDS, 8)]


def _read(fd: int) -> Holder | None:
    try:
        content = json.loads(os.pread(fd, _LENGTH, 0))
        return Holder(
            pid=content["pid"],
            host=content["host"],
            since=datetime.fromisoformat(content["since"]),
            heartbeat=datetime.fromisoformat(content["heartbeat"]),
            task=content["task"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
