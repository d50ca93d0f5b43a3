"""How many requests this process answered, and how fast."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.web.metrics.row import Distribution

if TYPE_CHECKING:
    from shelflife.web.requests import Answered

__all__ = ["RequestCounts", "Requests"]

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds by which the durations of requests are told apart."""


class Requests(NamedTuple):
    """The requests of one process so far."""

    process: str
    """Which one: its counts are its own."""
    open: int
    """Requests that go on: streams of events above all."""
    answered: dict[tuple[str, str, str], int]
    """(method, route, status) → how many."""
    durations: dict[tuple[str, str], Distribution]
    """(method, route) → seconds until the answer began."""


class RequestCounts:
    """Counts requests, in memory. May be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self._answered: dict[tuple[str, str, str], int] = {}
        self._durations: dict[tuple[str, str], list[int]] = {}
        self._seconds: dict[tuple[str, str], float] = {}

    def begin(self) -> None:
        """Count a request that begins."""
        with self._lock:
            self._open += 1

    def end(self, request: Answered) -> None:
        """Count a request that ended."""
        status = (request.method, request.route, str(request.status))
        kind = (request.method, request.route)
        with self._lock:
            self._open -= 1
            self._answered[status] = self._answered.get(status, 0) + 1
            counts = self._durations.setdefault(kind, [0] * (len(BOUNDS) + 1))
            counts[bisect_left(BOUNDS, request.began)] += 1
            self._seconds[kind] = self._seconds.get(kind, 0.0) + request.began

    def read(self) -> Requests:
        """Return the counts as they are now."""
        with self._lock:
            return Requests(
                process=str(os.getpid()),
                open=self._open,
                answered=dict(self._answered),
                durations={
                    kind: Distribution.of(BOUNDS, counts, self._seconds[kind])
                    for kind, counts in self._durations.items()
                },
            )
