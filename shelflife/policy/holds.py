"""Holds: what a person pinned. A hold wins over everything that would remove a file.

A hold names a file, or a directory with all below it, by its path. It also names the inode, by its number and by
what tells it from others that are given that number later: its birth time or, on NFS, its file handle
(`shelflife.files.kernel.generation`). So a rename does not lose the hold. Where there is neither, the path alone
counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.clock import as_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One file or tree that stays. Times in ns since the epoch."""

    id: int
    path: str
    """Relative to the base path, without a trailing slash."""
    tree: bool
    """Whether it is a directory, and so all below it is held."""
    area: str
    inode: int | None
    """Signed, as the index has it; None when it did not exist."""
    born: int | None
    """What `generation` says of that inode: its birth time (ns) or a negative number; None where it cannot."""
    created: int
    until: int | None
    """When it ends by itself; None: when it is removed."""
    reason: str
    ended: int | None = None
    """When it was removed by a person."""
    actor: str = ""
    """Who added it; empty if nobody was named."""
    ended_by: str = ""
    """Who ended or replaced it; empty if nobody did, or nobody was named."""

    @property
    def created_at(self) -> datetime:
        """When it was made, as an aware datetime."""
        return as_datetime(self.created)

    @property
    def until_at(self) -> datetime | None:
        """When it ends by itself, as an aware datetime."""
        return None if self.until is None else as_datetime(self.until)

    def is_active(self, now: int) -> bool:
        """Return whether it holds at `now` (ns)."""
        return self.ended is None and (self.until is None or now < self.until)


class Holds:
    """The holds that are active, made quick to ask: also ten thousand of them."""

    def __init__(self, active: Iterable[Hold] = ()) -> None:
        """Take the holds that are active."""
        found = list(active)
        self.paths = {hold.path: hold for hold in found}
        """Path → hold."""
        known = [hold for hold in found if hold.inode is not None and hold.born is not None]
        self.inodes = {(hold.area, hold.inode): hold for hold in known}
        """(area, inode) → hold, of those that can be told from others of the same number."""
        self.has_trees = any(hold.tree for hold in found)
        """Whether a whole directory is held."""
        self._files = _by_area(hold for hold in known if not hold.tree)
        self._trees = _by_area(hold for hold in known if hold.tree)
        self._above = {above for path in self.paths for above in _directories_above(path)}

    @classmethod
    def of(cls, holds: Iterable[Hold], now: int) -> Holds:
        """Return those of `holds` that are active at `now` (ns)."""
        return cls(hold for hold in holds if hold.is_active(now))

    def __bool__(self) -> bool:
        return bool(self.paths)

    def current(self) -> Holds:
        """Return themselves: as a source of holds they never change."""
        return self

    def covering(self, path: str) -> Hold | None:
        """Return the hold on `path` (relative to the base path, no trailing slash) or on a tree above it."""
        if (hold := self.paths.get(path)) is not None:
            return hold
        if not self.has_trees:
            return None
        while path := path.rpartition("/")[0]:
            if (hold := self.paths.get(path)) is not None and hold.tree:
                return hold
        return None

    def below(self, path: str) -> Hold | None:
        """Return a hold on something in the directory at `path` (relative to the base path), at any depth."""
        if path.rstrip("/") not in self._above:
            return None
        prefix = path.rstrip("/") + "/"
        return next((hold for held, hold in self.paths.items() if held.startswith(prefix)), None)

    def concern(self, path: str) -> bool:
        """Return whether a hold is, by its path, on the directory at `path`, above it, or on something below."""
        return path in self._above or self.covering(path) is not None

    def files_of(self, area: str) -> frozenset[int]:
        """Return the inodes (signed) of files of an area that are held wherever they are."""
        return self._files.get(area, _NONE)

    def trees_of(self, area: str) -> frozenset[int]:
        """Return the inodes (signed) of directories of an area that are held wherever they are."""
        return self._trees.get(area, _NONE)


_NONE: Final[frozenset[int]] = frozenset()


def _by_area(holds: Iterable[Hold]) -> dict[str, frozenset[int]]:
    inodes: dict[str, set[int]] = {}
    for hold in holds:
        if hold.inode is not None:
            inodes.setdefault(hold.area, set()).add(hold.inode)
    return {area: frozenset(found) for area, found in inodes.items()}


def _directories_above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
