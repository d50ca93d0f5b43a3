"""Holds: what a person pinned. A hold wins over everything that would remove a file.

A hold names a file, or a directory with all below it, by its path. It also names the inode, by its number and by
what tells it from others that are given that number later: its birth time or, on NFS, its file handle
(`shelflife.files.kernel.generation`). So a rename does not lose the hold. Where there is neither, the path alone
counts.

A *lease* is a hold that a program has for as long as it works on something: it ends with its process, or at its
time, and is in no journal.

One hold may have many *members*: all that a run brought back from the trash, and nothing else. They are held by
their paths. Of a million files they stay packed, as the journal has them, until somebody asks about one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

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
    run: int | None = None
    """The run that brought back what is held; None: a person named it."""
    of_members: bool = False
    """Whether its members are held, and not the directory at `path`, which they all lie in."""
    lease: str = ""
    """The name of the lease that it is, `actor` being the process; empty: a person's hold."""

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


EVERYTHING: Final = "."
"""The path of a hold on the base path itself, and of one whose members lie in several areas."""


class Members(NamedTuple):
    """What a hold has in one directory."""

    hold: Hold
    directory: str
    """Relative to the base path, without a trailing slash."""
    tree: bool
    """Whether they are directories, held with all below them."""
    names: str
    """Joined by slashes."""


class Holds:
    """The holds that are active, made quick to ask: also ten thousand of them, and one of a million files."""

    def __init__(self, active: Iterable[Hold] = (), members: Iterable[Members] = ()) -> None:
        """Take the holds that are active, and the members of those that have any."""
        everything = list(active)
        members = tuple(members)
        self._given = everything, members
        found = [hold for hold in everything if not hold.of_members]
        self._is_empty = not everything
        self._members = _Members(members)
        self._all = next((hold for hold in found if hold.path == EVERYTHING), None)
        self.paths = {hold.path: hold for hold in found}
        """Path → hold, of those without members."""
        known = [hold for hold in found if hold.inode is not None and hold.born is not None]
        self.inodes = {(hold.area, hold.inode): hold for hold in known}
        """(area, inode) → hold, of those that can be told from others of the same number."""
        self.has_trees = any(hold.tree for hold in found) or bool(self._members.trees)
        """Whether a whole directory is held."""
        self._files = _by_area(hold for hold in known if not hold.tree)
        self._trees = _by_area(hold for hold in known if hold.tree)
        self._above = {above for path in self.paths for above in _directories_above(path)}
        for directory in self._members.directories:
            self._above.add(directory)
            self._above.update(_directories_above(directory))

    @classmethod
    def of(cls, holds: Iterable[Hold], now: int) -> Holds:
        """Return those of `holds` that are active at `now` (ns)."""
        return cls(hold for hold in holds if hold.is_active(now))

    def with_leases(self, leases: Iterable[Hold]) -> Holds:
        """Return these, and what is leased; where both are on one path, it is the person's hold that is told."""
        found, (active, members) = list(leases), self._given
        return Holds([*found, *active], members) if found else self

    def __bool__(self) -> bool:
        return not self._is_empty

    def current(self) -> Holds:
        """Return themselves: as a source of holds they never change."""
        return self

    def covering(self, path: str) -> Hold | None:
        """Return the hold on `path` (relative to the base path, no trailing slash) or on a tree above it.

        The base path itself is the empty path, here and in all that follows.
        """
        if (hold := self.on(path)) is not None:
            return hold
        if not self.has_trees:
            return None
        while path := path.rpartition("/")[0]:
            if (hold := self.paths.get(path)) is not None and hold.tree:
                return hold
            if (hold := self._members.trees.get(path)) is not None:
                return hold
        return self._all

    def on(self, path: str) -> Hold | None:
        """Return the hold on what is at `path` itself."""
        return self.paths.get(path) or self._members.on(path)

    def below(self, path: str) -> Hold | None:
        """Return a hold on something in the directory at `path` (relative to the base path), at any depth."""
        if path.rstrip("/") not in self._above:
            return None
        prefix = path.rstrip("/") + "/" if path else ""
        return next(
            (hold for held, hold in self.paths.items() if held.startswith(prefix) and held != EVERYTHING),
            None,
        ) or self._members.below(prefix)

    def concern(self, path: str) -> bool:
        """Return whether a hold is, by its path, on the directory at `path`, above it, or on something below."""
        return path in self._above or self.covering(path) is not None

    def files_of(self, area: str) -> frozenset[int]:
        """Return the inodes (signed) of files of an area that are held wherever they are."""
        return self._files.get(area, _NONE)

    def trees_of(self, area: str) -> frozenset[int]:
        """Return the inodes (signed) of directories of an area that are held wherever they are."""
        return self._trees.get(area, _NONE)


class _Members:
    """The members of all holds: directories by path, files packed by the directory that they are in."""

    def __init__(self, members: Iterable[Members]) -> None:
        self.trees: dict[str, Hold] = {}
        self._files: dict[str, list[Members]] = {}
        self._latest: tuple[str, dict[str, Hold]] = ("", {})
        for found in members:
            if found.tree:
                prefix = found.directory + "/" if found.directory else ""
                self.trees |= dict.fromkeys([prefix + name for name in found.names.split("/")], found.hold)
            else:
                self._files.setdefault(found.directory, []).append(found)

    @property
    def directories(self) -> Iterator[str]:
        """Yield the directories that have members."""
        yield from {tree.rpartition("/")[0] for tree in self.trees}
        yield from self._files

    def on(self, path: str) -> Hold | None:
        if (hold := self.trees.get(path)) is not None:
            return hold
        directory, _, name = path.rpartition("/")
        packed = self._files.get(directory)
        if packed is None:
            return None
        known, names = self._latest  # one directory after the other is asked about
        if known != directory:
            names = {name: found.hold for found in packed for name in found.names.split("/")}
            self._latest = directory, names
        return names.get(name)

    def below(self, prefix: str) -> Hold | None:
        trees = (hold for tree, hold in self.trees.items() if tree.startswith(prefix))
        files = (
            found[0].hold for directory, found in self._files.items() if f"{directory}/".startswith(prefix)
        )
        return next(chain(trees, files), None)


_NONE: Final[frozenset[int]] = frozenset()


def _by_area(holds: Iterable[Hold]) -> dict[str, frozenset[int]]:
    inodes: dict[str, set[int]] = {}
    for hold in holds:
        if hold.inode is not None:
            inodes.setdefault(hold.area, set()).add(hold.inode)
    return {area: frozenset(found) for area, found in inodes.items()}


def _directories_above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path
