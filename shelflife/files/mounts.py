"""Which file system a directory is on, and whether its times prove that nothing changed."""

from __future__ import annotations

import os
from typing import Final

TRUSTED: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay"})
"""File systems on which a directory's mtime and ctime change with each entry, at once, for every observer.
ext2 and ext3 are served by the ext4 driver of every current kernel."""

NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "fuse.sshfs", "fuse.glusterfs", "afs", "lustre"}
)
"""File systems shared between machines, on which SQLite's locks cannot be relied on
(https://www.sqlite.org/useovernet.html)."""


def file_system_of(fd: int) -> str:
    """Return the type of the file system that the open directory `fd` is on; `unknown` when it cannot be told.

    Reads the mount table (proc_pid_mountinfo(5)) by the mount id of the descriptor, which tells bind mounts
    and btrfs subvolumes apart where the device number does not.
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
    return "unknown"


def is_trusted(fd: int) -> bool:
    """Return whether an unchanged key proves an unchanged directory on the file system of `fd`."""
    return file_system_of(fd) in TRUSTED


def _mount_id(fd: int) -> str | None:
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
        for line in info:
            if line.startswith("mnt_id:"):
                return line.split()[1]
    return None


def free_bytes(fd: int) -> int:
    """Return the bytes that an unprivileged process can still write on the file system of `fd`."""
    status = os.fstatvfs(fd)
    return status.f_bavail * status.f_frsize
