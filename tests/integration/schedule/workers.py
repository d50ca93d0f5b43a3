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
from shelflife.schedule import clockwork as _clockwork  # noqa: F401 - loaded before a slot is near, not at start
from shelflife.settings import Settings

PATIENCE = 60.0
"""Seconds after which a test is given up."""


def settings_of(base_path: Path) -> Settings:
    return Settings.build(base_path=base_path, areas={"uploads": "7d"})


class Service:
    """One process of an application, with a scheduler whose clock can be ahead of the real one."""

    def __init__(self, base_path: Path) -> None:
        self.ahead = 0
        engine = Engine(settings_of(base_path), clock=self._clock)
        self.scheduler = engine.scheduler(pause=0.01)

    def _clock(self) -> int:
        return time.time_ns() + self.ahead


class _Heard(logging.Handler):
    """Waits for a line of the log that tells what became of the slot."""

    def __init__(self, slot: str) -> None:
        super().__init__(logging.DEBUG)
        self._taken = f"the slot of {slot} "
        self.said = threading.Event()
        self.outcome = "nothing"

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if (self._taken in text or " is done" in text) and not self.said.is_set():
            self.outcome = "ran" if " is done" in text else "lost"
            self.said.set()


Order = tuple[int, str]
"""How far (ns) the clock is ahead, and the slot that then comes soon, as the log has it."""


def keep_schedule(service: Service | Path, orders: Queue[Order], results: Queue[str]) -> None:
    """Keep the schedule until a slot has come, and tell what became of it.

    The service was made before the fork; after a spawn it is made here.
    """
    if isinstance(service, Path):
        service = Service(service)
    results.put("ready")
    service.ahead, slot = orders.get(timeout=PATIENCE)
    heard = _Heard(slot)
    logger = logging.getLogger("shelflife")
    logger.addHandler(heard)
    logger.setLevel(logging.DEBUG)
    service.scheduler.start()
    heard.said.wait(PATIENCE)
    service.scheduler.stop()
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
