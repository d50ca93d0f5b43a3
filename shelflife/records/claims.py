"""Claims: what running processes need, each in a small file that its process keeps locked.

The lock is the kernel's: a claim ends with its process, however that ends, and nobody has to notice. What is
left then is a file that nobody locks: whoever looks does not count it, and whoever writes next removes it. A
claim with a time to live needs no process: it counts until its time, and while it is locked.

What counts must be right at each moment, so that those who want to add a claim take turns (`Claims.exclusive`).
Looking needs no turn.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shelflife.records import kernel_locks
from shelflife.records.state import FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shelflife.records.state import StateDirectory

RECEIVING: Final = "receiving"
"""The claims of those who receive files: the room that is promised to each."""

LEASES: Final = "leases"
"""The claims of those who work on files that must not go meanwhile."""

_TURN: Final = "turn"
"""The file whose lock makes writers take turns."""

_LONGEST: Final = 65_536
"""Bytes that are read of a claim."""


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """A claim that counts."""

    name: str
    """Its own, never used again."""
    content: Mapping[str, Any]
    """What is claimed; and by whom: `pid`, `host`."""
    until: int | None
    """When it ends by itself (ns); None: with its process."""


class OwnClaim:
    """A claim of this process, until it is released."""

    def __init__(self, path: str, fd: int, content: Mapping[str, Any]) -> None:
        """Take over `fd`, which holds the lock on the file at `path`."""
        self.path = path
        self.content = dict(content)
        self._fd = fd
        kernel_locks.keep(fd)

    @property
    def name(self) -> str:
        """Its own name, never used again."""
        return os.path.basename(self.path)

    @property
    def is_ours(self) -> bool:
        """Whether it is held, and by this process: in a forked child it is not."""
        return kernel_locks.is_ours(self._fd)

    def change(self, **values: object) -> None:
        """Change what is claimed. Raises OSError."""
        self.content |= values
        _write(self._fd, self.content)

    def let_go(self) -> None:
        """Leave it to its time to live. Called twice, it does nothing."""
        if self.is_ours:
            kernel_locks.end(self._fd)

    def release(self) -> None:
        """End it. Called twice, it does nothing."""
        if self.is_ours:
            with suppress(OSError):
                os.unlink(self.path)
            kernel_locks.end(self._fd)


class Claims:
    """The claims of one kind on a storage."""

    def __init__(self, state: StateDirectory, kind: str) -> None:
        """Use the directory of that name beside the journal; it is made with the first claim."""
        self._state = state
        self._directory = f"{state.path}/{kind}"

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Surround a look with what is claimed because of it, as a context: one at a time. Raises OSError."""
        path = f"{self._directory}/{_TURN}"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            self._state.create_file(Path(path))
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        with kernel_locks.locking(fd):
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield

    def add(self, content: Mapping[str, Any], *, until: int | None = None) -> OwnClaim:
        """Claim something, in this process's turn. Raises OSError, and nothing is claimed then."""
        path = f"{self._directory}/{secrets.token_hex(8)}"
        whole = {**content, "pid": os.getpid(), "host": socket.gethostname(), "until": until}
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        claim = OwnClaim(path, fd, whole)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)  # somebody may be looking whether it is locked
            _write(fd, whole)
            self._state.owner.adopt(Path(path))
        except BaseException:
            claim.release()
            raise
        return claim

    def hold(self, name: str) -> OwnClaim | None:
        """Take over a claim with a time to live, in this process's turn; None if there is none of that name.

        Raises BlockingIOError while somebody else has it, OSError.
        """
        try:
            fd = os.open(f"{self._directory}/{name}", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if not kernel_locks.try_to_lock(fd):
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), name)
            return OwnClaim(f"{self._directory}/{name}", fd, json.loads(os.pread(fd, _LONGEST, 0)))
        except BaseException:
            os.close(fd)
            raise

    def names(self) -> frozenset[str]:
        """Return the names of the files there: a cheap way to see that nothing was added."""
        try:
            return frozenset(os.listdir(self._directory)) - {_TURN}
        except FileNotFoundError:
            return frozenset()

    def living(self, now: int) -> list[ClaimRecord]:
        """Return what counts at `now` (ns). Raises OSError."""
        found = (self._read(name, now) for name in sorted(self.names()))
        return [record for record in found if record is not None]

    def find(self, name: str, now: int) -> ClaimRecord | None:
        """Return the claim of that name if it counts at `now` (ns). Raises OSError."""
        return self._read(name, now) if name in self.names() else None

    def sweep(self, now: int) -> list[ClaimRecord]:
        """Return what counts at `now` (ns), and remove what does not, in this process's turn. Raises OSError."""
        found = []
        for name in sorted(self.names()):
            if (record := self._read(name, now)) is not None:
                found.append(record)
            else:
                self.remove(name)
        return found

    def renew(self, name: str, until: int) -> None:
        """Let a claim with a time to live end at `until` (ns), in this process's turn. Raises OSError."""
        fd = os.open(f"{self._directory}/{name}", os.O_RDWR | os.O_CLOEXEC)
        try:
            _write(fd, {**json.loads(os.pread(fd, _LONGEST, 0)), "until": until})
        finally:
            os.close(fd)

    def remove(self, name: str) -> bool:
        """Remove a claim, whoever has it; return whether it was there. Raises OSError."""
        try:
            os.unlink(f"{self._directory}/{name}")
        except FileNotFoundError:
            return False
        return True

    def _read(self, name: str, now: int) -> ClaimRecord | None:
        try:
            fd = os.open(f"{self._directory}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            is_locked = kernel_locks.is_locked(fd)
            content = json.loads(os.pread(fd, _LONGEST, 0))
            until = content["until"]
        except (ValueError, KeyError, TypeError):  # it is just being made
            return None
        finally:
            os.close(fd)
        counts = is_locked or (until is not None and now < until)
        return ClaimRecord(name, content, until) if counts else None


def _write(fd: int, content: Mapping[str, Any]) -> None:
    text = json.dumps(content).encode()
    # Never shorter than before, so that whoever reads meanwhile finds no half of it.
    os.pwrite(fd, text.ljust(os.fstat(fd).st_size), 0)
