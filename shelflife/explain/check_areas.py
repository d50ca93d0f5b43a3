"""Check, the areas: whether files can go there, and all that does not work as on a disk of this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.explain.findings import Finding, error, ok, warning
from shelflife.files.mounts import TRUSTED, file_system_of, knows_writers, may_be_shared
from shelflife.files.trial import Abilities, try_out
from shelflife.settings import Expire
from shelflife.storage.areas import DIRECTORY_MODE, hold_base, hold_roots
from shelflife.storage.preconditions import area_obstacles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shelflife.files.anchor import Anchor
    from shelflife.policy.area import Area


def check_areas(base_path: Path, areas: Iterable[Area], *, trying: bool) -> Iterator[Finding]:
    """Yield what there is to say of each area, all of it. Raises StorageError if the base path is not there.

    With `trying`, what its file system can do is tried out where that is not known.
    """
    with hold_base(base_path) as base:
        for area in areas:
            found = [*_area(base_path, base, area, trying=trying)]
            yield from found or [ok(f"area {area.name}", f"{base_path / area.directories[0]}: in order")]


def _area(base_path: Path, base: int, area: Area, *, trying: bool) -> Iterator[Finding]:
    check = f"area {area.name}"
    faults = area_obstacles(base, area)
    for fault in faults:
        hint = "; `shelflife init` creates what is missing" if "No such file" in fault else ""
        yield error(check, f"{fault}{hint}")
    if faults:
        return
    try:
        with hold_roots(base, area) as (roots, _):
            for _, directory, anchor in roots:
                path = base_path / directory
                warnings = [*_warnings(path, area, anchor), *(_tried(path, area, anchor) if trying else ())]
                for message in warnings:
                    yield warning(check, message)
                if not warnings:
                    yield ok(
                        check,
                        f"{path}: readable and writable, on {file_system_of(anchor.fd)}: unchanged directories "
                        "are skipped",
                    )
    except StorageError as changed:
        yield error(check, str(changed))


def _warnings(path: Path, area: Area, anchor: Anchor) -> Iterator[str]:
    """Yield what somebody should know of one of an area's directories, everything."""
    mode = os.fstat(anchor.fd).st_mode & 0o7777
    if mode != DIRECTORY_MODE:
        yield f"{path}: mode {mode:o}, not {DIRECTORY_MODE:o}; it is left as it is"
    kind = file_system_of(anchor.fd)
    if kind == "overlay" and area.expire is Expire.DIRECTORY:
        way = "goes file by file" if area.trash is None else "cannot go into the trash"
        yield (
            f"{path}: on overlay, where a directory of a lower layer (of an image) cannot be renamed: such a "
            f"unit {way}"
        )
    if kind not in TRUSTED:
        yield (
            f"{path}: on {kind}, whose times do not prove that a directory is unchanged: each one is read at "
            "every run"
        )


def _tried(path: Path, area: Area, anchor: Anchor) -> Iterator[str]:
    """Yield what does not work as on a disk of this machine, as far as it turns out when it is tried."""
    kind = file_system_of(anchor.fd)
    if kind in TRUSTED and not may_be_shared(anchor.fd):
        return
    try:
        can = try_out(anchor.fd)
    except OSError as failed:
        yield f"{path}: could not be tried out: {failed.strerror}"
        return
    yield from _lacks(path, area, can)
    if area.in_use and not (can.leases and knows_writers(anchor.fd)):
        yield (
            f"{path}: on {kind}, where leases do not tell who writes: `in_use` sees the open files of this "
            "machine in /proc, as far as they can be read, and takes others for not in use"
        )
    elif area.in_use and may_be_shared(anchor.fd):
        yield (
            f"{path}: on {kind}, which others may reach by another way: `in_use` sees who writes by this one, "
            "on this machine"
        )


def _lacks(path: Path, area: Area, can: Abilities) -> Iterator[str]:
    """Yield what an area asks for that its file system, as it was tried out, refuses."""
    moves = area.trash is not None or area.expire is Expire.DIRECTORY
    what = "trash" if area.trash is not None else "units (expire: directory)"
    if moves and not can.renames:
        yield f"{path}: {what}: nothing can be renamed into another directory here, so nothing will go"
    elif moves and not (can.promises or can.links):
        yield (
            f"{path}: {what}: a rename cannot be told to replace nothing, and there are no hard links: a file "
            "that changed on its way stays in .trash as displaced"
        )
    if not can.identities:
        yield f"{path}: no file's time of birth is recorded: a hold does not follow a file that is renamed"
