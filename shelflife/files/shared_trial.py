"""Trying out what two clients of one shared directory know of each other, by two mounts of it.

What safety rests on is simple on a disk of one machine: a look shows what is there, a lease shows who writes, a
lock keeps others out. Between machines each of these may be so, late, or not at all, and nothing but trying
tells. The first mount is called *here*, where we look; the other one *there*, where somebody else works.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.errors import StorageError
from shelflife.files.kernel import fresh_attributes
from shelflife.files.trial import TRIAL, try_out

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE: Final = 20.0
"""Seconds for which a change is waited for."""

_PAUSE: Final = 0.05
"""Seconds between two looks."""

_CACHED: Final = 1.2
"""Seconds after which what was looked at is in every cache."""


class Tried(NamedTuple):
    """One thing that was tried."""

    what: str
    found: str
    as_local: bool
    """Whether it is as on a disk of this machine."""


def try_shared(here: Path, there: Path) -> Iterator[Tried]:
    """Try, one thing after the other, what two mounts of one directory know of each other.

    Makes a directory of its own in it, which is gone afterwards. Raises StorageError where `there` does not show
    what is made `here`, OSError where nothing can be made.
    """
    name = f"{TRIAL}{secrets.token_hex(4)}"
    mine, other = here / name, there / name
    mine.mkdir(mode=0o700)
    try:
        if _seconds_until(lambda: name in os.listdir(there)) is None:
            raise StorageError(f"{there} does not show what is made in {here}: not mounts of one directory")
        yield from _alone(mine)
        yield from _in_use(mine, other)
        yield from _locks(mine, other)
        yield from _looks(mine, other)
        yield _removed_while_open(mine)
    finally:
        shutil.rmtree(mine, ignore_errors=True)


def _alone(mine: Path) -> Iterator[Tried]:
    fd = os.open(mine, os.O_RDONLY | os.O_DIRECTORY)
    try:
        can = try_out(fd)
    finally:
        os.close(fd)
    yield _yes_or_no("rename that replaces nothing", can.promises)
    yield _yes_or_no("hard links", can.links)
    yield _yes_or_no("birth times", can.births)
    yield _yes_or_no("lease while nobody writes", can.leases)


def _yes_or_no(what: str, found: bool) -> Tried:
    return Tried(what, "yes" if found else "refused", found)


def _in_use(mine: Path, other: Path) -> Iterator[Tried]:
    (mine / "written").write_bytes(b"x")
    with _opened(other / "written", os.O_WRONLY), _opened(mine / "written", os.O_RDONLY) as fd:
        try:
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            yield Tried(
                "lease while the other one writes", "granted: writers there are not seen", as_local=False
            )
        except OSError:
            yield Tried("lease while the other one writes", "refused, as it should be", as_local=True)


def _locks(mine: Path, other: Path) -> Iterator[Tried]:
    (mine / "lock").write_bytes(b"")
    (mine / "locked").mkdir()
    for what, name, flags in (
        ("flock of a file", "lock", os.O_RDWR),
        ("flock of a directory", "locked", os.O_RDONLY),
    ):
        with _opened(mine / name, flags) as fd, _opened(other / name, flags) as theirs:
            fcntl.flock(theirs, fcntl.LOCK_EX)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield Tried(what, "both get it", as_local=False)
            except BlockingIOError:
                yield Tried(what, "keeps the other one out", as_local=True)
            except OSError as error:
                yield Tried(what, f"cannot be told ({error.strerror})", as_local=False)


def _looks(mine: Path, other: Path) -> Iterator[Tried]:
    (mine / "d").mkdir()
    with _opened(mine / "d", os.O_RDONLY) as fd:
        for number, (what, look) in enumerate(
            (
                ("file rewritten, by stat", lambda name: os.stat(name, dir_fd=fd).st_size),
                ("file rewritten, by a fresh look", lambda name: fresh_attributes(fd, name).st_size),
            )
        ):
            file = f"file-{number}"
            _seconds_until(_writer(other / "d" / file, b"old"))
            yield _seen(what, lambda look=look, file=file: look(file), _writer(other / "d" / file))  # type: ignore[misc]
        for number, (what, see) in enumerate(
            (
                ("new entry, by the directory's times", lambda: os.fstat(fd).st_mtime_ns),
                ("new entry, by its times looked at afresh", lambda: fresh_attributes(fd, "").st_mtime_ns),
                ("new entry, by a listing", lambda: len(os.listdir(mine / "d"))),
            )
        ):
            yield _seen(what, see, _writer(other / "d" / f"new-{number}"))


def _writer(path: Path, content: bytes = b"another content") -> Callable[[], bool]:
    return lambda: path.write_bytes(content) > 0


def _seen(what: str, look: Callable[[], object], change: Callable[[], object]) -> Tried:
    """Return after how many seconds a change that is made there is seen here, where it was looked at before."""
    with suppress(FileNotFoundError):  # what was made there may not be seen yet
        look()
    _seconds_until(lambda: look() is not None)
    time.sleep(_CACHED)
    before = look()
    change()
    seconds = _seconds_until(lambda: look() != before)
    if seconds is None:
        return Tried(what, f"not seen in {_PATIENCE:.0f} s", as_local=False)
    return Tried(what, f"seen after {seconds:.2f} s", as_local=seconds < 2 * _PAUSE)


def _seconds_until(holds: Callable[[], bool]) -> float | None:
    start = time.monotonic()
    while time.monotonic() - start < _PATIENCE:
        with suppress(FileNotFoundError):
            if holds():
                return time.monotonic() - start
        time.sleep(_PAUSE)
    return None


def _removed_while_open(mine: Path) -> Tried:
    what = "file removed while it is open"
    place = mine / "open"
    place.mkdir()
    (place / "file").write_bytes(b"x")
    with _opened(place / "file", os.O_RDONLY):
        (place / "file").unlink()
        left = os.listdir(place)
    if left:
        return Tried(what, f"{left[0]} stays until it is closed", as_local=False)
    return Tried(what, "is gone at once", as_local=True)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    fd = -1
    for _ in range(int(_PATIENCE / _PAUSE)):
        try:
            fd = os.open(path, flags | os.O_CLOEXEC)
            break
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                raise
            time.sleep(_PAUSE)  # the other client made it, and it is not seen yet
    if fd < 0:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    try:
        yield fd
    finally:
        os.close(fd)
