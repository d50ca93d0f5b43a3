"""An anchor: a directory held open, from which everything below it is opened.

A path is a promise that anybody with write access can break between two system calls. So no path is ever
used from the root: the area's directory is opened once, and each directory below it is opened *from that
descriptor* with openat2(2), which refuses to leave it (`RESOLVE_BENEATH`), to follow a symbolic link
(`RESOLVE_NO_SYMLINKS`) and to cross a mount point (`RESOLVE_NO_XDEV`). A held descriptor follows its
directory when somebody moves that elsewhere, so before each batch of removals the directory is opened again
and must be the held inode (`Anchor.verify`).

A directory of another device than the anchor counts as a mount point, too. A btrfs subvolume, and so each
snapshot, is one without anything being mounted there: openat2 walks right into it.

Where openat2 is missing (before Linux 5.6, or under an old seccomp filter), the way down goes component by
component with `O_NOFOLLOW` and a comparison of devices, which sees every mount but a bind mount of the same
file system.

Paths below an anchor are strings with the bytes of the file system (surrogateescape), each directory ending
in a slash, the anchor itself being the empty string.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from shelflife.files import kernel
from shelflife.files.listing import signed
from shelflife.files.mounts import may_be_shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK
_BENEATH: Final = kernel.RESOLVE_BENEATH | kernel.RESOLVE_NO_SYMLINKS | kernel.RESOLVE_NO_XDEV
_UNSUPPORTED: Final = (errno.ENOSYS, errno.EPERM)
LED_AWAY: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV)
"""What opening a directory gives when it is gone, or something else has taken its place."""

_LONGEST_PATH: Final = 4000
"""Bytes of a path that one system call takes; PATH_MAX is 4,096 with its final NUL."""


class DirectoryIdentity(NamedTuple):
    """What makes a directory the same one, within a run."""

    device: int
    inode: int


class Anchor:
    """A directory held open, and the only way to what lies below it."""

    def __init__(self, fd: int, *, base: int, place: str, use_openat2: bool = True) -> None:
        """Take over `fd`, the open directory that `place` below the open directory `base` leads to."""
        self.fd = fd
        self.identity = identity_of(fd)
        self.base = base
        self.place = place
        self.uses_openat2 = use_openat2

    @property
    def is_base(self) -> bool:
        """Whether the anchor is the base path itself: an area of `path: .`."""
        return identity_of(self.base) == self.identity

    @cached_property
    def is_shared(self) -> bool:
        """Whether other machines may work on the same files, so that what the kernel knows may be old."""
        return may_be_shared(self.fd)

    @classmethod
    def open(cls, base: int, directory: str, *, use_openat2: bool = True) -> Self:
        """Hold `directory`, relative to the open directory `base`.

        The way there may cross mounts (an area may be a volume of its own) but no symbolic link, and never
        leaves `base`. Raises OSError: ELOOP or ENOTDIR for a symbolic link, EXDEV for a way out.
        """
        fd = _descend(base, directory, follow_mounts=True, use_openat2=use_openat2)
        return cls(fd, base=base, place=directory, use_openat2=use_openat2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self.fd)

    @contextmanager
    def directory(self, path: str) -> Iterator[int]:
        """Open the directory at `path` below, as a context: its descriptor, closed at the end.

        Raises OSError: EXDEV for a mount point and for a directory of another device (a btrfs subvolume), ELOOP
        or ENOTDIR for a symbolic link, whatever open(2) says.
        """
        fd = _descend(self.fd, path, follow_mounts=False, use_openat2=self.uses_openat2)
        try:
            if os.fstat(fd).st_dev != self.identity.device:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
            yield fd
        finally:
            os.close(fd)

    def stat(self, path: str) -> os.stat_result | kernel.Attributes:
        """Return the attributes of the directory at `path`, as a hint: a link on the way is followed.

        For recognising what has not changed only. Whatever is concluded from it about a file must be checked
        again through `directory`. Where other machines work on the same files, it is what the server says now.
        """
        if len(path) * 4 < _LONGEST_PATH or len(os.fsencode(path)) < _LONGEST_PATH:
            return self._stat(self.fd, path[:-1])
        with self.directory(path) as fd:
            return self._stat(fd, "")

    def _stat(self, fd: int, name: str) -> os.stat_result | kernel.Attributes:
        if self.is_shared:
            return kernel.fresh_attributes(fd, name)
        return os.stat(name, dir_fd=fd, follow_symlinks=False) if name else os.fstat(fd)

    def verify(self, path: str, held: DirectoryIdentity) -> bool:
        """Return whether `path` still leads to the directory `held`, and the anchor is still in its place.

        Raises OSError when it cannot be told.
        """
        try:
            with self.directory(path) as fd:
                return identity_of(fd) == held and self.is_in_place()
        except OSError as error:
            if error.errno in LED_AWAY:
                return False
            raise

    def is_in_place(self) -> bool:
        """Return whether the anchor's place still leads to it. Raises OSError when it cannot be told."""
        try:
            place = _descend(self.base, self.place, follow_mounts=True, use_openat2=self.uses_openat2)
        except OSError as error:
            if error.errno in LED_AWAY:
                return False
            raise
        try:
            return identity_of(place) == self.identity
        finally:
            os.close(place)

    def prune(self, path: str, inode: int) -> bool:
        """Remove the directory at `path` if it is empty and still `inode` (signed); return whether it is gone."""
        parent, name = parent_of(path)
        with suppress(OSError), self.directory(parent) as fd:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if (status.st_dev, signed(status.st_ino)) == (self.identity.device, inode):
                os.rmdir(name, dir_fd=fd)
                return True
        return False


def identity_of(fd: int) -> DirectoryIdentity:
    """Return the identity of an open directory."""
    status = os.fstat(fd)
    return DirectoryIdentity(status.st_dev, status.st_ino)


def parent_of(path: str) -> tuple[str, str]:
    """Split the path of a directory (with trailing slash) into its parent's path and its own name."""
    head, _, name = path[:-1].rpartition("/")
    return (head + "/" if head else "", name)


def _descend(start: int, path: str, *, follow_mounts: bool, use_openat2: bool) -> int:
    """Open the directory at `path` below `start`; the caller closes the descriptor."""
    fd = start
    for part in _parts(path):
        try:
            following = _step(fd, part, follow_mounts=follow_mounts, use_openat2=use_openat2)
        finally:
            if fd != start:
                os.close(fd)
        fd = following
    return fd


def _step(fd: int, part: str, *, follow_mounts: bool, use_openat2: bool) -> int:
    if use_openat2:
        resolve = _BENEATH & ~kernel.RESOLVE_NO_XDEV if follow_mounts else _BENEATH
        try:
            return kernel.openat2(fd, part, _DIRECTORY, resolve)
        except OSError as error:
            if error.errno not in _UNSUPPORTED or _openat2_works():
                raise
    return _step_by_component(fd, part, follow_mounts=follow_mounts)


def _step_by_component(start: int, part: str, *, follow_mounts: bool) -> int:
    device = os.fstat(start).st_dev
    fd = os.dup(start)
    try:
        for name in part.split("/"):
            if name == "..":
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), part)
            following = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            os.close(fd)
            fd = following
            if not follow_mounts and os.fstat(fd).st_dev != device:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), part)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _openat2_works() -> bool:
    try:
        os.close(kernel.openat2(-100, ".", _DIRECTORY, 0))  # -100: AT_FDCWD
    except OSError:
        return False
    return True


def _parts(path: str) -> list[str]:
    """Return `path` in pieces that one system call takes; `.` for the empty path."""
    rest = path.strip("/")
    parts = []
    while len(rest) * 4 > _LONGEST_PATH and len(os.fsencode(rest)) > _LONGEST_PATH:
        # A quarter in characters is at most the whole in bytes; a component has at most 255 bytes.
        cut = rest.rindex("/", 0, _LONGEST_PATH // 4)
        parts.append(rest[:cut])
        rest = rest[cut + 1 :]
    return [*parts, rest or "."]
