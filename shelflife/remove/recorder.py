"""What a removing run needs besides what looking needs: its means, and what it writes down while it works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shelflife.records.history import Intent, Settled
from shelflife.records.journal import JournalFull
from shelflife.remove.throttle import Throttle

if TYPE_CHECKING:
    from shelflife.files.candidates import Candidates
    from shelflife.files.listing import Entry
    from shelflife.files.removal import Outcome
    from shelflife.files.trash import TrashName
    from shelflife.records.journal import Journal
    from shelflife.records.state import Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What removing needs besides."""

    recorder: Recorder

    trash_name: TrashName
    """Where in an area's trash this run puts what it removes."""

    owner: Owner
    """Whom what is created belongs to."""

    batch_size: int
    """Entries between two looks at the holds, and at where their directory is."""

    retries: int
    """Further tries after a transient error."""

    throttle: Throttle = field(default_factory=Throttle)
    """How fast files go."""

    one_by_one: bool = False
    """Whether to look between any two batches if to go on, and so to do nothing in advance."""

    gate: Callable[[], AbstractContextManager[object]] = nullcontext
    """Surrounds each batch, so that whoever adds a hold can wait until no batch can still ignore it."""


class Recorder:
    """What a run writes down while it works: outcomes of some batches together with the intents of the next."""

    def __init__(self, journal: Journal, run: int, *, clock: Callable[[], int]) -> None:
        self._journal = journal
        self._clock = clock
        self._settled: list[Settled] = []
        self._unwritten: Intent | None = None
        self._lock = threading.Lock()
        self.run = run

    def intend(self, area: str, directory: str, entries: list[Entry], *, unit: bool = False) -> int:
        """Record what is about to be removed; return the number to `settle` it by.

        On a full disk the number is 0: intent and outcomes are then kept in memory until there is room.
        """
        intent = self._intent(area, directory, entries, unit=unit)
        with self._lock:
            try:
                (number,) = self._journal.removals.exchange(self._settled, [intent])
            except JournalFull:
                self._unwritten = intent
                return 0
            self._settled.clear()
        return number

    def intend_all(self, area: str, batches: Sequence[tuple[str, Candidates]]) -> list[int]:
        """Record several batches (directory, entries) at once; return their numbers.

        May be called by several threads. Raises JournalFull, and nothing is recorded then.
        """
        intents = [self._intent(area, directory, entries) for directory, entries in batches]
        with self._lock:
            numbers = self._journal.removals.exchange(self._settled, intents)
            self._settled.clear()
        return numbers

    def settle(self, batch: int, outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of a batch; they are written with the next intent, or by `flush`."""
        settled = Settled(batch, outcomes, None if batch else self._unwritten)
        with self._lock:
            self._settled.append(settled)

    def flush(self) -> None:
        """Write what is not written yet; what finds no room is kept for the next time."""
        if not self._settled:
            return
        with self._lock, suppress(JournalFull):
            self._journal.removals.exchange(self._settled, [])
            self._settled.clear()

    def _intent(self, area: str, directory: str, entries: Sequence[Entry], *, unit: bool = False) -> Intent:
        return Intent(self.run, area, directory, self._clock(), entries, unit)

    @property
    def unwritten(self) -> int:
        """Files whose outcomes found no room in the journal."""
        return sum(len(settled.outcomes) for settled in self._settled)
