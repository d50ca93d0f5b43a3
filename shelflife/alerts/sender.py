"""Delivering messages in a thread of its own, so that a dead receiver delays and breaks nothing.

A message that a channel does not take is tried again after growing pauses; after the last one it stays in the
journal, from where the next look takes it up, for a day.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Final

from shelflife.alerts.channels import Channel, NotDeliveredError, channels_of
from shelflife.errors import ShelflifeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shelflife.records.alerts import Message
    from shelflife.run.workplace import Workplace

logger = logging.getLogger(__name__)

PAUSES: Final = (1.0, 5.0, 30.0, 120.0)
"""Seconds before each further try."""

_MOST_WAITING: Final = 1000
"""Messages that wait in memory; further ones stay in the journal."""


class Sender:
    """Delivers what it is given, one message after the other."""

    def __init__(self, *, pauses: Sequence[float] = PAUSES) -> None:
        """Prepare; the thread starts with the first message."""
        self._pauses = tuple(pauses)
        self._queue: queue.Queue[tuple[Workplace, Message]] = queue.Queue(_MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def send(self, work: Workplace, messages: Sequence[Message]) -> None:
        """Deliver messages of a storage as its settings say; returns at once."""
        for message in messages:
            try:
                self._queue.put_nowait((work, message))
            except queue.Full:
                return
        with self._lock:
            if messages and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="shelflife-alerts", daemon=True)
                self._thread.start()

    def end(self, *, timeout: float) -> bool:
        """Stop; return whether the message in hand came to its end within `timeout` seconds."""
        self._stop.set()
        thread = self._thread
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def wait(self, *, timeout: float) -> bool:
        """Wait until all is delivered or given up for now, `timeout` seconds at the most."""
        until = time.monotonic() + timeout
        thread = self._thread
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))
            return not thread.is_alive()
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                try:
                    work, message = self._queue.get_nowait()
                except queue.Empty:
                    self._thread = None
                    return
            self._deliver(work, message)

    def _deliver(self, work: Workplace, message: Message) -> None:
        storage = str(work.settings.base_path)
        waiting = channels_of(work.settings.alerts)
        for pause in (*self._pauses, None):
            waiting = [channel for channel in waiting if not _taken(channel, message, storage)]
            if not waiting:
                _try(lambda: _record(work, message))
                return
            if pause is None or self._stop.wait(pause):
                return


def _record(work: Workplace, message: Message) -> None:
    with work.records.open_journal() as journal:
        journal.alerts.delivered(message.id, at=work.clock())


def _taken(channel: Channel, message: Message, storage: str) -> bool:
    try:
        channel.deliver(message, storage)
    except NotDeliveredError as error:
        logger.warning("alert %d was not delivered by %s: %s", message.id, channel.name, error)
        return False
    return True


def _try(work: Callable[[], None]) -> None:
    try:
        work()
    except (ShelflifeError, OSError) as error:
        logger.warning("cannot record that an alert was delivered: %s", error)
