"""Recent: an answer that may be some seconds old, for what takes longer to find out than whoever asks may wait.

One thread looks at a time, however many ask; whoever comes meanwhile gets the answer before, as long as that is
not too old. So a probe every second, a hundred scrapes or a disk that hangs cost no more than one look.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from shelflife.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Recent"]

_PATIENCE: Final = 10.0
"""Seconds that somebody waits for an answer where there is none yet."""

_Found = TypeVar("_Found")


class Recent(Generic[_Found]):
    """What a function returns, or raises, looked up again in the background when it is asked for."""

    def __init__(self, look: Callable[[], _Found], *, fresh: float, usable: float) -> None:
        """Take what looks; it is not called before somebody asks.

        Args:
            look: may block; called in a thread of its own.
            fresh: seconds after which an answer is looked up again.
            usable: seconds after which it is not given any more, and whoever asks waits for the next.
        """
        self._look = look
        self._fresh = fresh
        self._usable = usable
        self._lock = threading.Lock()
        self._last: Future[_Found] | None = None
        self._since = 0.0
        self._coming: Future[_Found] | None = None

    def get(self) -> _Found:
        """Return the answer, or raise what looking raised. Blocks where there is none that is usable.

        Raises StorageError if looking takes too long: the disk hangs.
        """
        with self._lock:
            age = time.monotonic() - self._since
            if self._last is not None and age < self._fresh:
                return self._last.result()
            coming = self._coming or self._begin()
            if self._last is not None and age < self._usable:
                return self._last.result()
        try:
            return coming.result(timeout=_PATIENCE)
        except TimeoutError as error:
            if coming.done():  # looking raised it
                raise
            raise StorageError(f"no answer from the storage within {_PATIENCE:g} s") from error

    def _begin(self) -> Future[_Found]:
        self._coming = coming = Future[_Found]()
        # A daemon, because a process must be able to end while a disk does not answer.
        threading.Thread(target=self._find, args=(coming,), name="shelflife-look", daemon=True).start()
        return coming

    def _find(self, coming: Future[_Found]) -> None:
        since = time.monotonic()
        tell: Callable[[], None]
        try:
            tell = partial(coming.set_result, self._look())
        except BaseException as error:  # noqa: BLE001 - raised for whoever asks
            tell = partial(coming.set_exception, error)
        with self._lock:  # who was waiting and asks again meets this answer as the last one
            self._last, self._since, self._coming = coming, since, None
            tell()
