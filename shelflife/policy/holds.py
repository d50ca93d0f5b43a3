"""Holds: what a person pinned. A hold wins over everything that would remove a file.

A hold names a file, or a directory with all below it, by its path. Where the file system records when an inode
was made, it also names the inode by number and birth time, so that a rename does not lose the hold – the number
alone would not do, since it is given away again at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    """Birth time of that inode; None where it is not recorded."""
    created: int
    until: int | None
    """When it ends by itself; None: when it is removed."""
    reason: str
    ended: int | None = None
    """When it was removed by a person."""
    actor: str = ""
    """Who added it; empty if nobody was named."""

    def is_active(self, now: int) -> bool:
        """Return whether it holds at `now` (ns)."""
        return self.ended is None and (self.until is None or now < self.until)


@dataclass(frozen=True)
class Holds:
    """The holds that are active, made quick to ask."""

    paths: dict[str, Hold] = field(default_factory=dict)
    """Path → hold."""

    inodes: dict[tuple[str, int], Hold] = field(default_factory=dict)
    """(area, inode) → hold, of those with a birth time."""

    @classmethod
    def of(cls, holds: Iterable[Hold], now: int) -> Holds:
        """Return those of `holds` that are active at `now` (ns)."""
        active = [hold for hold in holds if hold.is_active(now)]
        return cls(
            paths={hold.path: hold for hold in active},
            inodes={
                (hold.area, hold.inode): hold
                for hold in active
                if hold.inode is not None and hold.born is not None
            },
        )

    def __bool__(self) -> bool:
        return bool(self.paths)

    def current(self) -> Holds:
        """Return themselves: as a source of holds they never change."""
        return self

    @cached_property
    def has_trees(self) -> bool:
        """Whether a whole directory is held."""
        return any(hold.tree for hold in self.paths.values())

    def covering(self, path: str) -> Hold | None:
        """Return the hold on `path` (relative to the base path, no trailing slash) or on a tree above it."""
        if (hold := self.paths.get(path)) is not None:
            return hold
        while path := path.rpartition("/")[0]:
            if (hold := self.paths.get(path)) is not None and hold.tree:
                return hold
        return None

    def concern(self, area: str, place: str, inodes: Iterable[int]) -> bool:
        """Return whether somebody may hold the directory at `place`, or an entry right in it.

        `place` is relative to the base path, without a trailing slash; `inodes` (signed) are its own and those of
        the entries. Of directories above it only the paths are known here (`has_trees`).
        """
        if place in self._parents or self.covering(place) is not None:
            return True
        return not self._inodes_in(area).isdisjoint(inodes)

    @cached_property
    def _parents(self) -> frozenset[str]:
        """The directories in which something is held by its path."""
        return frozenset(path.rpartition("/")[0] for path in self.paths)

    def _inodes_in(self, area: str) -> frozenset[int]:
        return self._by_area.get(area, frozenset())

    @cached_property
    def _by_area(self) -> dict[str, frozenset[int]]:
        """Area → inodes that are held there."""
        found: dict[str, set[int]] = {}
        for area, inode in self.inodes:
            found.setdefault(area, set()).add(inode)
        return {area: frozenset(inodes) for area, inodes in found.items()}

    def below(self, path: str) -> Hold | None:
        """Return a hold on something in the directory at `path` (relative to the base path), at any depth."""
        prefix = path.rstrip("/") + "/"
        return next((hold for held, hold in self.paths.items() if held.startswith(prefix)), None)
