"""Claims: what running processes need, each in a small file that its process keeps locked.

The lock is the kernel's: a claim ends with its process, however that ends, and nobody has to notice. What is
left then is a file that nobody locks: whoever looks does not count it, and whoever writes next removes it. A
claim with a time to live needs no process: it counts until its time, and while it is locked.

What counts must be right at each moment, so that those who want to add a claim take turns (`Claims.exclusive`).
Looking needs no turn.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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

_TRIES: Final = 5
_PAUSE: Final = 0.002
"""Seconds between two tries to lock a claim: to look whether it is locked takes microseconds."""

_LONGEST: Final = 65_536
"""Bytes that are read of a claim."""

_held: Final[set[int]] = set()
"""Descriptors of the claims of this process."""


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
        _held.add(fd)

    @property
    def name(self) -> str:
        """Its own name, never used again."""
        return os.path.basename(self.path)

    @property
    def is_ours(self) -> bool:
        """Whether it is held, and by this process: in a forked child it is not."""
        return self._fd in _held

    def change(self, **values: object) -> None:
        """Change what is claimed. Raises OSError."""
        self.content |= values
        _write(self._fd, self.content)

    def let_go(self) -> None:
        """Leave it to its time to live. Called twice, it does nothing."""
        if self.is_ours:
            _close(self._fd)

    def release(self) -> None:
        """End it. Called twice, it does nothing."""
        if self.is_ours:
            with suppress(OSError):
                os.unlink(self.path)
            _close(self._fd)


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
        _held.add(fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            _close(fd)

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
            _lock(fd)
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
            is_locked = _is_locked(fd)
            content = json.loads(os.pread(fd, _LONGEST, 0))
            until = content["until"]
        except (ValueError, KeyError, TypeError):  # it is just being made
            return None
        finally:
            os.close(fd)
        counts = is_locked or (until is not None and now < until)
        return ClaimRecord(name, content, until) if counts else None


def _lock(fd: int) -> None:
    """Lock a claim. Raises BlockingIOError when somebody has it, and not only looks whether it is locked."""
    for attempt in range(_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False  # and with its descriptor that lock goes, too


def _write(fd: int, content: Mapping[str, Any]) -> None:
    text = json.dumps(content).encode()
    # Never shorter than before, so that whoever reads meanwhile finds no half of it.
    os.pwrite(fd, text.ljust(os.fstat(fd).st_size), 0)


def _close(fd: int) -> None:
    _held.discard(fd)
    with suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)  # a child that was forked meanwhile would keep it
    os.close(fd)


def _let_go() -> None:
    """In a forked child: close the inherited claims, which remain the parent's."""
    for fd in _held:
        os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)
