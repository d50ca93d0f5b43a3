"""Holding: whether a person holds what is about to go, asked anew before each batch."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.files.kernel import generation
from shelflife.files.listing import Entry, signed
from shelflife.files.survey import Key
from shelflife.policy.area import place_of

if TYPE_CHECKING:
    from shelflife.files.anchor import Anchor
    from shelflife.policy.holds import Hold, Holds


def held_directory(holds: Holds, anchor: Anchor, area: str, directory: str, path: str) -> Hold | None:
    """Return the hold on a whole directory (`path` below an area's `directory`) or on one above it.

    By path, or – for a directory that was renamed since – by inode and birth time of each one on the way.
    """
    if not holds:
        return None
    if (hold := holds.covering(place_of(directory, path).rstrip("/"))) is not None:
        return hold
    if not holds.has_trees:
        return None
    done = ""
    for part in path.split("/")[:-1]:
        parent, done = done, f"{done}{part}/"
        hold = None
        with suppress(OSError):
            inode = Key.of(anchor.stat(done)).inode
            hold = holds.inodes.get((area, inode))
            if hold is not None:
                with anchor.directory(parent) as fd:
                    if generation(fd, part) == hold.born:
                        return hold
    return None


def held_entry(holds: Holds, area: str, path: str, fd: int, entry: Entry) -> Hold | None:
    """Return the hold on an entry of the open directory `fd`; `path` is the entry's, relative to the base.

    Holds on the directory itself are `held_directory`'s business. Raises OSError.
    """
    if not holds:
        return None
    if (hold := holds.on(path)) is not None:
        return hold
    hold = holds.inodes.get((area, signed(entry.inode)))
    if hold is not None and generation(fd, entry.name) == hold.born:
        return hold
    return None
