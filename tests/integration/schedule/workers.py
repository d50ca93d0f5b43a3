"""What the tests of several processes run in them."""

from __future__ import annotations

import logging
import os
import threading
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from shelflife.engine import Engine
from shelflife.errors import CleanupBusy
from shelflife.events import Event as Told
from shelflife.events import RunStarted
from shelflife.schedule.scheduler import Scheduler
from shelflife.settings import Settings

PATIENCE = 60.0
"""Seconds after which a test is given up."""


def settings_of(base_path: Path) -> Settings:
    return Settings.build(base_path=base_path, areas={"uploads": "7d"})


def scheduler_of(base_path: Path, ahead: int) -> Scheduler:
    """A scheduler whose clock is ahead of the real one (ns)."""

    def clock() -> int:
        return time.time_ns() + ahead

    return Scheduler(Engine(settings_of(base_path), clock=clock), clock=clock, pause=0.01)


class _Heard(logging.Handler):
    """Waits for a line of the log that tells what became of the slot."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said = threading.Event()
        self.outcome = "nothing"

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "the slot of" in text or " is done" in text:
            self.outcome = "ran" if " is done" in text else "lost"
            self.said.set()


def keep_schedule(base_path: Path, ahead: int, together: Barrier, results: Queue[str]) -> None:
    """Be a worker of a service: keep the schedule until the slot has come; tell what became of it."""
    keep(scheduler_of(base_path, ahead), together, results)


def keep(scheduler: Scheduler, together: Barrier, results: Queue[str]) -> None:
    """As `keep_schedule`, with a scheduler that was made before the fork."""
    heard = _Heard()
    logger = logging.getLogger("shelflife")
    logger.addHandler(heard)
    logger.setLevel(logging.DEBUG)
    together.wait(PATIENCE)
    scheduler.start()
    heard.said.wait(PATIENCE)
    scheduler.stop()
    results.put(heard.outcome)


def cleanup_while_another_is_refused(
    base_path: Path, together: Barrier, refused: Event, results: Queue[str]
) -> None:
    """Clean up in the same instant as others; whoever wins goes on when somebody else was refused."""

    def listen(event: Told) -> None:
        if isinstance(event, RunStarted):
            refused.wait(PATIENCE)

    engine = Engine(settings_of(base_path), listeners=[listen])
    together.wait(PATIENCE)
    try:
        engine.cleanup()
        results.put("ran")
    except CleanupBusy:
        results.put("busy")
        refused.set()


def hold_and_fork(base_path: Path, holding: Event, over: Event, results: Queue[int]) -> None:
    """Begin a cleanup that never ends, with a child that was forked during it and lives on."""

    def listen(event: Told) -> None:
        if isinstance(event, RunStarted):
            child = os.fork()
            if child == 0:
                over.wait(PATIENCE)
                os._exit(0)
            results.put(child)
            holding.set()
            over.wait(PATIENCE)

    Engine(settings_of(base_path), listeners=[listen]).cleanup()
