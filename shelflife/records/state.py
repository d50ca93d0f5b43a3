"""The state directory: `<base path>/.shelflife`, or `state_dir` of the settings.

It belongs to the owner of the base path even when root made it, so that a first command as root does not lock
out the service; nobody else can read it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Owner:
    """Who the files of a storage belong to."""

    uid: int
    gid: int

    @classmethod
    def of(cls, path: Path) -> Owner:
        """Return the owner of `path`. Raises OSError as stat(2) does."""
        status = path.stat()
        return cls(status.st_uid, status.st_gid)

    def adopt(self, path: Path) -> None:
        """Give `path` to this owner, when we are root and it is not his yet."""
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

    def create(self) -> None:
        """Make the directory of index and journal where it is missing. Raises OSError."""
        self._create(self.path)

    def create_file(self, path: Path) -> None:
        """Make an empty file where it is missing, and its directory. Raises OSError."""
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
