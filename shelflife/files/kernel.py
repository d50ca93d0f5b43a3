"""The system calls that Python does not offer, through ctypes.

These are openat2(2), renameat2(2), fallocate(2), statx(2), syncfs(2) and a few more.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final, NamedTuple

from shelflife.clock import SECOND

RESOLVE_NO_XDEV: Final = 0x01
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08
RENAME_NOREPLACE: Final = 0x01
RENAME_EXCHANGE: Final = 0x02
_FALLOC_FL_KEEP_SIZE: Final = 0x01

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
    _rename(source_directory, source, target_directory, target, RENAME_NOREPLACE)


def rename_exchange(one_directory: int, one: str, other_directory: int, other: str) -> None:
    """Let two entries, which must be there, change places at once.

    Raises OSError as renameat2(2) does; EINVAL where the file system does not offer RENAME_EXCHANGE.
    """
    _rename(one_directory, one, other_directory, other, RENAME_EXCHANGE)


def _rename(source_directory: int, source: str, target_directory: int, target: str, flags: int) -> None:
    result = _libc.renameat2(
        source_directory, os.fsencode(source), target_directory, os.fsencode(target), flags
    )
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), source, None, target)


def allocate(fd: int, start: int, size: int) -> None:
    """Have the file system set blocks aside for `size` bytes of an open file from `start`; its size stays.

    Raises OSError as fallocate(2) does: ENOSPC, and EOPNOTSUPP where the file system cannot do that.
    """
    result = _libc.fallocate64(fd, _FALLOC_FL_KEEP_SIZE, ctypes.c_int64(start), ctypes.c_int64(size))
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def sync_file_system(fd: int) -> None:
    """Have the file system of an open file write what it has put off. Raises OSError as syncfs(2) does."""
    if _libc.syncfs(fd) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


_STATFS_SIZE: Final = 256  # struct statfs is smaller on every architecture


def magic_of(fd: int) -> int:
    """Return the number that says of which kind the file system of an open file is. Raises OSError.

    statfs(2) lists them. It begins the structure, as a long, on all architectures but s390, where it is an int.
    """
    buffer = ctypes.create_string_buffer(_STATFS_SIZE)
    if _libc.fstatfs(fd, buffer) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    number = ctypes.c_uint32 if os.uname().machine.startswith("s390") else ctypes.c_ulong
    return int(number.from_buffer(buffer).value) & 0xFFFFFFFF


_AT_SYMLINK_NOFOLLOW: Final = 0x100
_AT_EMPTY_PATH: Final = 0x1000
_AT_STATX_FORCE_SYNC: Final = 0x2000
_STATX_BASIC_STATS: Final = 0x7FF
_STATX_BTIME: Final = 0x800
_STATX_ATTR_MOUNT_ROOT: Final = 0x2000


class _Timestamp(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_uint32), ("reserved", ctypes.c_int32))

    @property
    def ns(self) -> int:
        return int(self.seconds) * SECOND + int(self.nanoseconds)


class _Statx(ctypes.Structure):
    """`struct statx` of linux/stat.h, the same on every architecture."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("mask", "blksize")),
        ("attributes", ctypes.c_uint64),
        *((name, ctypes.c_uint32) for name in ("nlink", "uid", "gid")),
        *((name, ctypes.c_uint16) for name in ("mode", "spare0")),
        *((name, ctypes.c_uint64) for name in ("ino", "size", "blocks", "attributes_mask")),
        *((name, _Timestamp) for name in ("atime", "btime", "ctime", "mtime")),
        *((name, ctypes.c_uint32) for name in ("rdev_major", "rdev_minor", "dev_major", "dev_minor")),
        ("rest", ctypes.c_uint64 * 14),
    )


class Attributes(NamedTuple):
    """What statx(2) says of a file, under the names of `os.stat_result`. Times in ns since the epoch."""

    st_mode: int
    st_ino: int
    st_dev: int
    st_nlink: int
    st_size: int
    st_blocks: int
    st_atime_ns: int
    st_mtime_ns: int
    st_ctime_ns: int


def birth_time(directory: int, name: str) -> int | None:
    """Return when the inode of `name` was made, in ns since the epoch; None where that is not recorded.

    With the inode's number it tells a file from a later one that was given the same number, which happens at
    once on most file systems. Raises OSError as statx(2) does.
    """
    found = _statx(directory, name, _AT_SYMLINK_NOFOLLOW, _STATX_BTIME)
    return found.btime.ns if found.mask & _STATX_BTIME else None


def generation(directory: int, name: str) -> int | None:
    """Return a number that tells the inode of `name` from others that have had, or will have, its number.

    Its birth time in ns since the epoch; where none is recorded (NFS, CephFS) a negative number made of its file
    handle, by which the server tells them apart; None where there is neither. Raises OSError as statx(2) does.
    """
    born = birth_time(directory, name)
    return _number_of_handle(directory, name) if born is None else born


class _FileHandle(ctypes.Structure):
    """`struct file_handle` of fcntl.h."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("type", ctypes.c_int32),
        ("opaque", ctypes.c_ubyte * 128),  # MAX_HANDLE_SZ
    )


def _number_of_handle(directory: int, name: str) -> int | None:
    """Return a negative number for the handle that name_to_handle_at(2) gives; None where it gives none."""
    handle, mount = _FileHandle(size=128), ctypes.c_int()
    flags = 0 if name else _AT_EMPTY_PATH  # a symbolic link is not followed unless asked for
    if _libc.name_to_handle_at(
        directory, os.fsencode(name), ctypes.byref(handle), ctypes.byref(mount), flags
    ):
        return None
    from hashlib import blake2b

    content = handle.type.to_bytes(4, "little", signed=True) + bytes(handle.opaque[: handle.size])
    return -1 - (int.from_bytes(blake2b(content, digest_size=8).digest(), "little") >> 1)


def fresh_attributes(directory: int, name: str) -> Attributes:
    """Return what `name` is now, also where stat(2) may answer from a cache that is a second old: on NFS.

    A symbolic link is not followed; the empty name is the open directory itself. On a file system of this
    machine it says what stat(2) says. Raises OSError as statx(2) does.
    """
    found = _statx(directory, name, _AT_SYMLINK_NOFOLLOW | _AT_STATX_FORCE_SYNC, _STATX_BASIC_STATS)
    return Attributes(
        st_mode=found.mode,
        st_ino=found.ino,
        st_dev=os.makedev(found.dev_major, found.dev_minor),
        st_nlink=found.nlink,
        st_size=found.size,
        st_blocks=found.blocks,
        st_atime_ns=found.atime.ns,
        st_mtime_ns=found.mtime.ns,
        st_ctime_ns=found.ctime.ns,
    )


def is_mount_root(fd: int) -> bool | None:
    """Return whether something is mounted right at an open directory, be it a bind mount of the same device.

    None where the kernel does not tell (before Linux 5.8). Raises OSError.
    """
    found = _statx(fd, "", 0, 0)
    if not found.attributes_mask & _STATX_ATTR_MOUNT_ROOT:
        return None
    return bool(found.attributes & _STATX_ATTR_MOUNT_ROOT)


def _statx(directory: int, name: str, flags: int, mask: int) -> _Statx:
    found = _Statx()
    flags |= 0 if name else _AT_EMPTY_PATH
    if _libc.statx(directory, os.fsencode(name), flags, mask, ctypes.byref(found)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)
    return found
