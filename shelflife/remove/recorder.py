"""The recorder: what a run writes down while it works, outcomes of some batches with the intents of the next."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shelflife.files.listing import Entry, EntryKind
from shelflife.files.removal import Outcome, Result
from shelflife.records.history import BatchKind, Intent, Settled
from shelflife.records.journal import JournalFull

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shelflife.records.journal import Journal


_MOST_PRUNED: Final = 500
"""Directories of one parent that are recorded together."""


class Recorder:
    """Writes one run into the journal, batch by batch. May be called by several threads."""

    def __init__(self, journal: Journal, run: int, *, clock: Callable[[], int]) -> None:
        self._journal = journal
        self._clock = clock
        self._settled: list[Settled] = []
        self._pruned: dict[tuple[str, str], list[Entry]] = {}
        self._lock = threading.Lock()
        self.run = run

    def intent(self, area: str, directory: str, entries: Sequence[Entry], kind: BatchKind) -> Intent:
        """Return what says that entries of a directory (relative to the base path) are about to go."""
        return Intent(self.run, area, directory, self._clock(), entries, kind)

    def intend(self, intents: Sequence[Intent]) -> list[int]:
        """Record what is about to go, in one transaction; return a number for each, to `settle` it by.

        On a full disk the numbers are 0: what is intended is then recorded together with what became of it, as
        soon as there is room.
        """
        with self._lock:
            try:
                numbers = self._journal.removals.exchange(self._settled, intents)
            except JournalFull:
                return [0] * len(intents)
            self._settled.clear()
        return numbers

    def settle(self, number: int, intent: Intent, outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of a batch; they are written with the next intents, or by `flush`."""
        settled = Settled(number, outcomes, None if number else intent)
        with self._lock:
            self._settled.append(settled)

    def note_pruned(self, area: str, directory: str, name: str) -> None:
        """Take that an empty directory went from `directory`; these are recorded by the parent.

        After the effect only: an empty directory that went unrecorded, by a kill, is nothing to be missed.
        """
        with self._lock:
            pruned = self._pruned.setdefault((area, directory), [])
            pruned.append(Entry(name, EntryKind.DIRECTORY, 0))
            if len(pruned) >= _MOST_PRUNED:
                self._settle_pruned(area, directory)

    def _settle_pruned(self, area: str, directory: str) -> None:
        entries = self._pruned.pop((area, directory))
        intent = self.intent(area, directory, entries, BatchKind.PRUNED)
        self._settled.append(Settled(0, [Outcome(entry, Result.REMOVED) for entry in entries], intent))

    def flush(self) -> None:
        """Write what is not written yet; what finds no room is kept for the next time."""
        with self._lock:
            for area, directory in list(self._pruned):
                self._settle_pruned(area, directory)
        if not self._settled:
            return
        with self._lock, suppress(JournalFull):
            self._journal.removals.exchange(self._settled, [])
            self._settled.clear()

    @property
    def unwritten(self) -> int:
        """Files whose outcomes found no room in the journal."""
        return sum(len(settled.outcomes) for settled in self._settled)
