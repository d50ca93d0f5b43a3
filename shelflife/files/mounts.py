"""Which file system a directory is on, and whether its times prove that nothing changed."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from shelflife.files.kernel import magic_of

TRUSTED: Final = frozenset(
    {*("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay"), *("nfs", "nfs4")}
)
"""File systems on which a directory's mtime and ctime change with each entry, at once, for every observer who
looks at them afresh (`shelflife.files.kernel.fresh_attributes`; on NFS that asks the server). ext2 and ext3 are
served by the ext4 driver of every current kernel."""

_LOCAL_MAGIC: Final = {
    0xEF53: "ext4",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x2FC12FC1: "zfs",
    0xF2F52010: "f2fs",
    0x01021994: "tmpfs",
    0x858458F6: "ramfs",
    0x794C7630: "overlay",
    0xCA451A4E: "bcachefs",
    0x3153464A: "jfs",
    0x52654973: "reiserfs",
    0x3434: "nilfs2",
    0x4D44: "vfat",
    0x2011BAB0: "exfat",
    0x7366746E: "ntfs3",
    0x482B: "hfsplus",
    0x15013346: "udf",
}
"""File systems of this machine alone, by the number that statfs(2) gives for them."""

_FUSE_MAGIC: Final = 0x65735546

LOCAL: Final = frozenset(_LOCAL_MAGIC.values()) | {"ext2", "ext3", "fuseblk", "ecryptfs"}
"""File systems on which SQLite's locks can be relied on (https://www.sqlite.org/useovernet.html): those of this
machine. Any other may be shared: what FUSE shows, above all, may come from anywhere (`fuseblk` is on a disk)."""


def file_system_of(fd: int) -> str:
    """Return the type of the file system that the open directory `fd` is on; `unknown` when it cannot be told.

    Reads the mount table (proc_pid_mountinfo(5)) by the mount id of the descriptor, which tells bind mounts
    and btrfs subvolumes apart where the device number does not, and tells what FUSE shows. Where the table lacks
    it (in a chroot, without /proc), the kernel's number for it says as much as it can.
    """
    try:
        mount = _mount_id(fd)
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
            for line in table:
                fields = line.split()
                if fields[0] == mount:
                    return fields[fields.index("-") + 1]
    except (OSError, ValueError, IndexError):
        pass
    return _LOCAL_MAGIC.get(_magic_of(fd), "unknown")


def is_trusted(fd: int) -> bool:
    """Return whether an unchanged key proves an unchanged directory on the file system of `fd`."""
    return (_LOCAL_MAGIC.get(_magic_of(fd)) or file_system_of(fd)) in TRUSTED


def may_be_shared(fd: int) -> bool:
    """Return whether other machines may change what is on the file system of `fd`, unseen by our caches."""
    return _magic_of(fd) not in _LOCAL_MAGIC


def knows_writers(fd: int) -> bool:
    """Return whether a lease on the file system of `fd` tells whether a process of this machine writes.

    It does where the kernel itself keeps the open files. NFS, SMB and CephFS ask a server, which answers
    something else.
    """
    return _magic_of(fd) in _LOCAL_MAGIC or is_fuse(fd)


_SHOWS_ALLOCATED: Final = frozenset({"ext4", "xfs", "f2fs", "tmpfs", "ramfs"})


def shows_allocated(fd: int) -> bool:
    """Return whether statvfs(3) counts blocks as used once they are set aside for an open file.

    On btrfs it does not move until they are written; of others it is not known.
    """
    return _LOCAL_MAGIC.get(_magic_of(fd)) in _SHOWS_ALLOCATED


def is_fuse(fd: int) -> bool:
    """Return whether a program serves the file system of `fd`, and numbers its files anew as it forgets them."""
    return _magic_of(fd) == _FUSE_MAGIC


def _magic_of(fd: int) -> int:
    try:
        return magic_of(fd)
    except OSError:
        return 0


def _mount_id(fd: int) -> str | None:
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
        for line in info:
            if line.startswith("mnt_id:"):
                return line.split()[1]
    return None


class Room(NamedTuple):
    """What is left on a file system for a process without privileges. What is not known is not zero."""

    bytes: int | None
    """None where the file system does not say (CephFS may give no blocks at all)."""
    inodes: int | None
    """None where it does not count them (btrfs) or does not say (CephFS gives -1)."""

    def has(self, *, bytes: int, inodes: int) -> bool:
        """Return whether there is room for so much, as far as is known."""
        return (self.bytes is None or self.bytes >= bytes) and (self.inodes is None or self.inodes >= inodes)


def room_of(status: os.statvfs_result) -> Room:
    """Return what is left on a file system, by what statvfs(3) says of it."""
    return Room(
        status.f_bavail * status.f_frsize if status.f_blocks > 0 else None,
        status.f_favail if status.f_files > 0 and status.f_favail >= 0 else None,
    )


def free_bytes(fd: int) -> int:
    """Return the bytes that an unprivileged process can still write on the file system of `fd`; 0 if unknown."""
    return room_of(os.fstatvfs(fd)).bytes or 0
