"""The executor: from due directories to outcomes.

For each directory the index proposes: open it below the area's held directory, list it again, and remove in
batches what is expired. Before each batch the directory is opened once more and must be the held one, the
intent is journalled, and each entry is looked at again right before it goes. One failing file never stops the
others; a failing directory never stops the others; a failing disk ends its area.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import TYPE_CHECKING

from shelflife.events import DirectoryPruned
from shelflife.files.anchor import LED_AWAY, Identity, identity_of, parent_of
from shelflife.files.held import held_directory, held_entry
from shelflife.files.in_use import is_in_locked_directory
from shelflife.files.listing import FOREVER, Entry, read_directory
from shelflife.files.removal import Outcome, Removal, Result, unlink
from shelflife.files.survey import Key, Survey, count_entry, is_due, managed
from shelflife.policy.verdict import Reason
from shelflife.records.index import RowState
from shelflife.remove.batch import AreaLost, Site, in_place, is_denied, not_reached
from shelflife.remove.compiled import Directory, Parcels
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shelflife.policy.cutoff import Cutoff


class AreaExecutor:
    """Removes what is before a cutoff from one directory of an area."""

    def __init__(self, site: Site, cutoff: Cutoff) -> None:
        """Prepare to remove what is before `cutoff` from the site."""
        self._site = site
        self._cutoff = cutoff
        self._index = site.context.index
        self._root = site.context.index.root(site.directory)
        self._trash = site.trash

    def run(self) -> None:
        """Remove what is due. Raises Stopped, and AreaLost when the disk fails."""
        pruning = _Pruning(self._prune)
        paths = self._index.due(self._root, self._cutoff.at)
        if self._is_ordinary():
            self._run_parcels(paths, pruning)
        else:
            for path in paths:
                pruning.enter(path)
                if self.run_in(path):
                    pruning.mark(path)
        pruning.finish()

    def _is_ordinary(self) -> bool:
        return (
            self._site.area.trash is None
            and not self._site.means.one_by_one
            and not self._site.context.holds()
        )

    def _run_parcels(self, paths: Iterator[str], pruning: _Pruning) -> None:
        parcels = Parcels(self._site, self._cutoff)
        ended: Stopped | AreaLost | None = None
        for found in parcels.run(paths):
            pruning.enter(found.path)
            if self._take(found):
                pruning.mark(found.path)
            if found.pruned:
                pruning.gone(found.path)
                self._note_pruned(found.path)
            if found.careful and ended is None:
                try:
                    if self.run_in(found.path):
                        pruning.mark(found.path)
                except (Stopped, AreaLost) as error:
                    ended = error  # what other threads have begun is taken first
                    parcels.stop.set()
        if ended is not None:
            raise ended
        self._site.context.between()

    def _take(self, found: Directory) -> bool:
        """Take what became of one directory of a parcel; return whether it may be empty because of that."""
        for answer in found.answers:
            self._site.report.add_removed(answer)
        if found.pruned or found.reading.error or not found.reading.is_complete:
            return False
        return self._put_rest(found) == 0 and found.has_acted

    def _put_rest(self, found: Directory) -> int:
        """Record what is left of a directory of a parcel; return how many entries these are."""
        survey = found.reading.rest()
        kept = [entry for outcomes in found.outcomes for entry in outcomes.kept]
        kept += [entry for left in found.left for entry in left]
        for entry in kept:
            count_entry(survey, entry, found.path, self._site.area)
        state = RowState.DIRTY if kept or found.has_acted else None
        if state is None and found.reading.is_partial:
            return survey.entries  # the row stands, and nobody has listed all of it since
        freshness = self._site.context.freshness
        survey.finish(found.path, freshness.settled_before)
        self._index.put(
            self._root,
            found.path,
            survey,
            listed=freshness.now,
            rules=self._site.area.rules.fingerprint,
            state=state,
        )
        return survey.entries

    def close(self) -> None:
        """Let go of what is held open."""
        self._trash.close()

    def run_in(self, path: str) -> bool:
        """Remove what is due in one directory; return whether it may be empty now because of that."""
        try:
            return self._act(path)
        except OSError as error:
            self._fail(path, error)
            return False

    def _act(self, path: str) -> bool:
        self._site.context.between()
        with self._site.anchor.directory(path) as fd:
            survey = Survey(key=Key.of(os.fstat(fd)))
            acted = self._act_on_entries(fd, path, survey)
            same = Key.of(os.fstat(fd)) == survey.key
        if survey.entries == 0 and not acted:
            return bool(path) and survey.key.mtime < self._cutoff.at and not self._held_directory(path)
        freshness = self._site.context.freshness
        survey.finish(path, freshness.settled_before if same else -FOREVER)
        state = RowState.DIRTY if acted else None
        if not survey.complete:
            state = RowState.UNREADABLE
        self._index.put(
            self._root,
            path,
            survey,
            listed=freshness.now,
            rules=self._site.area.rules.fingerprint,
            state=state,
        )
        return acted and survey.entries == 0

    def _act_on_entries(self, fd: int, path: str, survey: Survey) -> bool:
        """Remove what is due, count into `survey` what stays; return whether anything went."""
        held = identity_of(fd)
        acted = denied = False
        removal = self._removal(path, held)
        for chunk in read_directory(fd, self._site.area.rules.age_from):
            due = []
            for entry in managed(chunk, path):
                if not denied and is_due(entry, path, self._site.area, self._cutoff):
                    due.append(entry)
                else:
                    count_entry(survey, entry, path, self._site.area)
            for outcome in self._remove(fd, path, held, due, removal):
                denied = denied or outcome.reason is Reason.NOT_REACHED
                acted = acted or outcome.is_gone
                if not outcome.is_gone:
                    count_entry(survey, outcome.entry, path, self._site.area)
        return acted

    def _removal(self, path: str, identity: Identity) -> Removal:
        """Return how the entries of one directory go, and what keeps them."""
        place = self._site.place(path)

        def held(fd: int, entry: Entry) -> bool:
            holds = self._site.context.holds()
            return held_entry(holds, self._site.area.name, place + entry.name, fd, entry) is not None

        return Removal(
            area=self._site.area,
            cutoff=self._cutoff.at,
            dispose=unlink if self._site.area.trash is None else partial(self._trash.dispose, path),
            held=held,
            in_use=self._site.area.in_use,
            retries=self._site.means.retries,
            in_place=partial(in_place, self._site.anchor, path, identity),
        )

    def _remove(
        self, fd: int, path: str, held: Identity, due: list[Entry], removal: Removal
    ) -> Iterator[Outcome]:
        """Remove entries batch by batch, yielding each one's outcome."""
        size = self._site.batch_size
        while due:
            with self._site.batch():
                outcomes = self._remove_batch(fd, path, held, due[:size], removal)
            self._tell(path, outcomes)  # outside the gate, where a listener may add holds, or take its time
            yield from outcomes
            due = due[len(outcomes) :]
            if is_denied(outcomes):
                yield from map(not_reached, due)
                return

    def _remove_batch(
        self, fd: int, path: str, held: Identity, batch: list[Entry], removal: Removal
    ) -> list[Outcome]:
        if not self._site.anchor.verify(path, held):
            self._site.verify_root()
            raise FileNotFoundError(errno.ENOENT, "the directory was moved or replaced meanwhile", path)
        if self._held_directory(path):
            return [Outcome(entry, Result.KEPT, Reason.HELD) for entry in batch]
        if self._is_locked(path):
            return [Outcome(entry, Result.KEPT, Reason.IN_USE) for entry in batch]
        return self._site.remove(fd, path, batch, removal)

    def _tell(self, path: str, outcomes: list[Outcome]) -> None:
        self._site.tell(path, outcomes)
        for outcome in outcomes:
            self._site.watch_disk(outcome.errno)

    def _held_directory(self, path: str) -> bool:
        holds = self._site.context.holds()
        return (
            held_directory(holds, self._site.anchor, self._site.area.name, self._site.directory, path)
            is not None
        )

    def _fail(self, path: str, error: OSError) -> None:
        """Record that a directory could not be worked on."""
        code = error.errno or 0
        if code not in LED_AWAY:
            self._site.report.note(self._site.failure(path, code))
            self._site.report.errors.append(f"{self._site.directory}/{path}: {error.strerror}")
        self._index.mark(self._root, path, RowState.UNREADABLE, listed=self._site.context.freshness.now)
        self._site.watch_disk(code)

    def _prune(self, path: str) -> bool:
        """Remove an empty directory; return whether it is gone. One that is not empty is no failure."""
        parent, name = parent_of(path)
        try:
            row = self._index.row(self._root, path)
            with self._site.means.gate(), self._site.anchor.directory(parent) as fd:
                if not self._site.anchor.verify(parent, identity_of(fd)):
                    return False
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                if status.st_dev != self._site.anchor.identity.device:
                    return False  # rmdir(2) would delete an empty btrfs subvolume
                if row is not None and Key.of(status).inode != row.key.inode:
                    return False
                if self._held_directory(path) or self._is_locked(path):
                    return False
                os.rmdir(name, dir_fd=fd)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY):
                self._site.report.fail(self._site.failure(path, error.errno or 0))
            return False
        self._note_pruned(path)
        return True

    def _is_locked(self, path: str) -> bool:
        return self._site.area.in_use and is_in_locked_directory(self._site.anchor, path)

    def _note_pruned(self, path: str) -> None:
        self._index.forget(self._root, path)
        self._site.report.directories += 1
        self._site.context.listener(
            DirectoryPruned(area=self._site.area.name, directory=self._site.place(path))
        )


class _Pruning:
    """Which directories to try to remove once everything below them is done.

    Directories come in preorder, so a directory is done when one comes that is not below it.
    """

    def __init__(self, prune: Callable[[str], bool]) -> None:
        self._prune = prune
        self._open: list[str] = []
        self._marked: set[str] = set()

    def enter(self, path: str) -> None:
        """The next directory is at `path`."""
        while self._open and not path.startswith(self._open[-1]):
            self._close(self._open.pop())
        self._open.append(path)

    def mark(self, path: str) -> None:
        """Something went from the directory at `path`, so that it may be empty."""
        self._marked.add(path)

    def gone(self, path: str) -> None:
        """The directory at `path` is gone already."""
        self._marked.discard(path)
        if self._open and self._open[-1] == path:
            self._open.pop()
        self._mark_parent(path)

    def finish(self) -> None:
        """No more directories come."""
        while self._open:
            self._close(self._open.pop())

    def _close(self, path: str) -> None:
        if path not in self._marked:
            return
        self._marked.discard(path)
        if path and self._prune(path):
            self._mark_parent(path)

    def _mark_parent(self, path: str) -> None:
        parent, _ = parent_of(path)
        self._marked.add(parent)
        if parent and (not self._open or self._open[-1] != parent):
            self._open.append(parent)
