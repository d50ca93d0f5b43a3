"""Recovery: what a run that was killed left open.

Called under the lock, before a run: any run that the journal says is running is then dead. For each file of
its last batch the disk tells what became of it: it is where it was, or in the trash, or gone. What reached the
trash but was changed on the way is put back, as the run would have done. A unit that was taken aside is put
back, or completed where the run had decided on it. Completed is also a unit whose run came to its end before
the unit did: it was asked to stop, or the disk failed. What a killed restore had not brought back waits where it
waited; what it had is held from now on.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shelflife.errors import RecordsError
from shelflife.files.anchor import Anchor, parent_of
from shelflife.files.listing import Entry, EntryKind, entry_at, signed
from shelflife.files.removal import Result
from shelflife.files.rename import put_back
from shelflife.files.trash import Trash, TrashName, prune_trash, trash_names
from shelflife.policy.area import TRASH_DIRECTORY, place_of
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.verdict import Reason
from shelflife.records.history import BatchKind, Code, OpenBatch, RunState
from shelflife.remove.directories import UnitExecutor
from shelflife.remove.recorder import Recorder
from shelflife.remove.report import AreaReport
from shelflife.remove.root import Options, Root
from shelflife.scan.context import Context, Stopped
from shelflife.settings import Expire
from shelflife.storage.root import AreaRoot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shelflife.policy.area import Area
    from shelflife.records.history import RunRecord, UnitRecord
    from shelflife.records.journal import Journal
    from shelflife.records.state import Owner

_KEPT = Code(Result.KEPT, Reason.NOT_REACHED)
_REMOVED = Code(Result.REMOVED, Reason.EXPIRED)
_PURGED = Code(Result.REMOVED, Reason.PURGED)
_TRASHED = Code(Result.TRASHED, Reason.EXPIRED)
_GONE = Code(Result.KEPT, Reason.VANISHED)
_UNKNOWN = Code(Result.UNKNOWN, Reason.NOT_REACHED)
_RESTORED = Code(Result.RESTORED, Reason.RESTORED)


class Recovery:
    """Closes the runs whose process died."""

    def __init__(
        self,
        journal: Journal,
        context: Context,
        areas: Mapping[str, Area],
        *,
        owner: Owner,
        clock: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._context = context
        self._areas = areas
        self._owner = owner
        self._clock = clock

    def run(self) -> list[int]:
        """Close every run that was left open; return their numbers."""
        runs = self._journal.history.unfinished()
        for run in runs:
            report = self.close(run)
            self._journal.runs.finish(
                run.id,
                at=self._clock(),
                state=RunState.INTERRUPTED,
                report=report,
                reason="its process died; the next run completed the record",
            )
        for number in self._journal.holds.open_runs():
            with suppress(RecordsError):
                self._journal.holds.close(number)
        closed = {run.id for run in runs}
        for number in self._left_aside() - closed:
            record = self._journal.history.run(number)
            if record is not None:
                self._close_units(record)
        return [run.id for run in runs]

    def _left_aside(self) -> set[int]:
        """Return the numbers of the runs that left units aside, in areas where nothing else is in the trash."""
        numbers: set[int] = set()
        for area in self._areas.values():
            if area.expire is not Expire.DIRECTORY or area.trash is not None:
                continue
            for directory in area.directories:
                with suppress(OSError), Anchor.open(self._context.base, directory) as anchor:
                    numbers.update(name.run for name in trash_names(anchor))
        return numbers

    def close(self, run: RunRecord) -> dict[str, Any]:
        """Find out what became of a run's last files, put back what it had not decided on; return its report."""
        for batch in self._journal.removals.open_batches(run.id):
            self._journal.removals.resolve(batch.id, self._outcomes(batch, _trash_name(run)))
        with suppress(RecordsError):  # no room: until there is, all of its place is held
            self._journal.holds.close(run.id)
        errors = self._close_units(run)
        gone: list[int] = []
        restored = 0
        for record in self._journal.files.of_run(run.id):
            if record.result is Result.REMOVED and record.reason is not Reason.PURGED:
                gone.append(record.size)
            restored += record.result is Result.RESTORED
        counts = {"removed": len(gone), "bytes": sum(gone), "restored": restored}
        return {"run": run.id, "plan": run.plan, **counts, "errors": errors}

    # -- units

    def _close_units(self, run: RunRecord) -> list[str]:
        """Complete the units that the run had decided on, and put back the others, until asked to stop."""
        report = AreaReport(area="")
        options = Options(
            recorder=Recorder(self._journal, run.id, clock=self._clock),
            trash_name=_trash_name(run),
            owner=self._owner,
            batch_size=100,
            retries=0,
        )
        for unit in self._journal.removals.units(run.id):
            area, cutoffs = self._areas.get(unit.area), Cutoffs.of_record(run.cutoffs.get(unit.area))
            if area is None or not cutoffs:
                continue
            with suppress(OSError, Stopped), Anchor.open(self._context.base, unit.directory) as anchor:
                place = f"{TRASH_DIRECTORY}/{_trash_name(run)}/{unit.name}"
                os.stat(place, dir_fd=anchor.fd, follow_symlinks=False)
                root = Root.at(AreaRoot(area, unit.directory, anchor), self._context, options, report)
                executor = UnitExecutor(root, cutoffs)
                if unit.decided:
                    executor.finish(unit.name, recorded=self._recorded(run, unit))
                else:
                    executor.put_back(unit.name)
        options.recorder.flush()
        return report.errors

    def _recorded(self, run: RunRecord, unit: UnitRecord) -> set[str]:
        """Return the files of a unit that the run wrote down."""
        prefix = place_of(unit.directory, f"{unit.name}/")
        return {
            record.path for record in self._journal.files.of_run(run.id) if record.path.startswith(prefix)
        }

    # -- files

    def _outcomes(self, batch: OpenBatch, name: TrashName) -> list[Code]:
        if batch.kind is BatchKind.UNIT:
            return [_KEPT]
        root, path = self._split(batch)
        try:
            with Anchor.open(self._context.base, root) as anchor:
                if batch.kind.comes_back:
                    return [_came_back(anchor, path, batch, position) for position in range(len(batch.names))]
                if batch.kind is BatchKind.DIRECTORY:
                    return self._undo(anchor, path, name, batch)
                return [
                    self._outcome(anchor, path, name, batch, position) for position in range(len(batch.names))
                ]
        except OSError:  # also when all of it is not there now: its volume may come back
            return [_UNKNOWN] * len(batch.names)

    def _undo(self, anchor: Anchor, path: str, name: TrashName, batch: OpenBatch) -> list[Code]:
        """Put back a directory that went as one: that it may stay in the trash was not decided yet."""
        trash = Trash(anchor, name, owner=self._owner.ids)
        positions = range(len(batch.names))
        mirror = trash.mirror(path)
        if any(_is_at(anchor, mirror, batch, position) for position in positions) and not any(
            _is_at(anchor, path, batch, position) for position in positions
        ):
            trash.bring_back(path)
            prune_trash(anchor, trash.mirror(parent_of(path)[0]))
        return [_KEPT if _is_at(anchor, path, batch, position) else _GONE for position in positions]

    def _outcome(self, anchor: Anchor, path: str, name: TrashName, batch: OpenBatch, position: int) -> Code:
        """Return what became of one file: it is where it was, or in the trash, or gone."""
        try:
            found = _find(anchor, path, batch.names[position])
            if found is not None and _is_listed(found, batch, position):
                return _KEPT
            trashed = _find(anchor, f"{TRASH_DIRECTORY}/{name}/{path}", batch.names[position])
        except OSError:
            return _UNKNOWN
        if trashed is None:
            return _PURGED if path.startswith(f"{TRASH_DIRECTORY}/") else _REMOVED
        area = self._areas.get(batch.area)
        is_in_unit = area is None or (area.expire is Expire.DIRECTORY and bool(path))
        if is_in_unit:
            return _KEPT if area is None or area.trash is None else _TRASHED
        as_listed = (trashed.size, trashed.mtime) == (batch.sizes[position], batch.mtimes[position])
        if as_listed and _is_listed(trashed, batch, position):
            return _TRASHED
        return self._put_back(anchor, path, name, trashed)

    def _put_back(self, anchor: Anchor, path: str, name: TrashName, entry: Entry) -> Code:
        """Put back a file that was changed on its way into the trash."""
        trash = Trash(anchor, name, owner=self._owner.ids)
        place = trash.open_mirror(path)
        try:
            with anchor.directory(path) as fd:
                put_back(place, entry.name, fd, entry.name)
        except OSError:
            trash.displace(path, place, entry.name)
            return Code(Result.DISPLACED, Reason.CHANGED)
        finally:
            os.close(place)
        return Code(Result.KEPT, Reason.CHANGED)

    def _split(self, batch: OpenBatch) -> tuple[str, str]:
        """Return the area's directory and the path below it of a batch's directory."""
        area = self._areas.get(batch.area)
        found = area.find(batch.directory) if area else None
        return found or (batch.directory.rstrip("/"), "")


def _trash_name(run: RunRecord) -> TrashName:
    return TrashName(run.id, run.started)


def _find(anchor: Anchor, path: str, name: str) -> Entry | None:
    """Return what `name` is in the directory at `path`, if anything. Raises OSError when it cannot be told."""
    try:
        with anchor.directory(path) as fd:
            return entry_at(fd, name)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _came_back(anchor: Anchor, path: str, batch: OpenBatch, position: int) -> Code:
    """Return what became of an entry that was to come back to the directory at `path`."""
    found = _find(anchor, path, batch.names[position])
    is_back = found is not None and signed(found.inode) == batch.inodes[position]
    return _RESTORED if is_back else _KEPT


def _is_at(anchor: Anchor, path: str, batch: OpenBatch, position: int) -> bool:
    """Return whether an entry of a batch is in the directory at `path`. Raises OSError when it cannot be told."""
    found = _find(anchor, path, batch.names[position])
    return found is not None and _is_listed(found, batch, position)


def _is_listed(entry: Entry, batch: OpenBatch, position: int) -> bool:
    """Return whether an entry is the file that a batch lists there."""
    return signed(entry.inode) == batch.inodes[position] and entry.kind is not EntryKind.DIRECTORY
