"""Units: directories right below an area that go as one, or not at all.

Each is taken aside, looked at and decided on (`shelflife.remove.unit`), many units in one transaction and in
several threads. The rename is journalled before, the decision after; a run that is killed in between is undone,
one that is killed or stopped later is completed by the next one (`shelflife.run.recovery`).

With a trash, that is all: a unit that was decided on is where it belongs, and what is in it is written down.
Without, it is removed from there (`shelflife.remove.dismantling`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.errors import ShelflifeError
from shelflife.files.anchor import Anchor
from shelflife.files.candidates import Fate, Going, Outcomes
from shelflife.files.in_use import is_in_locked_directory
from shelflife.files.listing import Entry, EntryKind
from shelflife.files.reading import Flag, TaskResult
from shelflife.files.removal import Outcome, Result
from shelflife.files.trash import prune_trash
from shelflife.files.tree import walk
from shelflife.files.worker_pool import WorkerPool
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.remove.batch import LOOKS, BatchLoop, Portion
from shelflife.remove.dismantling import Dismantling
from shelflife.remove.unit import (
    Aside,
    UnitPortion,
    fail,
    put_back,
    put_back_all,
    reason_to_keep,
)
from shelflife.scan.context import Stopped
from shelflife.scan.due_units import unit_is_due
from shelflife.scan.unit import is_held_by_path
from shelflife.scan.way import for_reading, for_removing

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from shelflife.files.candidates import Candidates
    from shelflife.files.reading import Reading
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.records.index import UnitRow
    from shelflife.remove.root import Root

_LOT: Final = 1_000
"""Files of a lot, about; a unit counts as a few."""

_UNIT: Final = 10

_LONGEST_ROW: Final = 5_000
"""Files of a directory that are written down in one row, at the most."""

_KEPT_BACK: Final = 50_000
"""Files that went and are not written down yet, at the most."""


class _Due(NamedTuple):
    """A unit that the index proposes."""

    row: UnitRow
    read: Reading | None
    """Its own directory, if the plan has read all of it and found that it goes."""


@dataclass(slots=True)
class _Lot:
    """Units that are worked on together, and what became of them."""

    due: list[_Due]
    gone: list[str] = field(default_factory=list)
    """The names of those that were decided on: they are not where they were."""
    ended: Exception | None = None
    """What ended the work."""


class UnitExecutor:
    """Removes the units of one of an area's directories that are before their cutoffs."""

    def __init__(self, root: Root, cutoffs: Cutoffs) -> None:
        """Prepare to remove the units before `cutoffs` from `root`."""
        self._root = root
        self._cutoffs = cutoffs
        self._loop = BatchLoop(root)
        self._number = root.context.index.root(root.directory)
        self._place = f"{TRASH_DIRECTORY}/{root.options.trash_name}"
        self._kept_back = 0

    def run(self) -> None:
        """Remove what is due. Raises Stopped, and AreaLost when the disk fails."""
        context, one_by_one = self._root.context, self._root.options.one_by_one
        rows = context.index.units(self._number)
        paths = iter([row for row in rows if unit_is_due(row, self._root.area, self._cutoffs)])
        pool = WorkerPool() if one_by_one else context.pool.suited_to(for_removing(self._root.anchor))
        stop, ended = Flag(), None
        try:
            for lot in pool.run(self._work, lambda: self._lot(paths), between=context.between, stop=stop):
                if lot.gone:
                    context.index.drop(self._number, *[f"{name}/" for name in lot.gone])
                if lot.ended is not None and ended is None:
                    ended = lot.ended  # what other threads have begun is taken first
                    stop.set()
        finally:
            self._leave_trash()
        if ended is not None:
            raise ended

    def finish(self, name: str, *, recorded: Container[str]) -> None:
        """Complete what an earlier run had decided on for a unit that is in its trash. Raises OSError.

        What it had `recorded` (paths relative to the base path) is not recorded again.
        """
        with self._trash() as trash:
            if self._root.area.trash is None:
                Dismantling(self._root, self._cutoffs).finish(trash, name)
            else:
                self._record_entries(walk(trash, f"{name}/"), recorded)
        self._leave_trash()

    def put_back(self, name: str) -> bool:
        """Put a unit that was taken aside back under its name; False when it was displaced. Raises OSError."""
        with self._trash() as trash:
            restored = put_back(self._root, trash, name)
        self._leave_trash()
        return restored

    # -- lots

    def _lot(self, rows: Iterator[UnitRow]) -> _Lot | None:
        """Take the next units. Called in the thread that has the index."""
        due: list[_Due] = []
        weight = 0
        listings = self._root.context.listings
        share = 1 if self._root.area.trash is None else LOOKS  # it is looked at there, and that is all
        for row in rows:
            due.append(_Due(row, listings.take(self._number, row.path, self._cutoffs)))
            weight += _UNIT + row.load.files // share
            if weight >= _LOT or self._root.options.one_by_one:
                break
        return _Lot(due) if due else None

    def _work(self, lot: _Lot, stop: Flag) -> _Lot:
        """Remove what of a lot is due. Called in any thread."""
        if stop:
            return lot
        units: list[UnitPortion] = []
        try:
            units = self._look_before(lot.due)
            if units:
                with self._trash() as trash:
                    self._remove(units, trash, lot)
        except (Stopped, ShelflifeError) as error:
            lot.ended = error
        except OSError as error:  # neither the trash nor the area could be asked for: it is the same for each
            try:
                for unit in units:
                    if not unit.is_done:
                        fail(self._root, unit.name, error.errno or 0)
            except ShelflifeError as lost:
                lot.ended = lost
        return lot

    def _look_before(self, due: Sequence[_Due]) -> list[UnitPortion]:
        """Return the units that nothing keeps, as far as that shows before they are taken aside.

        What is taken aside and comes back is away for a moment. So that is not done to one that stays.
        """
        root = self._root
        if root.area.in_use and is_in_locked_directory(root.anchor, ""):
            return []
        stand = self._unchanged(due)
        units = []
        for row, _ in due:
            root.context.between()
            name = row.path[:-1]
            if not (row.path in stand and not is_held_by_path(root.context.holds(), root.place(name))):
                reason, _ = reason_to_keep(root, root.anchor, name, self._cutoffs)
                if reason is not None:
                    continue
            with suppress(OSError):
                inode = os.stat(name, dir_fd=root.anchor.fd, follow_symlinks=False).st_ino
                entry = Entry(name, EntryKind.DIRECTORY, inode)
                units.append(UnitPortion("", [entry], files=row.load.files, anchor=root.anchor))
        return units

    def _unchanged(self, due: Sequence[_Due]) -> frozenset[str]:
        """Return the paths of the units that the plan has read, and into which nobody has put anything since.

        None of them where it is to be asked who uses them: a plan does not.
        """
        if self._root.area.in_use:
            return frozenset()
        read = [(row.path, reading.key) for row, reading in due if reading is not None]
        paths = b"\0".join(os.fsencode(path) for path, _ in read)
        keys = b"".join(key for _, key in read)
        stand = for_reading(self._root.anchor).stand(self._root.anchor, paths, keys, Flag())
        return frozenset(path for (path, _), stands in zip(read, stand, strict=True) if stands)

    def _remove(self, units: list[UnitPortion], trash: Anchor, lot: _Lot) -> None:
        """Take units aside, look again, and let those go that nothing keeps. Raises as `run`, and OSError."""
        ended: Exception | None = None
        try:
            self._loop.run(units, Aside(self._root, trash, self._cutoffs))
        except (Stopped, ShelflifeError, OSError) as error:
            ended = error  # what was decided on is written down all the same
        gone = [unit for unit in units if unit.goes]
        try:
            if self._root.area.trash is not None:
                self._record(gone)
            elif ended is None:
                Dismantling(self._root, self._cutoffs).run(gone, trash)
            else:
                put_back_all(self._root, gone, trash)
        finally:
            lot.gone += [unit.name for unit in gone if not unit.stays]
        if ended is not None:
            raise ended

    # -- with a trash

    def _record(self, units: Iterable[UnitPortion]) -> None:
        """Write down what is in units that stay in the trash."""
        for unit in units:
            try:
                for path, reading, _ in unit.members:
                    if reading is None:
                        self._record_entries(walk(unit.anchor, path, deep=False))
                    elif reading.listed:
                        self._record_candidates(path, reading.due)
            except OSError as error:
                fail(self._root, unit.name, error.errno or 0)

    def _record_candidates(self, path: str, candidates: Candidates) -> None:
        for part in candidates.portions(_LONGEST_ROW):
            fates = bytes([Fate.REMOVED]) * len(part)
            answer = TaskResult(0, fates, part.files, part.size, len(part) - part.files)
            self._loop.record(Portion(path, part), Outcomes(part, fates, Going.TRASHED), answer)
            self._write(len(part))

    def _record_entries(
        self, chunks: Iterable[tuple[str, int, list[Entry]]], recorded: Container[str] = ()
    ) -> None:
        for path, _, entries in chunks:
            place = self._root.place(path)
            files = [
                entry
                for entry in entries
                if entry.kind is not EntryKind.DIRECTORY and place + entry.name not in recorded
            ]
            if files:
                self._loop.record(Portion(path, files), [Outcome(entry, Result.TRASHED) for entry in files])
                self._write(len(files))

    def _write(self, files: int) -> None:
        """Bound what is kept back."""
        self._kept_back += files
        if self._kept_back >= _KEPT_BACK:
            self._root.options.recorder.flush()
            self._kept_back = 0

    # -- the trash

    def _trash(self) -> Anchor:
        """Hold the trash of this run, made where it is missing. Raises OSError."""
        os.close(self._root.trash.open_mirror(""))
        return Anchor.open(self._root.anchor.fd, self._place)

    def _leave_trash(self) -> None:
        """Remove the trash of this run where nothing waits in it."""
        prune_trash(self._root.anchor, f"{self._place}/")
