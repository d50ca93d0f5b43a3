"""Drafts: files that are being written, and that nobody can take before they have their name.

A draft has no name at all where the file system can do that (O_TMPFILE): no cleanup, ours or another's, finds it,
and with its last descriptor it is gone. Elsewhere it lies in `.incoming/` of its area, which is ours alone, under a
name that says nothing, until it is renamed. Either way what is published gets its name at once and whole, and never
replaces anything unless it is told to.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

from shelflife.files.kernel import allocate, rename_exchange
from shelflife.files.rename import put_back
from shelflife.policy.area import INCOMING_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODE: Final = 0o666
"""As any new file: the umask takes its part."""

_PRIVATE: Final = 0o700

_NOT_NAMELESS: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)
"""What O_TMPFILE gives where the file system, or the kernel, does not know it."""

_NO_BLOCKS: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class Draft(Protocol):
    """A file that is being written."""

    fd: int
    """Open to read and write."""

    def name_it(self, directory: int, name: str) -> None:
        """Give it a name in an open directory. Raises FileExistsError, OSError; it is a draft then as before."""

    def exchange(self, directory: int, name: str, aside: int) -> None:
        """Let it take the place of `name` in an open directory, which gets the same name in the directory `aside`.

        Raises FileExistsError where that is taken, OSError; nothing has moved then.
        """

    def discard(self) -> None:
        """Give it up, or, once it has a name, let go of it. Called twice, it does nothing."""


class NamelessDraft:
    """A draft that has no name."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def begin(cls, directory: int) -> NamelessDraft | None:
        """Begin one in the file system of an open directory; None where there are none such. Raises OSError."""
        if not os.path.exists("/proc/self/fd"):
            return None
        try:
            return cls(os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, _MODE, dir_fd=directory))
        except OSError as error:
            if error.errno in _NOT_NAMELESS:
                return None
            raise

    def name_it(self, directory: int, name: str) -> None:
        """See `Draft`."""
        descriptors = os.open("/proc/self/fd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # By its path, "/proc/self/fd/N", the kernel takes it for a link on /proc and gives EXDEV.
            os.link(str(self.fd), name, src_dir_fd=descriptors, dst_dir_fd=directory, follow_symlinks=True)
        finally:
            os.close(descriptors)

    def exchange(self, directory: int, name: str, aside: int) -> None:
        """See `Draft`."""
        self.name_it(aside, name)
        try:
            rename_exchange(aside, name, directory, name)
        except OSError:
            os.unlink(name, dir_fd=aside)
            raise

    def discard(self) -> None:
        """See `Draft`."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class NamedDraft:
    """A draft that lies in `.incoming/`."""

    def __init__(self, fd: int, directory: int, name: str) -> None:
        """Take over the open file `fd`, and the open directory in which it has that name."""
        self.fd = fd
        self.name = name
        self._directory = directory

    @classmethod
    def begin(cls, area: int, name: str | None = None) -> NamedDraft:
        """Begin one in an area's open directory. Raises OSError."""
        with suppress(FileExistsError):
            os.mkdir(INCOMING_DIRECTORY, _PRIVATE, dir_fd=area)
        return cls._open(area, name or secrets.token_hex(8), os.O_CREAT | os.O_EXCL)

    @classmethod
    def resume(cls, area: int, name: str) -> NamedDraft:
        """Go on with one of that name. Raises FileNotFoundError when there is none, OSError."""
        return cls._open(area, name, 0)

    @classmethod
    def _open(cls, area: int, name: str, flags: int) -> NamedDraft:
        directory = os.open(
            INCOMING_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=area
        )
        try:
            flags |= os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
            return cls(os.open(name, flags, _MODE, dir_fd=directory), directory, name)
        except BaseException:
            os.close(directory)
            raise

    def name_it(self, directory: int, name: str) -> None:
        """See `Draft`."""
        put_back(self._directory, self.name, directory, name)
        self._let_go()

    def exchange(self, directory: int, name: str, aside: int) -> None:
        """See `Draft`."""
        put_back(self._directory, self.name, aside, name)
        try:
            rename_exchange(aside, name, directory, name)
        except OSError:
            os.rename(name, self.name, src_dir_fd=aside, dst_dir_fd=self._directory)
            raise
        self._let_go()

    def keep(self) -> None:
        """Let go of it, and leave it there for `resume`."""
        self._let_go()
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def discard(self) -> None:
        """See `Draft`."""
        if self._directory >= 0:
            with suppress(OSError):
                os.unlink(self.name, dir_fd=self._directory)
        self.keep()

    def _let_go(self) -> None:
        directory, self._directory = self._directory, -1
        if directory >= 0:
            os.close(directory)


def begin_draft(area: int) -> Draft:
    """Begin a draft in an area's open directory, without a name where that can be. Raises OSError."""
    return NamelessDraft.begin(area) or NamedDraft.begin(area)


def set_aside(fd: int, start: int, size: int) -> bool:
    """Have blocks set aside for `size` bytes of an open file from `start`; return whether that could be done.

    Raises OSError with ENOSPC or EDQUOT where there are not so many.
    """
    try:
        allocate(fd, start, size)
    except OSError as error:
        if error.errno in _NO_BLOCKS:
            return False
        raise
    return True


def give_back(fd: int, promised: int) -> None:
    """Give back the blocks that were set aside for an open file beyond its size. Raises OSError."""
    size = os.fstat(fd).st_size
    if promised > size:
        # To truncate a file to the size that it has leaves them where they are, on most file systems.
        os.ftruncate(fd, size + 1)
        os.ftruncate(fd, size)


@contextmanager
def leftovers(area: int) -> Iterator[tuple[int, list[str]]]:
    """Give the open `.incoming/` of an area's open directory, as a context, with the names in it.

    Raises OSError: FileNotFoundError where there is none.
    """
    fd = os.open(
        INCOMING_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=area
    )
    try:
        yield fd, os.listdir(fd)
    finally:
        os.close(fd)
