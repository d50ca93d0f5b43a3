"""What the engine tells while it works: small frozen values, sent to one listener.

Progress bars, log lines, metrics, live pages and tests are listeners; the engine itself prints nothing. A
listener that fails never breaks a run: its error is logged once and the run goes on (`guarded`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger(__name__)


class FileOutcome(Protocol):
    """What became of one file that a run meant to remove."""

    @property
    def name(self) -> str:
        """The file's name in its directory."""

    @property
    def size(self) -> int:
        """Its apparent size in bytes."""

    @property
    def mtime(self) -> int:
        """When it was last modified, in nanoseconds since the epoch."""

    @property
    def result(self) -> int:
        """1 removed, 2 kept, 3 failed (`shelflife.files.removal.Result`)."""

    @property
    def reason(self) -> str:
        """Why, in words."""

    @property
    def errno(self) -> int:
        """Of a failure: its cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of every event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoriesScanned(Event):
    """Progress of bringing the index up to date."""

    area: str
    directories: int
    """Directories looked at so far."""
    listed: int
    """Those that had to be read."""
    files: int
    """Files in those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegun(Event):
    """A run holds the lock and is in the journal; it begins by planning."""

    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A run holds the lock and its plan is made; removal begins."""

    run: int
    plan: str
    files: int
    """Files that the plan would remove."""
    bytes: int
    restores: bool = False
    """Whether files come back from the trash, instead of going."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinished(Event):
    """A batch of files of one directory has its outcomes."""

    area: str
    directory: str
    """Relative to the base path, with a trailing slash."""
    outcomes: Sequence[FileOutcome]
    clean: bool = False
    """Whether none of them failed, so that who looks for failures need not look at each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryPruned(Event):
    """An empty directory was removed."""

    area: str
    directory: str
    """Relative to the base path, with a trailing slash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRestored(Event):
    """A directory came back from the trash by one rename; its batch counts it as one entry."""

    area: str
    directory: str
    """Relative to the base path, with a trailing slash."""
    files: int
    """How many files and links are in it, at any depth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFinished(Event):
    """A run is done with an area."""

    area: str
    scanned: int
    removed: int
    failed: int
    bytes: int
    """Apparent size of what was removed."""
    errors: Sequence[str] = ()
    """What kept the area, or part of it, from being looked at; each begins with a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """A run has ended, whatever its end was."""

    run: int
    state: str
    """As the journal has it: done, stopped, failed."""
    removed: int
    failed: int
    bytes: int
    restored: int = 0
    """Files and links that came back from the trash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRefused(Event):
    """A run that was due did not start."""

    reason: str


Listener = Callable[[Event], None]
"""Takes each event as it happens, in a thread of the run, one event at a time; should return at once."""


def ignore(_event: Event) -> None:
    """Do nothing: the default listener."""


def guarded(listeners: Sequence[Listener]) -> Listener:
    """Return one listener that passes each event to all of `listeners` and survives their errors.

    Events of several threads come one after the other.
    """
    failed: set[int] = set()
    lock = threading.RLock()

    def tell(event: Event) -> None:
        with lock:
            for position, listener in enumerate(listeners):
                try:
                    listener(event)
                except Exception:
                    if position not in failed:
                        failed.add(position)
                        logger.exception("a listener failed; the run goes on without it being told")

    return tell
