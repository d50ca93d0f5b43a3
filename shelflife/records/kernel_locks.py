"""Locks of the kernel (flock) on open files: gone with their process, and never kept by a child.

A child that is forked while a lock is held would share it, and keep it when its parent ends it or dies: locks are
therefore freed explicitly, and a child closes at once what it inherited of them.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["end", "is_locked", "is_ours", "keep", "locking", "try_to_lock"]

_TRIES: Final = 5
_PAUSE: Final = 0.005
"""Seconds between two tries: who looks whether a file is locked has it for an instant."""

_kept: Final[set[int]] = set()
"""Descriptors that this process holds locks on, or tries to get some."""


def keep(fd: int) -> None:
    """Take over a descriptor, to be closed by `end`."""
    _kept.add(fd)


def is_ours(fd: int) -> bool:
    """Return whether a descriptor was taken over, by this process: in a forked child it was not."""
    return fd in _kept


def end(fd: int) -> None:
    """Unlock and close a descriptor that was taken over."""
    _kept.discard(fd)
    with suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)  # a child that was forked meanwhile would keep it
    os.close(fd)


@contextmanager
def locking(fd: int) -> Iterator[None]:
    """Take over a descriptor for as long as the context lasts."""
    keep(fd)
    try:
        yield
    finally:
        end(fd)


def try_to_lock(fd: int) -> bool:
    """Lock an open file; return False when somebody has it, and not only looks. Raises OSError."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def is_locked(fd: int) -> bool:
    """Return whether somebody has locked an open file, which is not locked afterwards. Raises OSError."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(fd, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    return False


def _let_go() -> None:
    """In a forked child: close the inherited locks, which remain the parent's."""
    for fd in _kept:
        os.close(fd)
    _kept.clear()


os.register_at_fork(after_in_child=_let_go)
