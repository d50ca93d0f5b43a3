"""The system calls that Python does not offer: openat2(2) and renameat2(2), through ctypes."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

RESOLVE_NO_XDEV: Final = 0x01
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08
RENAME_NOREPLACE: Final = 0x01

_SYS_OPENAT2: Final = 437  # the same number on every architecture (added after the tables were unified)

_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def openat2(directory: int, path: str, flags: int, resolve: int) -> int:
    """Open `path` relative to the descriptor `directory`; return a descriptor that is closed on exec.

    Raises OSError as openat2(2) does: EXDEV at a mount point, ELOOP at a symbolic link, and ENOSYS (or EPERM
    from an old seccomp filter) where the kernel does not offer it.
    """
    how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve)
    while True:
        fd = _libc.syscall(_SYS_OPENAT2, directory, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
        if fd >= 0:
            return int(fd)
        code = ctypes.get_errno()
        # EAGAIN: a rename elsewhere raced with the resolution (openat2(2)); the kernel asks for another try.
        if code not in (errno.EINTR, errno.EAGAIN):
            raise OSError(code, os.strerror(code), path)


def rename_noreplace(source_directory: int, source: str, target_directory: int, target: str) -> None:
    """Rename, and never replace: FileExistsError when `target` exists.

    Raises OSError as renameat2(2) does; EINVAL where the file system does not offer RENAME_NOREPLACE.
    """
    result = _libc.renameat2(
        source_directory, os.fsencode(source), target_directory, os.fsencode(target), RENAME_NOREPLACE
    )
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), source, None, target)
