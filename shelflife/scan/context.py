"""What the steps of one operation share: the held storage, the index, the moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shelflife.files.worker_pool import WorkerPool
from shelflife.policy.holds import Holds
from shelflife.scan.listing_cache import ListingCache

if TYPE_CHECKING:
    from shelflife.events import Listener
    from shelflife.records.sqlite.index import Index
    from shelflife.scan.refresh import Freshness


class Stopped(Exception):  # noqa: N818 - a signal, not a fault
    """The run was asked to stop."""


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
    """Called between directories and batches, in any thread: beats the lock, raises `Stopped` when asked to."""

    holds: Callable[[], Holds] = _no_holds
    """Returns the holds as they are now."""

    pool: WorkerPool = field(default_factory=WorkerPool)
    """Who reads and removes."""

    listings: ListingCache = field(default_factory=ListingCache)
    """What was read and will be needed again."""
