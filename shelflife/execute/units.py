"""Units: a directory right below an area that goes as one, or not at all.

What is looked at file by file could change while it is looked at. So a unit is first taken aside, by one rename
into `.trash/<run>/`, where no path of the service leads any more; looked at again there; and then removed, or
put back under its old name – never over something that took the name meanwhile. A unit that cannot be put back
stays in the trash and is reported as displaced.

The rename is journalled before, the decision after; a run that is killed in between is undone, one that is
killed later is completed (`shelflife.execute.recovery`).
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shelflife.events import BatchFinished
from shelflife.execute.executor import LONGEST_BATCH, AreaLost, Recorder
from shelflife.execute.planner import is_due, read_unit, unit_is_due
from shelflife.execute.report import AreaReport, Failure
from shelflife.files.anchor import Anchor, parent_of
from shelflife.files.kernel import rename_noreplace
from shelflife.files.listing import Entry, Kind
from shelflife.files.removal import Outcome, Result, remove_batch
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.verdict import Reason, judge_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.events import Listener
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff
    from shelflife.records.index import Index
    from shelflife.records.state import Owner

_TRASH_MODE: Final = 0o700


class UnitExecutor:
    """Removes the units of one of an area's directories that are before a cutoff."""

    def __init__(
        self,
        anchor: Anchor,
        area: Area,
        directory: str,
        cutoff: Cutoff,
        *,
        owner: Owner,
        recorder: Recorder,
        report: AreaReport,
        listener: Listener,
        batch_size: int,
        between: Callable[[], None],
    ) -> None:
        """Prepare; `between` is called before each batch and may raise `Stopped`."""
        self._anchor = anchor
        self._area = area
        self._directory = directory
        self._cutoff = cutoff
        self._owner = owner
        self._recorder = recorder
        self._report = report
        self._listener = listener
        self._batch_size = batch_size
        self._between = between

    def run(self, index: Index) -> None:
        """Remove what is due. Raises Stopped, and AreaLost when the disk is read-only."""
        root = index.root(self._directory)
        due = [row.path for row in index.units(root) if unit_is_due(row, self._cutoff)]
        for path in due:
            self._between()
            try:
                if self._take(path[:-1]):
                    index.drop(root, path)
            except OSError as error:
                self._fail(path[:-1], error)
        self._leave_trash()

    def finish(self, name: str) -> None:
        """Remove the rest of a unit that an earlier run had decided on. Raises OSError."""
        with self._trash() as trash:
            self._delete(trash, name)
        self._leave_trash()

    def put_back(self, name: str) -> bool:
        """Put a unit that was taken aside back under its name; False when it was displaced. Raises OSError."""
        with self._trash() as trash:
            restored = self._return(trash, name)
        self._leave_trash()
        return restored

    def _take(self, name: str) -> bool:
        """Take a unit aside, look again, and remove it; return whether anything of it went."""
        unit, _, _ = read_unit(self._anchor, f"{name}/", self._area)
        if not judge_unit(unit, self._cutoff).remove:
            return False
        if not self._anchor.verify("", self._anchor.identity):
            raise OSError(errno.ESTALE, "the area was moved or replaced meanwhile", self._directory)
        entry = Entry(
            name, Kind.DIRECTORY, os.stat(name, dir_fd=self._anchor.fd, follow_symlinks=False).st_ino
        )
        with self._trash() as trash:
            number = self._recorder.intend(self._area.name, f"{self._directory}/", [entry], unit=True)
            rename_noreplace(self._anchor.fd, name, trash.fd, name)
            reason = self._reason_to_keep(trash, name)
            outcome = Outcome(
                entry, Result.REMOVED if reason is None else Result.KEPT, reason or Reason.EXPIRED
            )
            self._recorder.settle(number, [outcome])
            self._recorder.flush()
            if reason is not None:
                self._return(trash, name)
                return False
            self._delete(trash, name)
        return True

    def _reason_to_keep(self, trash: Anchor, name: str) -> Reason | None:
        """Look at a unit again where it is now; return why it must not go, or None."""
        try:
            unit, _, _ = read_unit(trash, f"{name}/", self._area)
        except OSError:
            return Reason.CHANGED
        verdict = judge_unit(unit, self._cutoff)
        return None if verdict.remove else verdict.reason

    def _return(self, trash: Anchor, name: str) -> bool:
        try:
            rename_noreplace(trash.fd, name, self._anchor.fd, name)
        except FileExistsError:
            self._report.displaced += 1
            self._report.errors.append(
                f"{self._directory}/{name}: its name was taken while it was looked at; "
                f"it waits in {self._directory}/{TRASH_DIRECTORY}/{self._recorder.run}/{name}"
            )
            return False
        return True

    def _delete(self, trash: Anchor, name: str) -> None:
        """Remove a unit that was taken aside, and put back what of it turns out to be in change."""
        directories = []
        for path, entries in walk(trash, f"{name}/"):
            if not directories or directories[-1] != path:
                directories.append(path)
            due = [entry for entry in entries if is_due(entry, path, self._area, self._cutoff)]
            self._remove(trash, path, due)
        for path in reversed(directories):
            parent, own = parent_of(path)
            with trash.directory(parent) as fd, suppress(OSError):
                os.rmdir(own, dir_fd=fd)
                self._report.directories += 1
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=trash.fd, follow_symlinks=False)
            self._return(trash, name)

    def _remove(self, trash: Anchor, path: str, entries: list[Entry]) -> None:
        while entries:
            self._between()
            batch = entries[: self._batch_size]
            number = self._recorder.intend(self._area.name, f"{self._directory}/{path}", batch)
            with trash.directory(path) as fd:
                until = time.monotonic() + LONGEST_BATCH
                outcomes = remove_batch(fd, batch, self._area, self._cutoff, until=until)
            self._recorder.settle(number, outcomes)
            for outcome in outcomes:
                self._report.add(outcome)
                if outcome.result is Result.FAILED:
                    self._report.fail(self._failure(path + outcome.name, outcome.errno))
            self._listener(
                BatchFinished(area=self._area.name, directory=f"{self._directory}/{path}", outcomes=outcomes)
            )
            entries = entries[len(outcomes) :]

    def _trash(self) -> Anchor:
        """Hold the trash of this run, made where it is missing. Raises OSError."""
        place = f"{TRASH_DIRECTORY}/{self._recorder.run}"
        fd = self._anchor.fd
        for path in (TRASH_DIRECTORY, place):
            with suppress(FileExistsError):
                os.mkdir(path, _TRASH_MODE, dir_fd=fd)
                if os.geteuid() == 0:
                    os.chown(path, self._owner.uid, self._owner.gid, dir_fd=fd, follow_symlinks=False)
        return Anchor.open(fd, place)

    def _leave_trash(self) -> None:
        """Remove the trash of this run where nothing waits in it."""
        for path in (f"{TRASH_DIRECTORY}/{self._recorder.run}", TRASH_DIRECTORY):
            with suppress(OSError):
                os.rmdir(path, dir_fd=self._anchor.fd)

    def _fail(self, name: str, error: OSError) -> None:
        code = error.errno or 0
        if code == errno.ENOENT:
            return
        self._report.fail(self._failure(name, code))
        if code == errno.EROFS:
            raise AreaLost(f"{self._directory}: {os.strerror(code)}") from error

    def _failure(self, path: str, code: int) -> Failure:
        return Failure(path=f"{self._directory}/{path}", errno=code, error=os.strerror(code))
