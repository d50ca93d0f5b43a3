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
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from shelflife.files.anchor import Anchor, identity_of, parent_of
from shelflife.files.in_use import is_in_locked_directory
from shelflife.files.listing import Entry, Kind
from shelflife.files.removal import Outcome, Removal, Result
from shelflife.files.rename import put_back, take_aside
from shelflife.files.survey import is_due
from shelflife.files.trash import DISPLACED, prune_trash
from shelflife.files.tree import walk
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.rules import judge_unit
from shelflife.policy.verdict import Reason
from shelflife.remove.batch import Site, in_place, is_denied
from shelflife.scan.context import Stopped
from shelflife.scan.planner import is_held_by_path, read_unit, unit_is_due

if TYPE_CHECKING:
    from collections.abc import Container

    from shelflife.policy.cutoff import Cutoff


class UnitExecutor:
    """Removes the units of one of an area's directories that are before a cutoff."""

    def __init__(self, site: Site, cutoff: Cutoff) -> None:
        """Prepare to remove the units before `cutoff` from the site."""
        self._site = site
        self._cutoff = cutoff
        self._root = site.context.index.root(site.directory)
        self._place = f"{TRASH_DIRECTORY}/{site.means.trash_name}"

    def run(self) -> None:
        """Remove what is due. Raises Stopped, and AreaLost when the disk is read-only."""
        rows = self._site.context.index.units(self._root)
        try:
            for path in [row.path for row in rows if unit_is_due(row, self._cutoff)]:
                self._site.context.between()
                try:
                    self._take(path[:-1])
                    self._site.watch_disk(0)
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
        if self._site.area.in_use and is_in_locked_directory(self._site.anchor, ""):
            return
        if self._reason_to_keep(self._site.anchor, name) is not None:
            return
        with ExitStack() as stack:
            with self._site.batch():
                self._site.verify_root()
                trash = stack.enter_context(self._trash())
                if not self._decide(trash, name):
                    return
            self._site.context.index.drop(self._root, f"{name}/")
            self._dispose(trash, name)

    def _decide(self, trash: Anchor, name: str) -> bool:
        """Take a unit aside, and look again; return whether it goes. What does not go is put back.

        Also whatever fails on the way to the decision puts it back: not decided means not due.
        """
        status = os.stat(name, dir_fd=self._site.anchor.fd, follow_symlinks=False)
        entry = Entry(name, Kind.DIRECTORY, status.st_ino)
        recorder = self._site.means.recorder
        number = recorder.intend(self._site.area.name, f"{self._site.directory}/", [entry], unit=True)
        take_aside(self._site.anchor.fd, name, trash.fd, name)
        try:
            reason = self._reason_to_keep(trash, name)
            result = Result.REMOVED if reason is None else Result.KEPT
            recorder.settle(number, [Outcome(entry, result, reason or Reason.EXPIRED)])
            recorder.flush()
        except BaseException:
            self._return(trash, name)
            raise
        if reason is not None:
            self._return(trash, name)
        return reason is None

    def _reason_to_keep(self, anchor: Anchor, name: str) -> Reason | None:
        """Look at a unit, where it was or where it was taken to; return why it must not go, or None."""
        try:
            found = read_unit(
                anchor,
                f"{name}/",
                self._site.area,
                directory=self._site.directory,
                holds=self._site.context.holds(),
                guarded=self._site.area.in_use,
                between=self._site.context.between,
            )
        except OSError:
            return Reason.CHANGED
        verdict = judge_unit(found.unit, self._cutoff)
        return None if verdict.remove else verdict.reason

    def _return(self, trash: Anchor, name: str) -> bool:
        try:
            put_back(trash.fd, name, self._site.anchor.fd, name)
        except OSError as error:
            self._site.report.displaced += 1
            self._site.report.errors.append(
                f"{self._site.directory}/{name}: changed while it was looked at, and cannot be put back "
                f"({error.strerror}); it waits in {self._site.directory}/{TRASH_DIRECTORY}/{DISPLACED}"
            )
            self._site.trash.displace("", trash.fd, name)
            return False
        return True

    def _dispose(self, trash: Anchor, name: str, recorded: Container[str] = ()) -> None:
        """Let a unit go that was taken aside: it stays in the trash where the area has one."""
        if self._site.area.trash is None:
            self._delete(trash, name)
        else:
            self._keep_in_trash(trash, name, recorded)

    def _keep_in_trash(self, trash: Anchor, name: str, recorded: Container[str]) -> None:
        recorder = self._site.means.recorder
        for path, _, entries in walk(trash, f"{name}/", age=self._site.area.rules.age_from):
            place = self._site.place(path)
            files = [
                entry
                for entry in entries
                if entry.kind is not Kind.DIRECTORY and place + entry.name not in recorded
            ]
            if files:
                number = recorder.intend(self._site.area.name, place, files)
                outcomes = [Outcome(entry, Result.TRASHED) for entry in files]
                self._site.settle(number, path, outcomes)
                self._site.tell(path, outcomes)

    def _delete(self, trash: Anchor, name: str) -> None:
        """Remove a unit that was taken aside, and put back what of it turns out to be in change, or held.

        Raises Stopped, and then the rest waits where it is for the next run.
        """
        directories: list[str] = []
        waits = False
        removal = Removal(
            area=self._site.area,
            cutoff=self._cutoff.at,
            in_use=self._site.area.in_use,
            retries=self._site.means.retries,
        )
        try:
            for path, fd, entries in walk(trash, f"{name}/", age=self._site.area.rules.age_from):
                if not entries:
                    directories.append(path)
                due = [entry for entry in entries if is_due(entry, path, self._site.area, self._cutoff)]
                if not self._remove(trash, name, fd, path, due, removal):
                    break
            for path in reversed(directories):
                parent, own = parent_of(path)
                with suppress(OSError), trash.directory(parent) as fd:
                    os.rmdir(own, dir_fd=fd)
                    self._site.report.directories += 1
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

    def _remove(
        self, trash: Anchor, name: str, fd: int, path: str, entries: list[Entry], removal: Removal
    ) -> bool:
        """Remove entries of a unit batch by batch; return whether to go on: nobody holds it meanwhile."""
        place = identity_of(fd)
        while entries and in_place(trash, path, place):
            with self._site.batch():
                if self._is_held(name):
                    return False
                outcomes = self._site.remove(fd, path, entries[: self._site.batch_size], removal)
            self._site.tell(path, outcomes)
            if is_denied(outcomes):
                break
            entries = entries[len(outcomes) :]
        return True

    def _is_held(self, name: str) -> bool:
        """Return whether somebody holds a unit, or something in it, by its path."""
        return is_held_by_path(self._site.context.holds(), self._site.place(name))

    def _trash(self) -> Anchor:
        """Hold the trash of this run, made where it is missing. Raises OSError."""
        os.close(self._site.trash.open_mirror(""))
        return Anchor.open(self._site.anchor.fd, self._place)

    def _leave_trash(self) -> None:
        """Remove the trash of this run where nothing waits in it."""
        prune_trash(self._site.anchor, f"{self._place}/")

    def _fail(self, name: str, error: OSError) -> None:
        code = error.errno or 0
        if code == errno.ENOENT:
            return
        self._site.report.fail(self._site.failure(name, code))
        self._site.watch_disk(code)
