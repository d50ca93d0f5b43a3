"""The system calls that Python does not offer: openat2(2), renameat2(2), syncfs(2), through ctypes."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
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


def sync_file_system(fd: int) -> None:
    """Have the file system of an open file write what it has put off. Raises OSError as syncfs(2) does."""
    if _libc.syncfs(fd) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


_AT_SYMLINK_NOFOLLOW: Final = 0x100
_STATX_BTIME: Final = 0x800
_STATX_SIZE: Final = 256
_BTIME_OFFSET: Final = 80  # struct statx: stx_mask at 0, stx_btime (s64 seconds, u32 nanoseconds) at 80


def birth_time(directory: int, name: str) -> int | None:
    """Return when the inode of `name` was made, in ns since the epoch; None where that is not recorded.

    With the inode's number it tells a file from a later one that was given the same number, which happens at
    once on most file systems. Raises OSError as statx(2) does.
    """
    buffer = ctypes.create_string_buffer(_STATX_SIZE)
    if _libc.statx(directory, os.fsencode(name), _AT_SYMLINK_NOFOLLOW, _STATX_BTIME, buffer) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)
    (mask,) = struct.unpack_from("=I", buffer, 0)
    if not mask & _STATX_BTIME:
        return None
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, _BTIME_OFFSET)
    return int(seconds * 10**9 + nanoseconds)
