"""Which way a directory goes: compiled, many directories a call, or careful, entry by entry. Decided here alone.

The compiled code can be told of a class, a cutoff and a kind of age, no more. So a directory goes that way only
if

- these values say all that decides over its files (`Rules.native`): names do not matter there, nor neighbours;
- the kernel can open it without leaving the area (`openat2`);
- no hold concerns it: none on it, above it, on anything below it, and none of its due files is held by its inode.

Otherwise it goes the careful way, where `Rules.judge` is asked about each entry and each entry's hold is looked
up. Where the package was installed without a C compiler, the same calls are answered in Python.

A hold that follows an inode is found without asking every directory: the index says where the held directories
are now, and the due files' inodes, which were read anyway, are compared with the held ones at one go. That can
name a directory too many – an inode's number is given away again – which then goes the careful way, where the
file itself tells (`shelflife.files.kernel.generation`).
"""

from __future__ import annotations

from array import array
from itertools import groupby
from typing import TYPE_CHECKING

from shelflife.files.primitives import chosen, in_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.files.candidates import Candidates
    from shelflife.files.primitives import Primitives
    from shelflife.files.reading import Flag, Reading, Search
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.policy.rules import NativeRules
    from shelflife.records.index import Index
    from shelflife.storage.root import AreaRoot


def native_of(area: Area, anchor: Anchor, path: str, cutoffs: Cutoffs) -> NativeRules | None:
    """Return what the compiled code must know of a directory that nobody holds; None: the careful way."""
    return area.rules.native(path, cutoffs) if anchor.uses_openat2 else None


def for_reading(anchor: Anchor) -> Primitives:
    """Return what reads below an anchor by such values: compiled, where that can be had."""
    return chosen() if anchor.uses_openat2 else in_python()


def for_removing(anchor: Anchor) -> Primitives:
    """Return what removes so. Where others work on the same files, each look has to be a fresh one."""
    return chosen() if anchor.uses_openat2 and not anchor.is_shared else in_python()


def read_all(anchor: Anchor, paths: Sequence[str], search: Search, stop: Flag) -> list[Reading]:
    """Read directories as `Primitives.read` does, each its way, all of them; fewer after a `stop`."""
    readings: list[Reading] = []
    for native, group in groupby(paths, lambda path: native_of(search.area, anchor, path, search.cutoffs)):
        primitives = in_python() if native is None else for_reading(anchor)
        alike = list(group)
        found = read_alike(primitives, anchor, alike, search._replace(native=native), stop)
        readings += found
        if len(found) < len(alike):
            break
    return readings


def read_alike(
    primitives: Primitives, anchor: Anchor, paths: Sequence[str], search: Search, stop: Flag
) -> list[Reading]:
    """Read directories as `Primitives.read` does, all of them; fewer after a `stop`."""
    readings: list[Reading] = []
    while len(readings) < len(paths) and not stop:
        readings += primitives.read(anchor, paths[len(readings) :], search, stop)
    return readings


def may_be_held(entries: Candidates, holds: Holds, area: str) -> bool:
    """Return whether one of some entries of an area may be held by its inode."""
    held = holds.files_of(area)
    return bool(held) and not held.isdisjoint(array("q", entries.inodes))


class Ways:
    """Which way the directories of one root go, while people hold things there.

    Made, and renewed, in the thread that has the index; may be asked from any.
    """

    def __init__(self, root: AreaRoot, index: Index, holds: Holds) -> None:
        """Look up where in `root` the held inodes are."""
        self.anchor = root.anchor
        self._root = root
        self._index = index
        self._holds = holds
        self._moved = self._places_of(holds)

    def renew(self, holds: Holds) -> None:
        """Look up again where the held inodes are, if the holds are others by now."""
        if holds is not self._holds:
            self._moved = self._places_of(holds)
            self._holds = holds

    def native(self, path: str, cutoffs: Cutoffs, holds: Holds) -> NativeRules | None:
        """Return what the compiled code must know of the directory at `path`; None: it goes the careful way.

        A file that is held by its inode is not noticed here: ask `is_held` of what is due there.
        """
        return (
            None
            if self.concern(path, holds)
            else native_of(self._root.area, self._root.anchor, path, cutoffs)
        )

    def concern(self, path: str, holds: Holds) -> bool:
        """Return whether `holds`, as they are now, may concern a directory, by place or by its inode."""
        if not holds:
            return False
        if holds.concern(self._root.place(path).rstrip("/")):
            return True
        trees = holds.trees_of(self._root.area.name)
        if holds is not self._holds and not trees <= self._holds.trees_of(self._root.area.name):
            return True  # where the directories are that were held just now is not looked up yet
        return bool(self._moved) and any(above in self._moved for above in _down_to(path))

    def is_held(self, entries: Candidates, holds: Holds) -> bool:
        """Return whether one of some entries may be held by its inode."""
        return may_be_held(entries, holds, self._root.area.name)

    def _places_of(self, holds: Holds) -> frozenset[str]:
        trees = holds.trees_of(self._root.area.name)
        return frozenset(
            self._index.places_of(self._index.root(self._root.directory), trees) if trees else ()
        )


def _down_to(path: str) -> Iterator[str]:
    """Yield a directory and those above it, each with a trailing slash."""
    while path:
        yield path
        path = path[: path.rfind("/", 0, -1) + 1]
