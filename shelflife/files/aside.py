"""Moving aside: from where something was to where it waits, or the other way. It is looked at there once more.

A rename closes the gap that every look leaves: whatever was changed between the last look and the rename shows
where no path of the service leads any more, and comes back. `shelflife.files.native` does the same in C.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from shelflife.files.anchor import identity_of, parent_of
from shelflife.files.listing import entry_at, read_directory
from shelflife.files.removal import Outcome, Result, unchanged
from shelflife.files.rename import put_back, take_aside
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.files.listing import Entry
    from shelflife.files.removal import Removal, Wanted

_OURS = 0o700
"""Mode of a directory that mirrors no other."""


@contextmanager
def keeping_time(mirror: int) -> Iterator[None]:
    """Let the open directory `mirror` in the trash keep its time while something is put into it, as a context.

    That is the time of the directory that it mirrors, which comes back with it.
    """
    before = os.fstat(mirror)
    try:
        yield
    finally:
        with suppress(OSError):
            os.utime(mirror, ns=(before.st_atime_ns, before.st_mtime_ns))


def move_entry(fd: int, entry: Entry, target: int, wanted: Wanted, *, fresh: bool) -> Outcome | None:
    """Move an entry of the open directory `fd` into the directory `target`; return what became of it.

    What turns out to be changed there, or wanted for writing, is put back. None: it could not be, since its name
    was taken, and is in `target`. EXDEV (some overlay file systems) is raised like any other: nothing is ever
    removed instead. Raises OSError, and nothing has moved then.
    """
    take_aside(fd, entry.name, target, entry.name)
    with suppress(OSError):  # what cannot be looked at is not known to be the same
        if unchanged(entry, entry_at(target, entry.name, fresh=fresh)) and not wanted():
            return Outcome(entry, Result.TRASHED)
    try:
        put_back(target, entry.name, fd, entry.name)
    except OSError:
        return None
    return Outcome(entry, Result.KEPT, Reason.CHANGED)


def move_whole(
    anchor: Anchor, path: str, target: str, entries: Sequence[Entry], removal: Removal
) -> bool | None:
    """Rename the directory at `path` as one, and look at it where it is then; return whether all of it goes.

    `entries` must be all that is in it, and `removal`, which looks and changes nothing, let each of them go. If
    not, it is renamed back; None: it could not be, and is at `target`. The directory above that must be there.
    Raises OSError, and nothing has moved then.
    """
    parent, name = parent_of(path)
    above, new_name = parent_of(target)
    with anchor.directory(parent) as source, anchor.directory(above) as aside, anchor.directory(path) as fd:
        held = identity_of(fd)
        if not anchor.verify(path, held):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        with keeping_time(aside):
            take_aside(source, name, aside, new_name)
            with suppress(OSError):
                status = os.stat(new_name, dir_fd=aside, follow_symlinks=False)
                if (status.st_dev, status.st_ino) == held and _all_goes(fd, entries, removal):
                    return True
            try:
                put_back(aside, new_name, source, name)
            except OSError:
                return None
    return False


def _all_goes(fd: int, entries: Sequence[Entry], removal: Removal) -> bool:
    listed = {entry.name: entry for entry in entries}
    for chunk in read_directory(fd):
        for found in chunk:
            entry = listed.pop(found.name, None)
            outcome = None if entry is None else removal.once(fd, entry)
            if outcome is None or not outcome.is_gone:
                return False
    return not listed


def open_mirror(anchor: Anchor, source: str, target: str, owner: tuple[int, int]) -> int:
    """Open the directory at `target`, made where it is missing; return a descriptor that the caller closes.

    Its last directories mirror those at the end of `source` and get their modes, owners and times; what mirrors
    none is ours alone, and belongs to `owner` (uid, gid). Raises OSError.
    """
    with anchor.directory("") as top:
        fd = os.dup(top)
    names, originals = target.split("/")[:-1], source.split("/")[:-1]
    try:
        for number, name in enumerate(names):
            depth = len(originals) - len(names) + number + 1
            original = "".join(f"{part}/" for part in originals[:depth]) if depth > 0 else None
            if number > 0 and names[0] == TRASH_DIRECTORY:
                with keeping_time(fd):
                    made = _made(fd, name)
            else:
                made = _made(fd, name)
            fd = _enter(anchor, fd, name, original if made else None, owner if made else None)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _made(fd: int, name: str) -> bool:
    """Make a directory in an open one; return whether that was missing."""
    try:
        os.mkdir(name, _OURS, dir_fd=fd)
    except FileExistsError:
        return False
    return True


def _enter(anchor: Anchor, fd: int, name: str, original: str | None, owner: tuple[int, int] | None) -> int:
    """Exchange an open directory for one in it; one with an `owner` was just made, to be as `original` is."""
    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    if owner is not None:
        mode = _OURS
        with suppress(OSError):
            if original is not None:
                with suppress(FileNotFoundError), anchor.directory(original) as like:
                    status = os.fstat(like)
                    mode, owner = status.st_mode & 0o7777, (status.st_uid, status.st_gid)
                    os.utime(below, ns=(status.st_atime_ns, status.st_mtime_ns))
            if os.geteuid() == 0:
                os.fchown(below, *owner)
            os.fchmod(below, mode)
    os.close(fd)
    return below
