"""Bringing the index up to date in the background, one look at a time."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from shelflife.errors import ShelflifeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.engine import Engine

__all__ = ["Refresher"]

logger = logging.getLogger(__name__)


class Refresher:
    """Looks at the storage in a thread of its own: requests answer from the index and never wait for it."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        """Take what gives the engine; nothing happens yet."""
        self._engine = engine
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look, unless that is already going on in this process."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._stop = threading.Event()
            # A daemon, because a process must be able to end while a disk does not answer.
            self._thread = threading.Thread(
                target=self._look, args=(self._stop,), name="shelflife-refresh", daemon=True
            )
            self._thread.start()

    def stop(self, *, timeout: float = 5.0) -> None:
        """End at the next directory, and wait up to `timeout` seconds for it."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stop.set()
        if thread is not None:
            thread.join(timeout)

    def _look(self, stop: threading.Event) -> None:
        try:
            errors = self._engine().refresh(stop=stop)
        except (ShelflifeError, OSError) as error:
            logger.warning("cannot look at the storage: %s", error)
            return
        for area, faults in errors.items():
            for fault in faults[:5]:
                logger.debug("area %s: %s", area, fault)
