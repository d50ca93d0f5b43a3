"""The careful way, directory by directory: from due directories to outcomes.

For each directory that the index proposes: open it below the area's held directory, list it again, and remove in
batches what is expired. Most go in bulk, many directories a call (`shelflife.remove.bulk`); what is out of
the ordinary goes here, entry by entry. One failing file never stops the others; a failing directory never stops
the others; a failing disk ends its area.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shelflife.files.anchor import LED_AWAY
from shelflife.files.counting import count_entry, judged
from shelflife.files.held import held_directory
from shelflife.files.listing import FOREVER, Entry
from shelflife.files.removal import Outcome, unlink
from shelflife.files.survey import Key, Survey
from shelflife.policy.verdict import Reason
from shelflife.records.index import RowState
from shelflife.remove.batch import BatchLoop, not_reached
from shelflife.remove.bulk import Bulk
from shelflife.remove.opened import OpenDirectory, run_entries
from shelflife.remove.pruning import Emptied, Pruner
from shelflife.remove.root import AreaLost
from shelflife.remove.share import Directory
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.files.removal import Removal
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.remove.root import Root


class AreaExecutor:
    """Removes what is before its cutoff from one directory of an area."""

    def __init__(self, root: Root, cutoffs: Cutoffs) -> None:
        """Prepare to remove from `root` what is before the cutoff of its class."""
        self._root = root
        self._cutoffs = cutoffs
        self._loop = BatchLoop(root)
        self._pruner = Pruner(root)
        self._index = root.context.index
        self._number = root.context.index.root(root.directory)
        self._trash = root.trash

    def run(self) -> None:
        """Remove what is due. Raises Stopped, and AreaLost when the disk fails."""
        emptied = Emptied(self._pruner.prune)
        paths = self._due()
        if self._is_ordinary():
            self._run_in_bulk(paths, emptied)
        else:
            for path in paths:
                emptied.enter(path)
                if self.run_in(path):
                    emptied.mark(path)
        emptied.finish()

    def _due(self) -> Iterator[str]:
        """Yield the directories that the index proposes, without those that were held when the run planned.

        That is, held by their path, as all is that a restore brought back: of these nothing was to go.
        """
        root, now = self._root, self._root.context.freshness.now
        holds = root.context.holds()
        for path in self._index.due(self._number, self._cutoffs):
            hold = holds.covering(root.place(path).rstrip("/")) if holds else None
            if hold is None or hold.created >= now:
                yield path

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

    # -- in bulk

    def _is_ordinary(self) -> bool:
        return not self._root.options.one_by_one

    def _run_in_bulk(self, paths: Iterator[str], emptied: Emptied) -> None:
        bulk = Bulk(self._root, self._cutoffs)
        ended: Stopped | AreaLost | None = None
        for found in bulk.run(paths):
            emptied.enter(found.path)
            if self._take(found):
                emptied.mark(found.path)
            if found.pruned:
                emptied.gone(found.path)
                self._pruner.note(found.path)
            if found.careful and ended is None:
                try:
                    if self.run_in(found.path):
                        emptied.mark(found.path)
                except (Stopped, AreaLost) as error:
                    ended = error  # what other threads have begun is taken first
                    bulk.stop.set()
        if ended is not None:
            raise ended
        self._root.context.between()

    def _take(self, found: Directory) -> bool:
        """Take what became of one directory; return whether it may be empty because of that."""
        if found.pruned or found.reading.error or not found.reading.is_complete:
            return False
        return self._put_rest(found) == 0 and found.has_acted

    def _put_rest(self, found: Directory) -> int:
        """Record what is left of a directory; return how many entries these are."""
        survey = found.reading.rest()
        kept = found.kept()
        for entry in kept:
            count_entry(survey, entry, found.path, self._root.area)
        state = RowState.DIRTY if kept or found.has_acted else None
        if state is None and found.reading.is_partial:
            return survey.entries  # the row stands, and nobody has listed all of it since
        self._put(found.path, survey, state, settled_before=self._root.context.freshness.settled_before)
        return survey.entries

    def _put(self, path: str, survey: Survey, state: RowState | None, *, settled_before: int) -> None:
        """Put into the index what a directory holds by now."""
        survey.finish(path, settled_before, self._root.area.rules)
        self._index.put(
            self._number,
            path,
            survey,
            listed=self._root.context.freshness.now,
            rules=self._root.area.rules.fingerprint,
            state=state,
        )

    # -- one by one

    def _act(self, path: str) -> bool:
        self._root.context.between()
        if self._was_held(path):
            return False
        with self._root.anchor.directory(path) as fd:
            survey = Survey(key=Key.at(fd))
            acted = self._act_on_entries(OpenDirectory(self._root, fd, path), survey)
            same = Key.at(fd) == survey.key
        if survey.entries == 0 and not acted:
            return self._root.area.rules.empty_goes(path, survey.key.mtime, self._cutoffs)
        state = RowState.DIRTY if acted else None
        if not survey.complete:
            state = RowState.UNREADABLE
        settled_before = self._root.context.freshness.settled_before if same else -FOREVER
        self._put(path, survey, state, settled_before=settled_before)
        return acted and survey.entries == 0

    def _was_held(self, path: str) -> bool:
        """Return whether a directory was held as a whole before the run planned, so that nothing of it was to go.

        What somebody began to hold since then has to be said of each file that was to go.
        """
        root = self._root
        hold = held_directory(root.context.holds(), root.anchor, root.area.name, root.directory, path)
        return hold is not None and hold.created < root.context.freshness.now

    def _act_on_entries(self, directory: OpenDirectory, survey: Survey) -> bool:
        """Remove what is due, count into `survey` what stays; return whether anything went."""
        path, area = directory.path, self._root.area
        acted = denied = False
        dispose = unlink if area.trash is None else partial(self._trash.dispose, path)
        removal = directory.removal(self._cutoffs, dispose)
        for chunk in judged(directory.fd, path, area, self._cutoffs, directory.stays):
            due = []
            for entry, goes in chunk:
                if goes and not denied:
                    due.append(entry)
                else:
                    count_entry(survey, entry, path, area)
            for outcome in self._remove(directory, due, removal):
                denied = denied or outcome.reason is Reason.NOT_REACHED
                acted = acted or outcome.is_gone
                if not outcome.is_gone:
                    count_entry(survey, outcome.entry, path, area)
        return acted

    def _remove(self, directory: OpenDirectory, due: list[Entry], removal: Removal) -> Iterator[Outcome]:
        """Remove entries batch by batch, yielding each one's outcome."""
        batches, done = self._batches(due), 0
        for outcomes in run_entries(self._loop, directory, removal, batches):
            done += 1
            yield from outcomes
        for left in batches[done:]:
            yield from map(not_reached, left)

    def _batches(self, due: list[Entry]) -> list[list[Entry]]:
        """Return what goes in which batch: what goes together, in the same one."""
        groups = self._root.area.rules.groups([entry.name for entry in due])
        batches: list[list[Entry]] = []
        for group in groups:
            if not batches or len(batches[-1]) + len(group) > self._root.batch_size:
                batches.append([])
            batches[-1] += [due[at] for at in group]
        return batches

    def _fail(self, path: str, error: OSError) -> None:
        """Record that a directory could not be worked on."""
        root, code = self._root, error.errno or 0
        if code not in LED_AWAY:
            root.report.note(root.failure(path, code))
            root.report.errors.append(f"{root.place(path) or root.directory}: {error.strerror}")
        self._index.mark(self._number, path, RowState.UNREADABLE, listed=root.context.freshness.now)
        root.watch_disk(code)
