"""Events, as the rest of the program sees them: what changed, in the order in which it was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EventBook", "EventRecord", "Progress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One thing that happened."""

    id: int
    """Grows with each event; a reader that names the last one it saw misses none."""
    at: int
    """ns since the epoch."""
    kind: str
    subject: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    at: int
    """ns since the epoch."""
    phase: str
    """What it does: planning, purging, removing, restoring …"""
    area: str = ""
    done: int = 0
    """Files."""
    total: int | None = None
    """Of so many; None while that is not known."""
    failed: int = 0
    directory: str = ""
    """Where it is, relative to the base path."""


class EventBook(Protocol):
    """The events of one storage, and how far its runs are.

    An event is recorded with the change that it tells of, by whichever process: none is missing, none tells of
    what did not happen.
    """

    def version(self) -> int:
        """Return a number that differs if another process, or another journal, has written since. Cheap."""

    def last(self) -> int:
        """Return the number of the latest event; 0 if there was none."""

    def first(self) -> int:
        """Return the number of the earliest event that is kept; one more than the last if none is."""

    def since(self, number: int, *, limit: int = 1000) -> list[EventRecord]:
        """Return the events after number `number`, in order, at most `limit`."""

    def progress(self, run: int) -> Progress | None:
        """Return how far a run is; None if it has not said so."""

    def tell_progress(self, run: int, progress: Progress) -> None:
        """Record how far a run is; to be called seldom, since each call is an event."""

    def ask_to_stop(self, run: int, by: str, *, at: int) -> bool:
        """Ask a run that goes on to stop, whichever process runs it, at `at` (ns); return whether it goes on."""

    def is_asked_to_stop(self, run: int) -> bool:
        """Return whether somebody asked a run to stop."""

    def see_settings(self, fingerprints: Mapping[str, str], at: int) -> tuple[str, ...]:
        """Record that settings are in force at `at` (ns), by a fingerprint of the value of each key.

        Returns the keys whose values differ from those that were in force before, and tells of them by an event;
        the settings that are seen first differ from nothing.
        """

    def trim(self, before: int, *, most: int = 100_000) -> None:
        """Forget events from before `before` (ns), and all but the latest `most`."""
