"""Dismantling: a unit that was decided on goes for good, file by file, from where it was taken to.

Directory by directory by the compiled way; what that hands back, entry by entry. A hold that is added while a
unit goes stops that. What is left then is put back under the unit's name: it belongs there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import ShelflifeError
from shelflife.files.counting import goes_with_unit
from shelflife.files.held import held_directory
from shelflife.files.listing import is_there
from shelflife.files.tree import remove_empty, walk
from shelflife.policy.cutoff import BEGINNING
from shelflife.policy.verdict import Reason
from shelflife.remove.batch import BatchLoop
from shelflife.remove.compiled import Compiled
from shelflife.remove.opened import OpenDirectory, batches_of, run_entries
from shelflife.remove.share import Directory, Share, groups_of
from shelflife.remove.unit import fail, put_back, put_back_all
from shelflife.scan.context import Stopped
from shelflife.scan.unit import is_held_by_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.files.listing import Entry
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.remove.root import Root
    from shelflife.remove.unit import UnitPortion


class Dismantling:
    """Removes units of one of an area's directories that are before their cutoffs."""

    def __init__(self, root: Root, cutoffs: Cutoffs) -> None:
        """Prepare to remove what of a unit is before `cutoffs`, in `root`."""
        self._root = root
        self._cutoffs = cutoffs
        self._loop = BatchLoop(root)

    def run(self, units: Sequence[UnitPortion], trash: Anchor) -> None:
        """Remove units that were decided on.

        Raises Stopped, and then what of a unit is left waits for the next run; what was not begun is put back.
        """
        directories: list[Directory] = []
        shares: list[Share] = []
        for unit in units:
            for path, reading, below in reversed(unit.members) if unit.anchor is trash else ():
                if reading is not None:
                    directories.append(Directory(path, reading))
                    shares += self._shares(directories[-1], below)
        begun: set[str] = set()
        try:
            self._run_compiled(shares, trash)
            pruned = {directory.path for directory in directories if directory.pruned}
            with self._root.lock:
                self._root.report.directories += len(pruned)
            for unit in units:
                if f"{unit.name}/" not in pruned:
                    begun.add(unit.name)
                    self._finish_if_it_can(unit)
        except (Stopped, ShelflifeError):
            begun |= {share.path.partition("/")[0] for share in shares if share.steps}
            put_back_all(self._root, [unit for unit in units if unit.name not in begun], trash)
            raise

    def _run_compiled(self, shares: Sequence[Share], trash: Anchor) -> None:
        way = Compiled(self._root, _Taken(self._root, trash), self._cutoffs)
        for group in groups_of(shares):
            self._loop.run(group, way)

    def _finish_if_it_can(self, unit: UnitPortion) -> None:
        try:
            self.finish(unit.anchor, unit.name)
        except OSError as error:
            fail(self._root, unit.name, error.errno or 0)
        unit.stays = unit.stays and is_there(unit.anchor.fd, unit.name)

    def _shares(self, directory: Directory, below: int) -> list[Share]:
        native = self._root.area.rules.native(directory.path, self._cutoffs)
        cutoff = BEGINNING if native is None or native.cutoff is None else native.cutoff
        return directory.divide(cutoff, self._root.batch_size, prune=True, below=below)

    def finish(self, anchor: Anchor, name: str) -> None:
        """Remove a unit entry by entry. What of it turns out to be in change, or held, stays – or is put back.

        Raises Stopped, and then the rest waits where it is for the next run.
        """
        area = self._root.area
        directories: list[str] = []
        waits = False
        try:
            for path, fd, entries in walk(anchor, f"{name}/", age=area.rules.age_from):
                if not entries:
                    directories.append(path)
                due = [entry for entry in entries if goes_with_unit(entry, path, area, self._cutoffs)]
                directory = _OfUnit(self._root, fd, path, anchor, name)
                with suppress(FileNotFoundError):  # somebody took the directory out of the unit
                    if not self._delete_entries(directory, due):
                        break
            removed = remove_empty(anchor, directories)
            with self._root.lock:
                self._root.report.directories += removed
        except Stopped:
            waits = True
            raise
        finally:
            # What is left was added meanwhile, is held, or could not go: it belongs where it was.
            if not waits and anchor is not self._root.anchor:
                with suppress(FileNotFoundError):
                    os.stat(name, dir_fd=anchor.fd, follow_symlinks=False)
                    put_back(self._root, anchor, name)

    def _delete_entries(self, directory: _OfUnit, entries: list[Entry]) -> bool:
        """Remove entries of a unit batch by batch; return whether to go on: nobody holds it meanwhile."""
        batches = batches_of(entries, self._root.batch_size)
        found = run_entries(self._loop, directory, directory.removal(self._cutoffs), batches)
        return not any(outcome.reason is Reason.HELD for outcomes in found for outcome in outcomes)


class _Taken:
    """The units that were taken aside, as a `Ground`."""

    def __init__(self, root: Root, trash: Anchor) -> None:
        self.anchor = trash
        self._root = root

    def concern(self, path: str, holds: Holds) -> bool:
        """See `Ground`."""
        root, unit = self._root, path.partition("/")[0]
        if is_held_by_path(holds, root.place(unit)):
            return True
        return held_directory(holds, self.anchor, root.area.name, root.directory, path) is not None


class _OfUnit(OpenDirectory):
    """A directory of a unit that goes file by file."""

    def __init__(self, root: Root, fd: int, path: str, anchor: Anchor, unit: str) -> None:
        super().__init__(root, fd, path, anchor=anchor)
        self._unit = unit

    def is_held(self) -> bool:
        """Return whether somebody holds the unit, or something in it, by its path."""
        return is_held_by_path(self.root.context.holds(), self.root.place(self._unit))

    def is_locked(self) -> bool:
        """Return False: that was asked when the unit was looked at."""
        return False
