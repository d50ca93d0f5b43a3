"""Bringing back out of the trash: what waits in a directory there, how much, and renaming it to where it belongs.

Two implementations of one contract, as of `shelflife.files.primitives`: in C, many entries a call, and here. A
rename back never replaces anything. Whatever is out of the ordinary is told by its errno, and tried again by
`bring_one`, one entry at a time: file systems that cannot promise not to replace, errors that pass.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Protocol

from shelflife.files import native
from shelflife.files.candidates import Candidates
from shelflife.files.coming import OTHER_ONE, Came, Coming, Waiting
from shelflife.files.listing import Entry, EntryKind, entry_at, read_directory, signed
from shelflife.files.native.restoring import NativeRestoring
from shelflife.files.removal import FIRST_DELAY, TRANSIENT, Outcome, Result
from shelflife.files.rename import put_back
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.files.anchor import Anchor


class Restoring(Protocol):
    """What both implementations do. May be called from several threads."""

    def waiting(self, fd: int) -> Iterator[Waiting]:
        """Yield what is in the open directory `fd`, in chunks; what is renamed away meanwhile does no harm.

        Raises OSError when it cannot be read.
        """

    def count(self, anchor: Anchor, path: str) -> int:
        """Return how many entries that are no directories are below the directory at `path`, at any depth.

        What cannot be read counts as empty.
        """

    def bring_back(self, trash: Anchor, home: Anchor, coming: Sequence[Coming], until: int) -> list[Came]:
        """Rename entries back, each directory opened from its anchor right before; never replace.

        Returns an answer for each directory; those that were not reached before `until`
        (time.monotonic_ns()) have no codes, but one entry is always tried.
        """


class PureRestoring:
    """`Restoring` in Python."""

    def waiting(self, fd: int) -> Iterator[Waiting]:
        """See `Restoring`."""
        for chunk in read_directory(fd):
            found: tuple[list[Entry], list[Entry]] = ([], [])
            for entry in chunk:
                found[entry.kind is EntryKind.DIRECTORY].append(entry)
            yield Waiting(Candidates.of(found[0]), Candidates.of(found[1]))

    def count(self, anchor: Anchor, path: str) -> int:
        """See `Restoring`."""
        count, waiting = 0, [path]
        while waiting:
            directory = waiting.pop()
            with suppress(OSError), anchor.directory(directory) as fd, os.scandir(fd) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{directory}{entry.name}/")
                    else:
                        count += 1
        return count

    def bring_back(self, trash: Anchor, home: Anchor, coming: Sequence[Coming], until: int) -> list[Came]:
        """See `Restoring`."""
        answers: list[Came] = []
        for one in coming:
            late = answers and time.monotonic_ns() >= until
            answers.append(Came(0, ()) if late else _bring(trash, home, one, until))
        return answers


def _bring(trash: Anchor, home: Anchor, coming: Coming, until: int) -> Came:
    codes: list[int] = []
    try:
        with trash.directory(coming.source) as source, home.directory(coming.home) as target:
            for entry in coming.entries:
                try:
                    _rename(source, entry, target, entry.name)
                    codes.append(0)
                except _OtherOne:
                    codes.append(OTHER_ONE)
                except OSError as error:
                    codes.append(error.errno or errno.EIO)
                if time.monotonic_ns() >= until:
                    break
    except OSError as error:
        return Came(error.errno or errno.EIO, codes)
    return Came(0, codes)


class _OtherOne(Exception):  # noqa: N818 - a state
    pass


def _rename(source: int, entry: Entry, target: int, name: str) -> None:
    found = entry_at(source, entry.name)
    if (signed(found.inode), found.kind) != (signed(entry.inode), entry.kind):
        raise _OtherOne
    put_back(source, entry.name, target, name)


def bring_one(source: int, old: str, entry: Entry, target: int, *, retries: int) -> Outcome:
    """Rename what is `old` in the open directory `source` to the entry's name in `target`; never replace.

    The careful way: after a transient error it is tried `retries` times more. Returns what became of it.
    """
    delay, code = FIRST_DELAY, 0
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(delay)
            delay *= 2
        try:
            _rename(source, entry._replace(name=old), target, entry.name)
        except _OtherOne:
            return Outcome(entry, Result.KEPT, Reason.CHANGED)
        except FileExistsError:
            return _already_back(source, old, entry, target)
        except OSError as error:
            if error.errno == errno.ENOENT and not _is_there(source, old):
                return Outcome(entry, Result.KEPT, Reason.VANISHED)
            code = error.errno or errno.EIO
            if code not in TRANSIENT:
                break
        else:
            return Outcome(entry, Result.RESTORED, Reason.RESTORED)
    return Outcome(entry, Result.FAILED, Reason.RESTORED, code)


def _already_back(source: int, old: str, entry: Entry, target: int) -> Outcome:
    """Return the outcome of an entry whose name is taken: by itself, if a kill came between link and unlink."""
    with suppress(OSError):
        if entry.kind is not EntryKind.DIRECTORY and entry_at(target, entry.name).inode == entry.inode:
            os.unlink(old, dir_fd=source)
            return Outcome(entry, Result.RESTORED, Reason.RESTORED)
    return Outcome(entry, Result.KEPT, Reason.NAME_TAKEN)


def make_directories(
    home: Anchor, path: str, trash: Anchor, like: str | None, owner: tuple[int, int]
) -> None:
    """Make the directories on the way to `path` below `home` where they are missing.

    They get the modes and owners of those at the end of the path `like` in the trash; without one, the mode of
    any new directory, and the `owner` (uid, gid) of the storage. Raises OSError.
    """
    names = path.split("/")[:-1]
    originals = like.split("/")[:-1] if like is not None else []
    fd = os.dup(home.fd)
    try:
        for number, name in enumerate(names):
            depth = len(originals) - len(names) + number + 1
            made = False
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=fd)
                made = True
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = below
            if made:
                original = "".join(f"{part}/" for part in originals[:depth]) if depth > 0 else None
                _dress(fd, trash, original, owner)
    finally:
        os.close(fd)


def _dress(made: int, trash: Anchor, original: str | None, owner: tuple[int, int]) -> None:
    if original is not None:
        with suppress(OSError), trash.directory(original) as like:
            status = os.fstat(like)
            owner = status.st_uid, status.st_gid
            os.fchmod(made, status.st_mode & 0o7777)
    if os.geteuid() == 0:
        with suppress(OSError):
            os.fchown(made, *owner)


def _is_there(fd: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError:
        return False
    return True


class _Compiled(NativeRestoring):
    """`Restoring` in C, but for paths that are too long for a system call."""

    def count(self, anchor: Anchor, path: str) -> int:
        """See `Restoring`."""
        found = super().count(anchor, path)
        return PureRestoring().count(anchor, path) if found < 0 else found


@cache
def _compiled() -> _Compiled | None:
    library = None if os.environ.get("SHELFLIFE_PURE") else native.load()
    return None if library is None else _Compiled(library.library)


def restoring(*anchors: Anchor) -> Restoring:
    """Return what brings back below these anchors: compiled, where that can be had."""
    compiled = _compiled()
    if compiled is not None and all(anchor.uses_openat2 for anchor in anchors):
        return compiled
    return PureRestoring()
