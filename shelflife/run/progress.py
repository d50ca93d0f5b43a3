"""How far a run is, where anybody can see it: in the journal, from the events of the run."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from shelflife.events import BatchFinished, DirectoriesScanned, DirectoryRestored, RunStarted
from shelflife.files.removal import Result
from shelflife.records.event_log import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.events import Event
    from shelflife.records.journal import Journal

EVERY: Final = 1.0
"""Seconds between two records, at the least: each one is a transaction, and an event for whoever watches."""


class ProgressRecorder:
    """A listener that records how far the run of a journal is, once a second at the most."""

    def __init__(self, journal: Journal, *, clock: Callable[[], int]) -> None:
        """Take the journal; `clock` returns ns since the epoch. Nothing is recorded before `follow`."""
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._run = 0
        self._told = 0.0
        self._phase = "planning"
        self._done = self._failed = 0
        self._total: int | None = None

    def follow(self, run: int) -> None:
        """Begin to record, for the run of that number."""
        self._run, self._told = run, time.monotonic()

    def __call__(self, event: Event) -> None:
        """Take an event of the run."""
        with self._lock:
            match event:
                case DirectoriesScanned():
                    self._tell(event.area, "", done=event.files)
                case RunStarted():
                    self._phase, self._total, self._told = "working", event.files, 0.0
                    self._tell("", "", done=0)
                case DirectoryRestored():
                    self._done += event.files - 1  # its batch has counted it
                    self._tell(event.area, event.directory, done=self._done)
                case BatchFinished():
                    self._done += len(event.outcomes)
                    if not event.clean:
                        self._failed += sum(one.result == Result.FAILED for one in event.outcomes)
                    self._tell(event.area, event.directory, done=self._done)

    def _tell(self, area: str, directory: str, *, done: int) -> None:
        now = time.monotonic()
        if self._run and now - self._told >= EVERY:
            self._told = now
            progress = Progress(self._clock(), self._phase, area, done, self._total, self._failed, directory)
            self._journal.events.tell_progress(self._run, progress)
