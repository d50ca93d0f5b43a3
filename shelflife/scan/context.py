"""What the steps of one operation share: the held storage, the index, the moment, and who is asked meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shelflife.files.worker_pool import WorkerPool
from shelflife.policy.holds import Holds
from shelflife.scan.listing_cache import ListingCache

if TYPE_CHECKING:
    import threading

    from shelflife.events import Listener
    from shelflife.records.index import Index
    from shelflife.scan.freshness import Freshness


class Stopped(Exception):  # noqa: N818 - a cancellation, not a fault
    """The operation ends here: somebody asked it to, or there is no use in going on."""


class Watch(Protocol):
    """Is asked between directories and batches, in any thread, whether the operation may go on."""

    def look(self) -> None:
        """Return when it may. Raises Stopped when it is to end, StorageError when its ground is gone."""


class Unwatched:
    """A watch over what nobody ends."""

    def look(self) -> None:
        """See `Watch`."""


class StopWatch:
    """Ends an operation once an event is set."""

    def __init__(self, stop: threading.Event | None) -> None:
        """Watch `stop`; None is never set."""
        self._stop = stop

    def look(self) -> None:
        """See `Watch`."""
        if self._stop is not None and self._stop.is_set():
            raise Stopped


class HoldSource(Protocol):
    """Knows what people hold. A `Holds` is one that never changes."""

    def current(self) -> Holds:
        """Return the holds as they are now. Raises when they cannot be known: nothing may go then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What looking needs."""

    base: int
    """The held base path."""

    index: Index

    freshness: Freshness
    """The moment of the operation, and when a row may stand."""

    listener: Listener

    watch: Watch = field(default_factory=Unwatched)

    pinned: HoldSource = field(default_factory=Holds)

    pool: WorkerPool = field(default_factory=WorkerPool)
    """Who reads and removes."""

    listings: ListingCache = field(default_factory=ListingCache)
    """What was read and will be needed again."""

    def between(self) -> None:
        """Call it between directories and batches, in any thread. Raises as `Watch.look`."""
        self.watch.look()

    def holds(self) -> Holds:
        """Return the holds as they are now. Raises as `HoldSource.current`."""
        return self.pinned.current()
