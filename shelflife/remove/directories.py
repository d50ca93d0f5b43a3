"""Units: a directory right below an area that goes as one, or not at all.

What is looked at file by file could change while it is looked at. So a unit is first taken aside, by one rename
into `.trash/<run>/`, where no path of the service leads any more; looked at again there; and then removed, or
put back under its old name – never over something that took the name meanwhile. A unit that cannot be put back
stays in the trash and is reported as displaced.

The rename is journalled before, the decision after; a run that is killed in between is undone, one that is
killed or stopped later is completed by the next one (`shelflife.run.recovery`). A hold that is added while a
unit goes stops that: what is left is put back.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.files.anchor import Anchor, parent_of
from shelflife.files.counting import goes_with_unit
from shelflife.files.in_use import is_in_locked_directory
from shelflife.files.listing import Entry, EntryKind
from shelflife.files.removal import Outcome, Result
from shelflife.files.rename import put_back, take_aside
from shelflife.files.trash import DISPLACED, prune_trash
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.rules import judge_unit
from shelflife.policy.verdict import Reason
from shelflife.records.history import BatchKind
from shelflife.remove.batch import BatchLoop, Portion, BatchResult, is_denied
from shelflife.remove.opened import EntryByEntry, OpenDirectory
from shelflife.scan.context import Stopped
from shelflife.scan.root import AreaRoot
from shelflife.scan.unit import is_held_by_path, read_unit, unit_is_due

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from shelflife.policy.cutoff import Cutoffs
    from shelflife.remove.root import Root


class UnitExecutor:
    """Removes the units of one of an area's directories that are before their cutoffs."""

    def __init__(self, root: Root, cutoffs: Cutoffs) -> None:
        """Prepare to remove the units before `cutoffs` from `root`."""
        self._root = root
        self._cutoffs = cutoffs
        self._loop = BatchLoop(root)
        self._number = root.context.index.root(root.directory)
        self._place = f"{TRASH_DIRECTORY}/{root.options.trash_name}"

    def run(self) -> None:
        """Remove what is due. Raises Stopped, and AreaLost when the disk fails."""
        rows = self._root.context.index.units(self._number)
        try:
            for path in [row.path for row in rows if unit_is_due(row, self._root.area, self._cutoffs)]:
                self._root.context.between()
                try:
                    self._take(path[:-1])
                except OSError as error:
                    self._fail(path[:-1], error)
        finally:
            self._leave_trash()

    def finish(self, name: str, *, recorded: Container[str]) -> None:
        """Complete what an earlier run had decided on for a unit that is in its trash. Raises OSError.

        What it had `recorded` (paths relative to the base path) is not recorded again.
        """
        with self._trash() as trash:
            self._dispose(trash, name, recorded)
        self._leave_trash()

    def put_back(self, name: str) -> bool:
        """Put a unit that was taken aside back under its name; False when it was displaced. Raises OSError."""
        with self._trash() as trash:
            restored = self._return(trash, name)
        self._leave_trash()
        return restored

    def _take(self, name: str) -> None:
        """Take a unit aside, look again, and let it go. Raises OSError, Stopped."""
        root = self._root
        if root.area.in_use and is_in_locked_directory(root.anchor, ""):
            return
        if self._reason_to_keep(root.anchor, name) is not None:
            return
        status = os.stat(name, dir_fd=root.anchor.fd, follow_symlinks=False)
        unit = Portion("", [Entry(name, EntryKind.DIRECTORY, status.st_ino)], kind=BatchKind.UNIT)
        with self._trash() as trash:
            self._loop.run([unit], _Aside(self, trash))
            if unit.outcomes[0].result is not Result.REMOVED:
                return
            root.options.recorder.flush()  # a decision that is not on disk would be undone by the next run
            root.context.index.drop(self._number, f"{name}/")
            self._dispose(trash, name)

    def take_aside(self, trash: Anchor, entry: Entry) -> Outcome:
        """Take a unit aside, and look again; return whether it goes. What does not go is put back.

        Also whatever fails on the way to the decision puts it back: not decided means not due. Raises OSError.
        """
        name = entry.name
        self._root.verify()
        take_aside(self._root.anchor.fd, name, trash.fd, name)
        try:
            reason = self._reason_to_keep(trash, name)
        except BaseException:
            self._return(trash, name)
            raise
        if reason is not None:
            self._return(trash, name)
            return Outcome(entry, Result.KEPT, reason)
        return Outcome(entry, Result.REMOVED)

    def _reason_to_keep(self, anchor: Anchor, name: str) -> Reason | None:
        """Look at a unit, where it was or where it was taken to; return why it must not go, or None."""
        root = self._root
        try:
            found = read_unit(
                AreaRoot(root.area, root.directory, anchor),
                f"{name}/",
                holds=root.context.holds(),
                guarded=root.area.in_use,
                between=root.context.between,
            )
        except OSError:
            return Reason.CHANGED
        verdict = judge_unit(found.unit, self._cutoffs)
        return None if verdict.remove else verdict.reason

    def _return(self, trash: Anchor, name: str) -> bool:
        root = self._root
        try:
            put_back(trash.fd, name, root.anchor.fd, name)
        except OSError as error:
            root.report.displaced += 1
            root.report.errors.append(
                f"{root.place(name)}: changed while it was looked at, and cannot be put back "
                f"({error.strerror}); it waits in {root.place(TRASH_DIRECTORY)}/{DISPLACED}"
            )
            root.trash.displace("", trash.fd, name)
            return False
        return True

    def _dispose(self, trash: Anchor, name: str, recorded: Container[str] = ()) -> None:
        """Let a unit go that was taken aside: it stays in the trash where the area has one."""
        if self._root.area.trash is None:
            self._delete(trash, name)
        else:
            self._keep_in_trash(trash, name, recorded)

    def _keep_in_trash(self, trash: Anchor, name: str, recorded: Container[str]) -> None:
        for path, _, entries in walk(trash, f"{name}/", age=self._root.area.rules.age_from):
            place = self._root.place(path)
            files = [
                entry
                for entry in entries
                if entry.kind is not EntryKind.DIRECTORY and place + entry.name not in recorded
            ]
            if files:
                self._loop.run([Portion(path, files)], _Kept())

    def _delete(self, trash: Anchor, name: str) -> None:
        """Remove a unit that was taken aside, and put back what of it turns out to be in change, or held.

        Raises Stopped, and then the rest waits where it is for the next run.
        """
        area = self._root.area
        directories: list[str] = []
        waits = False
        try:
            for path, fd, entries in walk(trash, f"{name}/", age=self._root.area.rules.age_from):
                if not entries:
                    directories.append(path)
                due = [entry for entry in entries if goes_with_unit(entry, path, area, self._cutoffs)]
                directory = _OfUnit(self._root, fd, path, trash, name)
                with suppress(FileNotFoundError):  # somebody took the directory out of the unit
                    if not self._remove(directory, due):
                        break
            for path in reversed(directories):
                parent, own = parent_of(path)
                with suppress(OSError), trash.directory(parent) as fd:
                    os.rmdir(own, dir_fd=fd)
                    self._root.report.directories += 1
        except Stopped:
            waits = True
            raise
        finally:
            if (
                not waits
            ):  # what is left was added meanwhile, is held, or could not go: it belongs where it was
                with suppress(FileNotFoundError):
                    os.stat(name, dir_fd=trash.fd, follow_symlinks=False)
                    self._return(trash, name)

    def _remove(self, directory: _OfUnit, entries: list[Entry]) -> bool:
        """Remove entries of a unit batch by batch; return whether to go on: nobody holds it meanwhile."""
        way = EntryByEntry(directory, directory.removal(self._cutoffs))
        size = self._root.batch_size
        while entries:
            portion = Portion(directory.path, entries[:size])
            self._loop.run([portion], way)
            if any(outcome.reason is Reason.HELD for outcome in portion.outcomes):
                return False
            if is_denied(portion.outcomes):
                break
            entries = entries[size:]
        return True

    def _trash(self) -> Anchor:
        """Hold the trash of this run, made where it is missing. Raises OSError."""
        os.close(self._root.trash.open_mirror(""))
        return Anchor.open(self._root.anchor.fd, self._place)

    def _leave_trash(self) -> None:
        """Remove the trash of this run where nothing waits in it."""
        prune_trash(self._root.anchor, f"{self._place}/")

    def _fail(self, name: str, error: OSError) -> None:
        code = error.errno or 0
        if code == errno.ENOENT:
            return
        self._root.report.fail(self._root.failure(name, code))
        self._root.watch_disk(code)


class _Aside:
    """The way in which a unit is taken aside and decided on."""

    def __init__(self, units: UnitExecutor, trash: Anchor) -> None:
        self._units = units
        self._trash = trash

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[BatchResult]:  # noqa: ARG002 - it is one step
        """See `Way`."""
        ((entry,),) = (portion.entries for portion in portions)
        return [BatchResult([self._units.take_aside(self._trash, entry)])]


class _Kept:
    """The way in which files of a unit go that is in the trash already: they stay there."""

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[BatchResult]:  # noqa: ARG002 - nothing takes time
        """See `Way`."""
        return [BatchResult([Outcome(entry, Result.TRASHED) for entry in portion.rest]) for portion in portions]


class _OfUnit(OpenDirectory):
    """A directory of a unit that was taken aside."""

    def __init__(self, root: Root, fd: int, path: str, trash: Anchor, unit: str) -> None:
        super().__init__(root, fd, path, anchor=trash)
        self._unit = unit

    def is_held(self) -> bool:
        """Return whether somebody holds the unit, or something in it, by its path."""
        return is_held_by_path(self.root.context.holds(), self.root.place(self._unit))

    def is_locked(self) -> bool:
        """Return False: that was asked when the unit was looked at."""
        return False
