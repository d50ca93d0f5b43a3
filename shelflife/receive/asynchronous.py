"""Incoming, for those who run an event loop: each call works in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.receive.incoming import Incoming, receive
from shelflife.twins import in_thread

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from _typeshed import ReadableBuffer

    from shelflife.run.workplace import Workplace


class AsyncIncoming:
    """A file that is being received: `Incoming`, with calls to await."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    @property
    def path(self) -> Path:
        """Where it will be, as an absolute path."""
        return self._incoming.path

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._incoming.fileno()

    def _write(self, data: ReadableBuffer) -> int:
        return self._incoming.write(data)

    def _reserve(self, size: int) -> None:
        self._incoming.reserve(size)

    def _publish(self, *, overwrite: bool = False) -> Path:
        return self._incoming.publish(overwrite=overwrite)

    def _close(self) -> None:
        self._incoming.close()

    write = in_thread(_write)
    reserve = in_thread(_reserve)
    publish = in_thread(_publish)
    close = in_thread(_close)


class ReceivingIncoming:
    """What is to be received, as an async context: an `AsyncIncoming`."""

    def __init__(self, work: Workplace, area: str, path: str, *, size: int | None) -> None:
        """Take what `receive` is to be called with."""
        self._work = work
        self._area, self._path, self._size = area, path, size
        self._incoming: AsyncIncoming | None = None

    def _begin(self) -> AsyncIncoming:
        return AsyncIncoming(receive(self._work, self._area, self._path, size=self._size))

    _abegin = in_thread(_begin)

    async def __aenter__(self) -> AsyncIncoming:
        self._incoming = await self._abegin()
        return self._incoming

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._incoming is not None:
            self._incoming._incoming.close()  # a cancelled task cannot wait; it takes no time
