"""Renaming without ever replacing, also where the file system cannot promise that.

`RENAME_NOREPLACE` is what both ways of a rename rest on: what goes aside must not replace what waits there, and
what comes back must not replace what took its name meanwhile. mergerfs, bindfs, ntfs-3g, older ZFS, NFS and
CephFS refuse the flag with EINVAL. Each way then has another reason why nothing is replaced:

* `take_aside`: the target lies below a directory that nobody but us can enter. No name appears there that we
  did not make, so looking first is enough.
* `put_back`: the source lies there, the target does not. A file gets its old name by link(2), which never
  replaces, and then loses the other one, which is ours alone. A directory is renamed: rename(2) replaces
  nothing by a directory but an *empty* directory, so that at the worst one is lost that was made in that very
  moment, with nothing in it.

A rename that leads to another volume, or that the file system cannot do at all, is an error (EXDEV: a
directory of a lower layer of overlayfs): it is the caller's to report, or to do without. Nothing is copied.
"""

from __future__ import annotations

import errno
import os
from stat import S_ISDIR
from typing import Final

from shelflife.files.kernel import rename_noreplace

CANNOT_PROMISE: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What renameat2(2) gives where the kernel or the file system does not know a flag of it."""


def take_aside(source: int, name: str, aside: int, new_name: str) -> None:
    """Rename the entry `name` of the open directory `source` into the open directory `aside`.

    `aside` must be ours alone: below a directory of mode 0700, with nobody but the caller at work in it.
    Raises FileExistsError when `new_name` is taken there, and OSError as rename(2) does; nothing has moved then.
    """
    try:
        rename_noreplace(source, name, aside, new_name)
    except OSError as error:
        if error.errno not in CANNOT_PROMISE:
            raise
        _refuse_taken(aside, new_name)
        os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=aside)


def put_back(aside: int, name: str, target: int, new_name: str) -> None:
    """Rename the entry `name` of the open directory `aside`, which is ours alone, into the directory `target`.

    Raises FileExistsError when `new_name` is taken there, and OSError as rename(2) or link(2) does – EPERM where
    the file system knows no hard links (exFAT); `name` is where it was then. A failure in between leaves a file
    under both names.
    """
    try:
        rename_noreplace(aside, name, target, new_name)
    except OSError as error:
        if error.errno not in CANNOT_PROMISE:
            raise
        if S_ISDIR(os.stat(name, dir_fd=aside, follow_symlinks=False).st_mode):
            _refuse_taken(target, new_name)
            os.rename(name, new_name, src_dir_fd=aside, dst_dir_fd=target)
        else:
            os.link(name, new_name, src_dir_fd=aside, dst_dir_fd=target, follow_symlinks=False)
            os.unlink(name, dir_fd=aside)


def _refuse_taken(directory: int, name: str) -> None:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
