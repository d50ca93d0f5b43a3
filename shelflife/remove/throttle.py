"""The throttle: how fast a run may remove, where the storage serves users at the same time.

It is paid afterwards: a batch goes at once, and the next one waits for as long as the last one was worth. So
over any time no more goes than asked for and one batch, whose size is a fraction of a second's worth.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_SHARE: Final = 10
"""Batches that a second's worth is divided into."""

LONGEST_NAP: Final = 0.1
"""Seconds to sleep between two looks at whether to end."""


class Throttle:
    """Spreads removals over time; may be shared by threads."""

    def __init__(self, per_second: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Let `per_second` files go each second of the clock; None: as fast as it goes."""
        self._per_second = per_second
        self._clock = clock
        self._free = 0.0
        """When the next may go, by the clock."""
        self._lock = threading.Lock()

    def batch_size(self, wanted: int) -> int:
        """Return how many may go in one batch, where `wanted` would."""
        if self._per_second is None:
            return wanted
        return min(wanted, max(1, self._per_second // _SHARE))

    def delay(self) -> float:
        """Return how many seconds the next batch must wait still; 0 when it may go."""
        if self._per_second is None:
            return 0
        return max(0, self._free - self._clock())

    def spend(self, files: int) -> None:
        """Count what went."""
        if self._per_second is not None and files:
            with self._lock:
                self._free = max(self._free, self._clock()) + files / self._per_second
