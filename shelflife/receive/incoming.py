"""Incoming: a file that is being received, until it is published."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Final

from shelflife.errors import NoRoom, StorageError, UsageError
from shelflife.receive.admitting import admitted
from shelflife.receive.destination import Destination
from shelflife.receive.publish import publish
from shelflife.receive.reserve import DoesNotFit, Reservation, reserve
from shelflife.records.state import NO_ROOM
from shelflife.run.preview import holds_of

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import ReadableBuffer, WriteableBuffer

    from shelflife.run.workplace import Workplace

_FIRST: Final = 64 * 1024
"""Bytes that are promised first to a file of unknown length; then as many again as it has, …"""

_MOST: Final = 64 * 1024 * 1024
"""… but no more than that at once."""


MOST_BYTES: Final = 2**62
"""More than any file system has."""


class Incoming(io.RawIOBase):
    """A file that is being received: room is promised for it, and until it is published it has no name.

    A file object like any other, to write, read, and seek in. Whatever ends it before `publish` – an exception,
    the end of its `with`, a kill – leaves nothing behind. Not to be used by several threads at once.
    """

    def __init__(self, work: Workplace, reservation: Reservation) -> None:
        """Take over what was promised."""
        super().__init__()
        self._work = work
        self._reservation = reservation

    @property
    def path(self) -> Path:
        """Where it will be, as an absolute path."""
        return self._work.settings.base_path / self._reservation.place.path

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return os.fstat(self.fileno()).st_size

    @property
    def promised(self) -> int:
        """How many bytes are promised to it."""
        return self._reservation.promised

    def reserve(self, size: int) -> None:
        """Have room promised for `size` bytes in all: for those who write by the descriptor (`fileno`).

        Raises NoRoom, and what was promised stays promised; StorageError, RecordsError.
        """
        self._checked()
        admitted(self._work, lambda: self._reservation.grow(size))

    def publish(self, *, overwrite: bool = False) -> Path:
        """Write it to the disk, give it its name, and close it; return its path.

        From then on it is there, whole, also after a power cut, and as old as this moment. With `overwrite`, a
        file that has its name goes to the trash of the area – for good, if it has none – in the same instant.
        Raises AlreadyThere when the name is taken, UsageError when a file that is held would be replaced, or a
        file is in the way of its directory, StorageError. It stays as it was then, and may be published again.
        """
        self._checked()
        place = self._reservation.place
        try:
            if overwrite and os.path.lexists(self.path):
                self._see_that_it_may_go()
            self._reservation.give_back()
            publish(place, self._reservation.draft, overwrite=overwrite)
        except OSError as error:
            raise StorageError(f"{place.path} cannot be published: {error.strerror}") from error
        self._reservation.is_published = True
        self.close()
        return self.path

    def _see_that_it_may_go(self) -> None:
        path = self._reservation.place.path
        if (hold := holds_of(self._work).covering(path)) is not None:
            raise UsageError(
                f"{path} is held{f' ({hold.reason})' if hold.reason else ''}: it is not overwritten"
            )

    # -- as a file

    def fileno(self) -> int:
        """Return its descriptor. Who writes by that beyond what is promised writes unasked: see `reserve`."""
        self._checked()
        return self._reservation.draft.fd

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of `data`; return its length. Raises NoRoom, OSError: nothing of it is written then."""
        view = memoryview(data).cast("B")
        fd, start = self.fileno(), self.tell()
        end = start + len(view)
        if end > self._reservation.promised:
            self._need(end)
        done = 0
        while done < len(view):
            done += os.write(fd, view[done:])
        self._reservation.wrote(end)
        return done

    def _need(self, end: int) -> None:
        promised = self._reservation.promised
        ahead = promised + min(max(promised, _FIRST), _MOST)
        try:
            if ahead > end:
                self._reservation.grow(ahead)
        except DoesNotFit:
            ahead = end
        if ahead <= end:
            self.reserve(end)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """See `io.RawIOBase`."""
        return os.readv(self.fileno(), [memoryview(buffer).cast("B")])

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """See `io.IOBase`."""
        return os.lseek(self.fileno(), offset, whence)

    def tell(self) -> int:
        """See `io.IOBase`."""
        return os.lseek(self.fileno(), 0, os.SEEK_CUR)

    def truncate(self, size: int | None = None, /) -> int:
        """Cut it, or lengthen it within what is promised. Raises NoRoom."""
        size = self.tell() if size is None else size
        if size > self._reservation.promised:
            self.reserve(size)
        os.ftruncate(self.fileno(), size)
        self._reservation.cut(size)
        return size

    def close(self) -> None:
        """Give it up, unless it is published. Called twice, it does nothing."""
        if not self.closed:
            super().close()
            self._reservation.end()

    def _checked(self) -> None:
        if self.closed:
            raise ValueError("it is published, or was given up")


def receive(work: Workplace, area: str, path: str, *, size: int | None = None) -> Incoming:
    """Promise room for a file that is to be at `path` below the area of that name; return it, to be written.

    `size` in bytes; None: it is not known, and room is promised step by step. Raises NoRoom before anything is
    written, UsageError for no such area, name or size, StorageError, RecordsError.
    """
    check_size(size)
    place = Destination.open(work, area, path)
    return Incoming(work, promised(work, place, size))


def promised(
    work: Workplace, place: Destination, size: int | None, *, keep: int | None = None
) -> Reservation:
    """Return what is promised to a file that is to be at `place`, which is taken over. Raises as `receive`."""
    try:
        return admitted(work, lambda: reserve(place, _FIRST if size is None else size, keep=keep))
    except BaseException as error:
        place.close()
        if isinstance(error, OSError) and error.errno in NO_ROOM:  # not even for what a promise is kept in
            message = f"there is no room for {place.path}: {error.strerror}"
            raise NoRoom(message, needed=_FIRST if size is None else size, available=0) from error
        if isinstance(error, OSError):
            raise StorageError(f"{place.path} cannot be received: {error.strerror}") from error
        raise


def check_size(size: int | None) -> None:
    """Raise UsageError for what is no number of bytes."""
    if size is not None and not 0 <= size <= MOST_BYTES:
        raise UsageError(f"{size} is not a size; allowed: a number of bytes, from 0 to {MOST_BYTES}")
