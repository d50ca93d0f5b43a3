"""What a run tells the log: runs and areas, the first errors, and each file for whoever wants to know.

Every engine has this listener, so that a run leaves its lines whoever started it. They go to the logger
`shelflife.cleanup`; no handler is configured here.
"""

from __future__ import annotations

import logging
import os
from typing import Final

from shelflife.events import (
    AreaFinished,
    BatchFinished,
    Event,
    RunBegun,
    RunFinished,
    RunRefused,
    RunStarted,
)
from shelflife.files.removal import Result
from shelflife.formats import human_size, visible

logger = logging.getLogger("shelflife.cleanup")

LOUD_ERRORS: Final = 5
"""Errors of a run that are warnings; the others are in its report, and in the log at DEBUG."""


class RunLog:
    """A listener that writes to the log."""

    def __init__(self) -> None:
        self._errors = 0
        self._of: dict[str, int] = {}
        """What each line says besides: the run it is of."""

    def __call__(self, event: Event) -> None:
        """Write down what happened."""
        match event:
            case RunBegun():
                self._errors = 0
                self._of = {"run": event.run}
            case RunStarted():
                size = human_size(event.bytes)
                what = "are to be restored" if event.restores else f"{size}, are due"
                logger.info("run %d begins: %d files, %s", event.run, event.files, what, extra=self._of)
            case BatchFinished():
                self._batch(event)
            case AreaFinished():
                self._area(event)
            case RunFinished() if event.restored:
                back = event.restored, event.failed
                text = "run %d is %s: %d files restored, %d failed"
                logger.info(text, event.run, event.state, *back, extra=self._of)
            case RunFinished():
                counts = event.removed, human_size(event.bytes), event.failed
                text = "run %d is %s: %d files removed, %s, %d failed"
                logger.info(text, event.run, event.state, *counts, extra=self._of)
            case RunRefused():
                logger.warning("a cleanup was refused: %s", event.reason)

    def _batch(self, event: BatchFinished) -> None:
        debug = logger.isEnabledFor(logging.DEBUG)
        if event.clean and not debug:
            return
        for outcome in event.outcomes:
            if outcome.result == Result.FAILED:
                self._error(f"{event.directory}{outcome.name}: {os.strerror(outcome.errno)}")
            elif debug:
                path = visible(event.directory + outcome.name)
                what = Result(outcome.result).name.lower(), path, outcome.reason
                logger.debug("%s %s (%s)", *what, extra=self._of)

    def _area(self, event: AreaFinished) -> None:
        for error in event.errors:
            self._error(error)
        counts = event.scanned, event.removed, human_size(event.bytes), event.failed
        logger.info("%s: %d files, %d removed, %s, %d failed", event.area, *counts, extra=self._of)

    def _error(self, text: str) -> None:
        self._errors += 1
        level = logging.WARNING if self._errors <= LOUD_ERRORS else logging.DEBUG
        logger.log(level, "%s", visible(text), extra=self._of)
        if self._errors == LOUD_ERRORS:
            text = "further errors of this run are logged at DEBUG; its report counts them all"
            logger.warning(text, extra=self._of)
