"""What the steps of one operation share: the held storage, the index, the moment – and, of a run, its means."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.policy.holds import Holds
from shelflife.records.journal import Intent, JournalFull, Settled

if TYPE_CHECKING:
    from shelflife.events import Listener
    from shelflife.files.listing import Entry
    from shelflife.files.removal import Outcome
    from shelflife.files.trash import TrashName
    from shelflife.records.index import Index
    from shelflife.records.journal import Journal
    from shelflife.records.refresh import Freshness
    from shelflife.records.state import Owner


def _no_holds() -> Holds:
    return Holds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What looking needs."""

    base: int
    """The held base path."""

    index: Index

    freshness: Freshness
    """The moment of the operation, and when a row may stand."""

    listener: Listener

    between: Callable[[], None]
    """Called between directories and batches: beats the lock, raises `Stopped` when asked to stop."""

    holds: Callable[[], Holds] = _no_holds
    """Returns the holds as they are now."""


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

    gate: Callable[[], AbstractContextManager[object]] = nullcontext
    """Surrounds each batch, so that whoever adds a hold can wait until no batch can still ignore it."""


class Recorder:
    """What a run writes down while it works: outcomes of one batch together with the intent of the next."""

    def __init__(self, journal: Journal, run: int, *, clock: Callable[[], int]) -> None:
        self._journal = journal
        self._clock = clock
        self._settled: list[Settled] = []
        self._unwritten: Intent | None = None
        self.run = run

    def intend(self, area: str, directory: str, entries: list[Entry], *, unit: bool = False) -> int:
        """Record what is about to be removed; return the number to `settle` it by.

        On a full disk the number is 0: intent and outcomes are then kept in memory until there is room.
        """
        intent = Intent(self.run, area, directory, self._clock(), entries, unit)
        try:
            number = self._journal.exchange(self._settled, intent)
        except JournalFull:
            self._unwritten = intent
            return 0
        self._settled.clear()
        return number

    def settle(self, batch: int, outcomes: list[Outcome]) -> None:
        """Take the outcomes of a batch; they are written with the next intent, or by `flush`."""
        self._settled.append(Settled(batch, outcomes, None if batch else self._unwritten))

    def flush(self) -> None:
        """Write what is not written yet; what finds no room is kept for the next time."""
        if not self._settled:
            return
        with suppress(JournalFull):
            self._journal.exchange(self._settled, None)
            self._settled.clear()

    @property
    def unwritten(self) -> int:
        """Files whose outcomes found no room in the journal."""
        return sum(len(settled.outcomes) for settled in self._settled)
