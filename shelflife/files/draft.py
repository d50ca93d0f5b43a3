"""Drafts: files that are being written, and that nobody can take before they have their name.

A draft has no name at all where the file system can do that (O_TMPFILE): no cleanup, ours or another's, finds
it, and with its last descriptor it is gone. Elsewhere it lies in `.trash/.incoming/` of its area, under a name
that says nothing, until it is renamed: nobody but us enters the trash, and no version of the engine ever took
that for a part of its area. Either way what is published gets its name at once and whole, and replaces nothing
unless told to.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from shelflife.files.aside import open_mirror
from shelflife.files.kernel import allocate, rename_exchange
from shelflife.files.rename import CANNOT_PROMISE, put_back
from shelflife.policy.area import TRASH_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from shelflife.files.anchor import Anchor

INCOMING: Final = f"{TRASH_DIRECTORY}/.incoming/"
"""Where drafts lie that must have a name, below an area."""

_MODE: Final = 0o666
"""As any new file: the umask takes its part."""

_NOT_NAMELESS: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)
"""What O_TMPFILE gives where the file system, or the kernel, does not know it."""

_NO_BLOCKS: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class Draft(Protocol):
    """A file that is being written."""

    fd: int
    """Open to read and write."""

    def name_it(self, directory: int, name: str) -> None:
        """Give it a name in an open directory. Raises FileExistsError, OSError; it is a draft then as before."""

    def replace(self, directory: int, name: str, aside: int) -> bool:
        """Let it take the place of `name` in an open directory, which moves to the directory `aside`.

        Returns False if that was gone by then: there is nothing in `aside`. Raises FileExistsError where the name
        is taken there, and it is a draft as before; OSError, and what was to be replaced is where it was.
        """

    def discard(self) -> None:
        """Give it up, or, once it has a name, let go of it. Called twice, it does nothing."""

    def keep(self) -> None:
        """Let go of it as of something that somebody else has, too: one that lies somewhere stays there."""


class NamelessDraft:
    """A draft that has no name."""

    def __init__(self, fd: int) -> None:
        """Take over the open file `fd`."""
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

    def replace(self, directory: int, name: str, aside: int) -> bool:
        """See `Draft`."""
        self.name_it(aside, name)
        try:
            return _replace(aside, name, directory)
        except OSError:
            os.unlink(name, dir_fd=aside)
            raise

    def discard(self) -> None:
        """See `Draft`."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    keep = discard


class NamedDraft:
    """A draft that lies in `.trash/.incoming/`."""

    def __init__(self, fd: int, directory: int, name: str) -> None:
        """Take over the open file `fd`, and the open directory in which it has that name."""
        self.fd = fd
        self._name = name
        self._directory = directory

    @classmethod
    def begin(cls, anchor: Anchor, name: str, owner: tuple[int, int]) -> NamedDraft:
        """Begin one of that name in an area. `owner` is (uid, gid) of the directory, if root makes it.

        Raises FileExistsError, OSError.
        """
        return cls._open(open_mirror(anchor, "", INCOMING, owner), name, os.O_CREAT | os.O_EXCL)

    @classmethod
    def resume(cls, anchor: Anchor, name: str) -> NamedDraft:
        """Go on with the one of that name. Raises FileNotFoundError when there is none, OSError."""
        with anchor.directory(INCOMING) as fd:
            return cls._open(os.dup(fd), name, 0)

    @classmethod
    def _open(cls, directory: int, name: str, flags: int) -> NamedDraft:
        flags |= os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return cls(os.open(name, flags, _MODE, dir_fd=directory), directory, name)
        except BaseException:
            os.close(directory)
            raise

    def name_it(self, directory: int, name: str) -> None:
        """See `Draft`."""
        put_back(self._directory, self._name, directory, name)
        self._leave()

    def replace(self, directory: int, name: str, aside: int) -> bool:
        """See `Draft`."""
        put_back(self._directory, self._name, aside, name)
        try:
            is_replaced = _replace(aside, name, directory)
        except OSError as error:
            os.rename(name, self._name, src_dir_fd=aside, dst_dir_fd=self._directory)
            if error.errno not in CANNOT_PROMISE:
                raise
            # Two names for what is there, then one of them for the draft: at no moment is the name missing.
            os.link(name, name, src_dir_fd=directory, dst_dir_fd=aside, follow_symlinks=False)
            os.rename(self._name, name, src_dir_fd=self._directory, dst_dir_fd=directory)
            is_replaced = True
        self._leave()
        return is_replaced

    def keep(self) -> None:
        """See `Draft`: `resume` goes on with it."""
        self._leave()
        self.discard()

    def discard(self) -> None:
        """See `Draft`."""
        if self._directory >= 0:
            with suppress(OSError):
                os.unlink(self._name, dir_fd=self._directory)
        self._leave()
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def _leave(self) -> None:
        directory, self._directory = self._directory, -1
        if directory >= 0:
            os.close(directory)


def _replace(aside: int, name: str, directory: int) -> bool:
    """Exchange the entries of a name in two open directories; where `directory` has none, move it there."""
    while True:
        try:
            rename_exchange(aside, name, directory, name)
        except FileNotFoundError:
            with suppress(FileExistsError):  # there is one again by now
                put_back(aside, name, directory, name)
                return False
        else:
            return True


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


def sweep_drafts(anchor: Anchor, living: Callable[[], Collection[str]]) -> None:
    """Remove the drafts that lie in an area, but for those of the names that `living` returns.

    That is asked after they were listed, so that one which is begun meanwhile is not among them.
    """
    with suppress(OSError), anchor.directory(INCOMING) as fd:
        found = os.listdir(fd)
        for name in set(found).difference(living()) if found else ():
            with suppress(OSError):
                os.unlink(name, dir_fd=fd)
