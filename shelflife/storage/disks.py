"""The file systems that the areas are on, and how full they are."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.files.mounts import room_of
from shelflife.policy.load import Load
from shelflife.policy.watermark import Space, Usage
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shelflife.policy.area import Area
    from shelflife.records.state import StateDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """One file system with directories of areas on it."""

    device: int
    """Its number, which means something only until the machine is restarted."""

    file_system: int
    """Its id, which most kinds keep: 0 where it has none."""

    areas: Mapping[str, tuple[str, ...]]
    """Which directories of which areas are on it."""

    usage: Usage
    """How full it is."""

    def with_records(self, state: StateDirectory) -> Usage:
        """Return how full it was found, with what of that our own records take now."""
        inodes, size = state.size_on(self.device)
        return replace(self.usage, records=Load(files=inodes, allocated=size))

    @property
    def name(self) -> str:
        """The first directory on it, which names it for people and in the records."""
        return next(directory for directories in self.areas.values() for directory in directories)


def usage_of(fd: int) -> Usage:
    """Return how full the file system of an open file is. Raises OSError."""
    status = os.fstatvfs(fd)
    inodes = room_of(status).inodes
    return Usage(
        space=Space(
            used=(status.f_blocks - status.f_bfree) * status.f_frsize,
            available=status.f_bavail * status.f_frsize,
        ),
        inodes=Space(0, 0)
        if inodes is None
        else Space(used=status.f_files - status.f_ffree, available=inodes),
    )


def disks_of(base: int, areas: Iterable[Area]) -> list[Disk]:
    """Return the file systems of the areas' directories below the held base path, in the areas' order.

    A directory that is missing, or leads away, is on none.
    """
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    usages: dict[int, tuple[int, Usage]] = {}
    for area in areas:
        try:
            with hold_roots(base, area) as (roots, _):
                for _, directory, anchor in roots:
                    device = os.fstat(anchor.fd).st_dev
                    usages.setdefault(device, (os.fstatvfs(anchor.fd).f_fsid, usage_of(anchor.fd)))
                    directories = found.setdefault(device, {})
                    directories[area.name] = (*directories.get(area.name, ()), directory)
        except (StorageError, OSError):
            continue
    return [
        Disk(device=device, file_system=usages[device][0], areas=directories, usage=usages[device][1])
        for device, directories in found.items()
    ]
