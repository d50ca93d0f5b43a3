"""Recovery: what a run that was killed left open.

Called under the lock, before a run: any run that the journal says is running is then dead. For each file of
its last batch the disk tells what became of it, and what it had taken aside is put back or completed. Completed
is also a unit whose run came to its end before the unit did: it was asked to stop, or the disk failed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shelflife.execute.executor import Recorder
from shelflife.execute.report import AreaReport
from shelflife.execute.units import UnitExecutor
from shelflife.files.anchor import Anchor
from shelflife.files.listing import signed
from shelflife.files.removal import Result
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.cutoff import Cause, Cutoff
from shelflife.policy.verdict import Reason
from shelflife.records.journal import Code, OpenBatch, RunState
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shelflife.events import Listener
    from shelflife.policy.area import Area
    from shelflife.records.journal import Journal, RunRecord
    from shelflife.records.state import Owner


class Recovery:
    """Closes the runs whose process died."""

    def __init__(
        self,
        journal: Journal,
        base: int,
        areas: Mapping[str, Area],
        *,
        owner: Owner,
        listener: Listener,
        clock: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._base = base
        self._areas = areas
        self._owner = owner
        self._listener = listener
        self._clock = clock

    def run(self) -> list[int]:
        """Close every run that was left open; return their numbers."""
        runs = self._journal.unfinished()
        for run in runs:
            report = self._close(run)
            self._journal.finish(
                run.id,
                at=self._clock(),
                state=RunState.INTERRUPTED,
                report=report,
                reason="its process died; the next run completed the record",
            )
        for number in self._left_aside():
            record = self._journal.run(number)
            if record is not None and record.state != RunState.INTERRUPTED:
                self._close_units(record, put_back=False)
        return [run.id for run in runs]

    def _left_aside(self) -> set[int]:
        """Return the numbers of the runs that have something aside."""
        numbers: set[int] = set()
        for area in self._areas.values():
            for directory in area.directories if area.expire is Expire.DIRECTORY else ():
                with suppress(OSError), Anchor.open(self._base, f"{directory}/{TRASH_DIRECTORY}") as trash:
                    numbers.update(int(name) for name in os.listdir(trash.fd) if name.isdecimal())
        return numbers

    def _close(self, run: RunRecord) -> dict[str, Any]:
        for batch in self._journal.open_batches(run.id):
            self._journal.resolve(batch.id, self._outcomes(batch, run.id))
        errors = self._close_units(run)
        removed, size = self._journal.removed_by(run.id)
        return {"run": run.id, "plan": run.plan, "removed": removed, "bytes": size, "errors": errors}

    def _close_units(self, run: RunRecord, *, put_back: bool = True) -> list[str]:
        """Complete the units that the run had decided on, put back the others or leave them."""
        report = AreaReport(area="")
        recorder = Recorder(self._journal, run.id, clock=self._clock)
        for unit in self._journal.units(run.id):
            area, cutoff = self._areas.get(unit.area), run.cutoffs.get(unit.area)
            if area is None or not cutoff:
                continue
            with suppress(OSError), Anchor.open(self._base, unit.directory) as anchor:
                place = f"{TRASH_DIRECTORY}/{run.id}/{unit.name}"
                os.stat(place, dir_fd=anchor.fd, follow_symlinks=False)
                executor = UnitExecutor(
                    anchor,
                    area,
                    unit.directory,
                    Cutoff(at=cutoff["at"], cause=Cause(cutoff["cause"])),
                    owner=self._owner,
                    recorder=recorder,
                    report=report,
                    listener=self._listener,
                    batch_size=100,
                    between=lambda: None,
                )
                if unit.decided:
                    executor.finish(unit.name)
                elif put_back:
                    executor.put_back(unit.name)
        recorder.flush()
        return report.errors

    def _outcomes(self, batch: OpenBatch, run: int) -> list[Code]:
        if batch.unit:
            return [Code(Result.KEPT, Reason.NOT_REACHED)]
        root, path = self._split(batch)
        for place in (path, f"{TRASH_DIRECTORY}/{run}/{path}"):  # the second one if it belongs to a unit
            try:
                with Anchor.open(self._base, root) as anchor, anchor.directory(place) as fd:
                    return [
                        self._outcome(fd, name, inode)
                        for name, inode in zip(batch.names, batch.inodes, strict=True)
                    ]
            except FileNotFoundError:
                continue
            except OSError:
                return [Code(Result.UNKNOWN, Reason.NOT_REACHED)] * len(batch.names)
        return [Code(Result.REMOVED, Reason.EXPIRED)] * len(batch.names)

    def _split(self, batch: OpenBatch) -> tuple[str, str]:
        area = self._areas.get(batch.area)
        for directory in area.directories if area else ():
            if batch.directory.startswith(f"{directory}/"):
                return directory, batch.directory[len(directory) + 1 :]
        return batch.directory.rstrip("/"), ""

    @staticmethod
    def _outcome(fd: int, name: str, inode: int) -> Code:
        """Return what became of a file: it is still there under its name, or it went."""
        try:
            still = signed(os.stat(name, dir_fd=fd, follow_symlinks=False).st_ino) == inode
        except FileNotFoundError:
            still = False
        except OSError:
            return Code(Result.UNKNOWN, Reason.NOT_REACHED)
        return Code(Result.KEPT, Reason.NOT_REACHED) if still else Code(Result.REMOVED, Reason.EXPIRED)
