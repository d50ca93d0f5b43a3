"""The storage: the base path and the areas' directories below it, held open."""

from __future__ import annotations

import errno
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shelflife.errors import StorageError
from shelflife.files.anchor import Anchor
from shelflife.files.kernel import is_mount_root
from shelflife.files.mounts import room_of
from shelflife.records.state import Owner
from shelflife.storage.root import AreaRoot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shelflife.policy.area import Area

logger = logging.getLogger(__name__)

DIRECTORY_MODE: Final = 0o755
"""Mode of the directories that are made for areas (requirements: `ensure_directories`)."""

_DIRECTORY_SIZE: Final = 4096
"""Bytes that a new directory takes, at the most, on the file systems at hand."""

_NOT_THERE: Final = (errno.ENOENT,)
_LEADS_AWAY: Final = (errno.ELOOP, errno.ENOTDIR, errno.EXDEV)


@contextmanager
def hold_base(base_path: Path, *, require_mount: bool = False) -> Iterator[int]:
    """Hold the base path open, as a context: its descriptor. Raises StorageError that says what is wrong.

    With `require_mount` something must be mounted right there, be it a bind mount: a volume that is not mounted
    leaves an empty directory behind, which must not be taken for an empty storage.
    """
    try:
        fd = os.open(base_path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        hint = "its volume is not mounted" if require_mount else "`shelflife init` creates it"
        raise StorageError(f"the base path {base_path} does not exist; {hint}") from None
    except NotADirectoryError:
        raise StorageError(f"the base path {base_path} is not a directory") from None
    except OSError as error:
        raise StorageError(f"the base path {base_path} cannot be read: {error.strerror}") from error
    try:
        if not os.access(".", os.X_OK, dir_fd=fd, effective_ids=True):
            raise StorageError(f"the base path {base_path} cannot be entered: {os.strerror(errno.EACCES)}")
        if require_mount and not is_mount_point(fd):
            raise StorageError(
                f"the base path {base_path} is not a mount point, but require_mount is set: its volume is not "
                "mounted"
            )
        yield fd
    finally:
        os.close(fd)


def is_mount_point(fd: int) -> bool:
    """Return whether something is mounted right at an open directory. Raises OSError."""
    mounted = is_mount_root(fd)
    if mounted is None:  # before Linux 5.8: that sees no bind mount of the same file system
        return os.fstat(fd).st_dev != os.stat("..", dir_fd=fd).st_dev
    return mounted


@contextmanager
def hold_roots(base: int, area: Area) -> Iterator[tuple[list[AreaRoot], list[str]]]:
    """Hold an area's directories: those that are there, and what is wrong with others.

    An alias that is missing or is a symbolic link is no fault (it may lead to the area's own directory); an
    area none of whose directories is there is one. Raises StorageError when the area's own directory is a
    symbolic link or a file: whatever it leads to was not meant.
    """
    roots: list[AreaRoot] = []
    faults: list[str] = []
    try:
        for directory in area.directories:
            try:
                roots.append(AreaRoot(area, directory, Anchor.open(base, directory)))
            except OSError as error:
                if fault := _fault(area, directory, error):
                    faults.append(fault)
        if not roots and not faults:
            faults.append(f"{area.directories[0]}: No such file or directory")
        yield roots, faults
    finally:
        for root in roots:
            root.anchor.close()


def _fault(area: Area, directory: str, error: OSError) -> str | None:
    own = directory == area.directories[0]
    if error.errno in _NOT_THERE:
        return None
    if error.errno in _LEADS_AWAY:
        if not own:
            return None
        raise StorageError(
            f"area {area.name}: {directory} is not a directory, or a symbolic link is on the way there; "
            "an area must be a real directory below the base path"
        )
    return f"{directory}: {error.strerror}"


def create_directories(
    base_path: Path, areas: Iterable[Area], *, require_mount: bool = False
) -> dict[str, Path]:
    """Make the base path and the areas' own directories where they are missing; return the latter by area.

    With `require_mount`, nothing is made unless the base path is a mount point. Room and permission are checked
    before anything is made. What is made gets mode 755 and the owner of the base path; what is there is left as
    it is. Raises OSError (PermissionError, ENOSPC, …), and StorageError where a file or a symbolic link is in the
    way.
    """
    if require_mount:
        with hold_base(base_path, require_mount=True):
            pass
    paths = {area.name: base_path / area.directories[0] for area in areas}
    missing = [path for path in (base_path, *paths.values()) if not path.is_dir()]
    if missing:
        _check_room(_nearest(missing[0]), len(missing))
    for path in missing:
        _make(path, base_path)
    for path in paths.values():
        if (mode := path.stat().st_mode & 0o7777) != DIRECTORY_MODE:
            logger.warning("%s has mode %o, not %o; left as it is", path, mode, DIRECTORY_MODE)
    with hold_base(base_path) as base:
        for area in areas:
            with hold_roots(base, area) as (_, faults):
                if faults:
                    raise StorageError(f"area {area.name}: {faults[0]}")
    return paths


def _check_room(parent: Path, directories: int) -> None:
    if not os.access(parent, os.W_OK | os.X_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, "no permission to create a directory here", str(parent))
    room = room_of(os.statvfs(parent))
    if not room.has(bytes=directories * _DIRECTORY_SIZE, inodes=directories):
        raise OSError(errno.ENOSPC, "no room for the directories of the storage", str(parent))


def _nearest(path: Path) -> Path:
    """Return the nearest directory above `path` that is there."""
    return next(parent for parent in path.parents if parent.is_dir())


def _make(path: Path, base_path: Path) -> None:
    parent = _nearest(path)
    owner = Owner.of(base_path if base_path.is_dir() else parent)
    for directory in [*reversed(path.relative_to(parent).parents), path.relative_to(parent)][1:]:
        created = parent / directory
        try:
            created.mkdir(mode=DIRECTORY_MODE)
        except FileExistsError:
            if created.is_dir():  # made by somebody else meanwhile
                continue
            raise StorageError(f"{created} is in the way: it is not a directory") from None
        created.chmod(DIRECTORY_MODE)  # mkdir's mode is cut by the umask
        owner.adopt(created)
