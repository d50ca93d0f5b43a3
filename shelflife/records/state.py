"""The state directory: `<base path>/.shelflife`, or `state_dir` of the settings.

It belongs to the owner of the base path even when root made it, so that a first command as root does not lock
out the service; nobody else can read it.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.files.mounts import LOCAL, file_system_of, may_be_shared, room_of

if TYPE_CHECKING:
    from pathlib import Path

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
"""What the kernel says if a disk, or an owner's share of it, is full."""

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600

RESERVE_BYTES: Final = 4 * 1024 * 1024
"""Room that is set aside, at the most: for the record of some twenty thousand removals."""

RESERVE_INODES: Final = 4
"""Files that are set aside: as many as SQLite makes beside a database, and one more."""

_LEAST_RESERVE: Final = 256 * 1024
"""Bytes: less is of no use."""

_TIGHT_BYTES: Final = 256 * 1024
"""Room below which nothing is begun that could not be written down."""

_SHARE: Final = 16
"""The reserve takes at most one in so many of the bytes and inodes that are free."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who the files of a storage belong to."""

    uid: int
    gid: int

    @property
    def ids(self) -> tuple[int, int]:
        """Its uid and gid."""
        return self.uid, self.gid

    @classmethod
    def of(cls, path: Path) -> Owner:
        """Return the owner of `path`. Raises OSError as stat(2) does."""
        status = path.stat()
        return cls(status.st_uid, status.st_gid)

    def adopt(self, path: Path) -> None:
        """Give `path` to this owner, when we are root and it does not belong to them yet."""
        if os.geteuid() == 0:
            status = path.lstat()
            if (status.st_uid, status.st_gid) != (self.uid, self.gid):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Where index, journal and lock are."""

    path: Path
    """The directory of index and journal."""

    home: Path
    """The directory of lock and marker, which stay with the storage: the same, unless `state_dir` is set."""

    owner: Owner
    """Whom it belongs to: the owner of the base path."""

    @property
    def index(self) -> Path:
        """The index: a cache."""
        return self.path / "index.db"

    @property
    def journal(self) -> Path:
        """The journal: what happened."""
        return self.path / "journal.db"

    @property
    def lock(self) -> Path:
        """The lock of cleanups, and who holds it."""
        return self.home / "lock"

    @property
    def marker(self) -> Path:
        """The UUID that the storage shares with its journal."""
        return self.home / "marker"

    @property
    def index_lock(self) -> Path:
        """The lock of whoever brings the index up to date."""
        return self.path / "index.lock"

    def unfit(self) -> str | None:
        """Say why index and journal cannot be kept here; None if they can. Raises OSError.

        SQLite relies on locks and on shared memory, which only file systems of this machine do well.
        """
        place = self.path
        while not place.is_dir():
            place = place.parent
        fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not may_be_shared(fd) or (kind := file_system_of(fd)) in LOCAL:
                return None
        finally:
            os.close(fd)
        return (
            f"the records cannot be kept in {self.path}: it is on {kind}, where databases may break; set "
            "`state_dir` to a directory on a disk of this machine"
        )

    def create(self) -> None:
        """Make the directory of index and journal where it is missing. Raises OSError."""
        self._create(self.path)

    def keep_reserve(self) -> None:
        """Set room aside for a time when the disk is full, as long as it is not."""
        with suppress(OSError):
            room = room_of(os.statvfs(self.path))
            size = min((room.bytes or 0) // _SHARE, RESERVE_BYTES)
            if size < _LEAST_RESERVE or not room.has(bytes=size, inodes=_SHARE * RESERVE_INODES):
                return
            there = os.listdir(self._reserve) if self._reserve.is_dir() else ()
            for number in range(RESERVE_INODES):
                if str(number) not in there:
                    self.create_file(self._reserve / str(number))
            fd = os.open(self._reserve / "0", os.O_WRONLY | os.O_CLOEXEC)
            try:
                if os.fstat(fd).st_size == 0:
                    os.posix_fallocate(fd, 0, size)
            finally:
                os.close(fd)

    def is_tight(self) -> bool:
        """Return whether there is hardly any room for what is to be recorded, as far as is known."""
        path = self.path
        while not path.exists() and path != path.parent:
            path = path.parent
        with suppress(OSError):
            return not room_of(os.statvfs(path)).has(bytes=_TIGHT_BYTES, inodes=RESERVE_INODES)
        return False

    def release_reserve(self) -> None:
        """Give back the room that was set aside: on a full disk the journal needs it."""
        for number in range(RESERVE_INODES):
            with suppress(OSError):
                (self._reserve / str(number)).unlink()
        with suppress(OSError):
            self._reserve.rmdir()

    def drop_index(self) -> None:
        """Give up the index, which is a cache, where the journal finds no room otherwise."""
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self.index.with_name(self.index.name + suffix).unlink()

    def size_on(self, device: int) -> tuple[int, int]:
        """Return how many inodes and bytes of a device these records take, with what was set aside."""
        inodes = size = 0
        for directory in {self.path, self.home, self._reserve}:
            with suppress(OSError), os.scandir(directory) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        if status.st_dev == device:
                            inodes += 1
                            size += status.st_blocks * 512
        return inodes, size

    @property
    def _reserve(self) -> Path:
        return self.path / "reserve"

    def create_file(self, path: Path) -> None:
        """Make an empty file where it is missing, and its directories. Raises OSError."""
        if self.path in path.parent.parents:
            self._create(self.path)
        self._create(path.parent)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE))
        self.owner.adopt(path)

    def _create(self, directory: Path) -> None:
        if not directory.is_dir():
            with suppress(FileExistsError):
                directory.mkdir(mode=DIRECTORY_MODE, parents=True)
            directory.chmod(DIRECTORY_MODE)  # mkdir's mode is cut by the umask
            self.owner.adopt(directory)
