"""Trying out, once, what a file system can do: what a manual says of it need not be so.

FUSE programs leave out what they please, and a server may be of any age. So it is tried, in a directory of our
own that is gone afterwards. That changes the times of the directory in which it is tried, so it is for file
systems on which these mean nothing to us anyway.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.files.kernel import birth_time, generation, rename_noreplace
from shelflife.files.mounts import is_fuse

if TYPE_CHECKING:
    from collections.abc import Callable

TRIAL: Final = ".shelflife-trial-"
"""Begins the name of the directory in which it is tried."""

_MODE: Final = 0o700


class Abilities(NamedTuple):
    """What a file system can do. False: it refuses."""

    renames: bool
    """Files and directories can be renamed into another directory."""
    promises: bool
    """A rename can be told to replace nothing (`RENAME_NOREPLACE`)."""
    links: bool
    """A file can have a second name."""
    leases: bool
    """The kernel tells whether somebody has a file open for writing."""
    births: bool
    """The time is recorded when a file was made."""
    identities: bool
    """A file can be told from others that have its inode's number: by that time, or by a handle that lasts."""


def try_out(directory: int) -> Abilities:
    """Return what the file system of an open directory can do. Raises OSError where nothing can be made there."""
    name = f"{TRIAL}{secrets.token_hex(4)}"
    os.mkdir(name, _MODE, dir_fd=directory)
    try:
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            return _try_in(fd)
        finally:
            _clear(fd)
            os.close(fd)
    finally:
        with suppress(OSError):
            os.rmdir(name, dir_fd=directory)


def _try_in(fd: int) -> Abilities:
    os.mkdir("a", _MODE, dir_fd=fd)
    os.mkdir("a/unit", _MODE, dir_fd=fd)
    os.mkdir("b", _MODE, dir_fd=fd)
    file = os.open("a/file", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=fd)
    os.close(file)
    links = _works(lambda: os.link("a/file", "b/link", src_dir_fd=fd, dst_dir_fd=fd))
    births = birth_time(fd, "a/file") is not None
    identities = births or (generation(fd, "a/file") is not None and not is_fuse(fd))
    promises = _works(lambda: rename_noreplace(fd, "a/file", fd, "b/file"))
    renames = _works(lambda: os.rename("a/unit", "b/unit", src_dir_fd=fd, dst_dir_fd=fd)) and (
        promises or _works(lambda: os.rename("a/file", "b/file", src_dir_fd=fd, dst_dir_fd=fd))
    )
    return Abilities(renames, promises, links, _leases(fd), births, identities)


def _leases(fd: int) -> bool:
    """Take a lease on a file that nobody else knows of: nothing but the file system can refuse it."""
    place = "b/file" if _works(lambda: os.stat("b/file", dir_fd=fd)) else "a/file"
    file = os.open(place, os.O_RDONLY | os.O_CLOEXEC, dir_fd=fd)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def _works(call: Callable[[], object]) -> bool:
    try:
        call()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise  # that says nothing about what it can do
        return False
    return True


def _clear(fd: int) -> None:
    for place in ("a", "b"):
        for name in ("file", "link"):
            with suppress(OSError):
                os.unlink(f"{place}/{name}", dir_fd=fd)
        for name in (f"{place}/unit", place):
            with suppress(OSError):
                os.rmdir(name, dir_fd=fd)
