"""What comes into a storage: the half of the engine that lets others write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.questions import Questions

if TYPE_CHECKING:
    from shelflife.receive.asynchronous import ReceivingIncoming
    from shelflife.receive.incoming import Incoming


class Writing(Questions):
    """Lets others write into one storage."""

    def receive(self, area: str, path: str, *, size: int | None = None) -> Incoming:
        """Promise room for a file that is to be at `path` below an area; return it, to be written and published.

        >>> with engine.receive("uploads", "4711/clip.mp4", size=300_000_000) as incoming:  # doctest: +SKIP
        ...     shutil.copyfileobj(source, incoming)
        ...     incoming.publish()

        `size` in bytes; None: it is not known, and room is promised step by step. Until it is published it has no
        name, and whatever ends it before leaves nothing behind.
        Raises NoRoom before anything is written, UsageError for no such area, name or size, StorageError,
        RecordsError.
        """
        from shelflife.receive.incoming import receive

        return receive(self._work, area, path, size=size)

    def areceive(self, area: str, path: str, *, size: int | None = None) -> ReceivingIncoming:
        """Do `receive` in worker threads: `async with engine.areceive(…) as incoming`."""
        from shelflife.receive.asynchronous import ReceivingIncoming

        return ReceivingIncoming(self._work, area, path, size=size)
