"""Small file systems of their own, to be filled up."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from shelflife.settings import Settings
from shelflife.testing import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class MountStorage(Protocol):
    """Makes a storage on a file system of its own."""

    def __call__(
        self, areas: Mapping[str, object], *, options: str = "size=24m", **others: object
    ) -> Storage: ...


@pytest.fixture
def mount_storage(tmp_path: Path) -> Iterator[MountStorage]:
    """Make storages on tmpfs, unmounted in the end. Needs root."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root")
    with ExitStack() as mounts:

        def make(areas: Mapping[str, object], *, options: str = "size=24m", **others: object) -> Storage:
            place = tmp_path / "disk"
            place.mkdir()
            command: list[str | Path] = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place]
            if subprocess.run(command, check=False).returncode:
                pytest.skip("may not mount anything")
            mounts.callback(_unmount, place)
            settings = Settings.build(
                base_path=place / "storage",
                areas=areas,
                **{"pressure": {"high": "90%", "low": "80%"}, **others},
            )
            storage = Storage(settings=settings)
            storage.engine.create()
            return storage

        yield make


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", place], check=True)


def fill(storage: Storage, path: str, *, age: str | float, size: int) -> Path:
    """Make a file that takes `size` bytes of disk."""
    return storage.file(path, age=age, content=os.urandom(1024) + bytes(size - 1024))


def share(storage: Storage) -> float:
    """Return the percent of the storage's disk that is in use, as df counts it."""
    status = os.statvfs(storage.base_path)
    used = status.f_blocks - status.f_bfree
    return 100 * used / (used + status.f_bavail)


def fill_up(storage: Storage, path: str = "outputs/rest", *, leave: int = 0) -> None:
    """Fill the disk to its last block, but for `leave` bytes."""
    place = storage.path(path)
    status = os.statvfs(storage.base_path)
    with place.open("wb", buffering=0) as file:
        if leave:
            file.write(bytes(max(0, status.f_bavail * status.f_frsize - leave)))
            return
        block = bytes(65536)
        while block:
            try:
                while file.write(block) == len(block):
                    pass
            except OSError:
                block = block[: len(block) // 2]
