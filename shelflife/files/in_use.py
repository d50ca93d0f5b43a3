"""In use: open for writing, or locked, by anybody, anywhere on this machine.

The kernel knows. A read lease (fcntl(2), `F_SETLEASE`) is refused with EAGAIN while anyone has the file open
for writing or mapped writable, and while it is held, whoever opens the file for writing waits until it is let
go – microseconds, here. Such an opening is noticed by `F_GETLEASE`, so a file that is about to be written again
is not removed under the writer.

The notice itself is a signal, by default SIGIO, which would *end the process*. So before the lease the signal
is set to SIGURG, which is ignored by default, and addressed to this very thread, which has it blocked meanwhile
and takes it back: not even a program that handles SIGURG gets to know of it.

Leases are refused on files of other owners (without CAP_LEASE), on files that we may not read, and on network
file systems. There the open files of all processes are looked through, as far as /proc lets us; what it does
not show counts as not in use. Readers do not matter: they keep what they have open until they close it.

On file systems that other machines use as well a lease says nothing: NFS refuses each one as if somebody wrote,
CephFS grants one while another machine writes. There /proc tells of the writers of this machine; others cannot
be known, and count as none.

A BSD lock (flock(2)) says it outright: leave this alone. Who holds one on a directory, shared or exclusive, keeps
all that is below it, as systemd-tmpfiles has it, and who holds one on a file keeps that. It is asked for and let
go again at once, so that nobody ever waits for us.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

    from shelflife.files.anchor import Anchor
    from shelflife.files.listing import Entry

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_F_SETOWN_EX: Final = 15
_F_OWNER_TID: Final = 0
_NOTICE: Final = (signal.SIGURG,)
_NO_FILE: Final = (errno.ELOOP, errno.ENXIO)
"""What opening a symbolic link (with `O_NOFOLLOW`) and a socket gives: the file was replaced by one."""


_LOOKS: Final = 3
_PAUSE: Final = 0.002
"""Seconds between two looks at a lock: another one that only looks has it for microseconds."""


def is_locked(fd: int) -> bool:
    """Return whether somebody holds a BSD lock on an open file or directory.

    Where that cannot be told (NFS without a lock service), nobody does.
    """
    for look in range(_LOOKS):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if look + 1 < _LOOKS:
                time.sleep(_PAUSE)
        except OSError:
            return False
        else:
            fcntl.flock(fd, fcntl.LOCK_UN)
            return False
    return True


def is_in_locked_directory(anchor: Anchor, path: str) -> bool:
    """Return whether somebody holds a BSD lock on the directory at `path`, or on one above it in the area.

    An area that is the base path itself is not asked about: that is what a run locks. Raises OSError.
    """
    done = ""
    if not anchor.is_base and is_locked(anchor.fd):
        return True
    for part in path.split("/")[:-1]:
        done += f"{part}/"
        with anchor.directory(done) as fd:
            if is_locked(fd):
                return True
    return False


class Writers:
    """The files that processes have open for writing, as far as /proc shows; read when first asked."""

    def __init__(self, *, leases: bool = True) -> None:
        """Prepare. `leases` says whether one tells more than /proc, where the files in question are."""
        self.leases = leases
        self._files: set[tuple[int, int]] | None = None

    def has(self, status: os.stat_result) -> bool:
        """Return whether somebody is seen to have the file open for writing."""
        if self._files is None:
            self._files = _open_for_writing()
        return (status.st_dev, status.st_ino) in self._files


class WriteGuard:
    """Keeps writers of one file out while it is removed, as a context.

    `in_use` says whether somebody has it open for writing or locked, `broken` whether somebody wants to write
    since then, and `inode` which file it is that is guarded.
    """

    def __init__(self, directory: int, entry: Entry, writers: Writers) -> None:
        """Prepare to guard the file that `entry` lists in the open directory `directory`."""
        self._directory = directory
        self._entry = entry
        self._writers = writers
        self._fd = -1
        self._leased = False
        self._mask: set[int] | None = None
        self.in_use = False
        self.inode = -1

    def __enter__(self) -> Self:
        try:
            self._fd = os.open(self._entry.name, _FLAGS, dir_fd=self._directory)
        except OSError as error:
            if error.errno == errno.EAGAIN:  # somebody else holds a write lease: it is in use
                self.in_use = True
                return self
            if error.errno in _NO_FILE:  # `inode` says that no file is guarded
                return self
            if error.errno not in (errno.EACCES, errno.EPERM):
                raise
            status = os.stat(self._entry.name, dir_fd=self._directory, follow_symlinks=False)
            self.inode = status.st_ino
            self.in_use = self._writers.has(status)
            return self
        try:
            self.inode = os.fstat(self._fd).st_ino
            self.in_use = is_locked(self._fd) or not self._lease()
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            self._let_go()

    def _let_go(self) -> None:
        if self._leased:
            # A process that was forked meanwhile has the same open file, so closing ours would not free it.
            with suppress(OSError):
                fcntl.fcntl(self._fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        os.close(self._fd)
        if self._mask is not None:
            if signal.SIGURG in signal.sigpending():
                signal.sigtimedwait(_NOTICE, 0)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    @property
    def broken(self) -> bool:
        """Whether somebody has begun to open the file for writing."""
        return self._leased and fcntl.fcntl(self._fd, fcntl.F_GETLEASE) != fcntl.F_RDLCK

    def _lease(self) -> bool:
        """Take the lease; return False when somebody has the file open for writing."""
        if not self._writers.leases:
            return not self._writers.has(os.fstat(self._fd))
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _NOTICE)
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETSIG, signal.SIGURG)
            this_thread = struct.pack("ii", _F_OWNER_TID, threading.get_native_id())
            fcntl.fcntl(self._fd, _F_SETOWN_EX, this_thread)  # before the lease, which else takes the process
            fcntl.fcntl(self._fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return False
            return not self._writers.has(os.fstat(self._fd))
        self._leased = True
        return True


def _open_for_writing() -> set[tuple[int, int]]:
    found = set()
    for process in os.listdir("/proc"):
        if process.isdigit():
            with suppress(OSError):  # it ended, or is somebody else's
                found |= _written_by(process)
    return found


def _written_by(process: str) -> set[tuple[int, int]]:
    found = set()
    for number in os.listdir(f"/proc/{process}/fd"):
        with suppress(OSError):
            if _is_writable(f"/proc/{process}/fdinfo/{number}"):
                status = os.stat(f"/proc/{process}/fd/{number}")
                found.add((status.st_dev, status.st_ino))
    return found


def _is_writable(info: str) -> bool:
    with open(info, encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("flags:"):
                return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False
