"""Publishing: a draft gets its name, at once and whole; what it replaces goes to the trash.

A cleanup may be at work in the same directory. An empty one it takes away: then it is made anew. One of which all
is due it moves into the trash as a whole, and looks at it there; a name that was given in that very moment went
along. If the cleanup sees that, it brings all of it back; if it does not, the new file is fetched from here.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager, suppress
from stat import S_ISDIR
from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.errors import AlreadyThere, StorageError, UsageError
from shelflife.files.anchor import LED_AWAY, identity_of
from shelflife.files.rename import put_back
from shelflife.files.trash import Trash, TrashName, prune_trash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.files.draft import Draft
    from shelflife.receive.destination import Destination

_TRIES: Final = 20
"""A cleanup may take an empty directory away between its making and the name in it."""

_LOOKS: Final = 20
_PAUSE: Final = 0.01
"""Seconds between two looks: a cleanup that has moved a directory looks at it at once, and so brings it back."""

_NO_RUN: Final = 0
"""The number of the run in the trash's name: what was replaced there, no run removed."""


def publish(place: Destination, draft: Draft, *, overwrite: bool) -> None:
    """Write what a draft has to the disk, and give it its name.

    Raises AlreadyThere where the name is taken, or with `overwrite` is a directory's, UsageError where a file is
    in the way of its directory, StorageError where the area is not in its place, OSError; it stays a draft then.
    """
    now = place.clock()
    os.utime(draft.fd, ns=(now, now))  # the work on it may have taken longer than files are kept
    os.fsync(draft.fd)
    for attempt in range(_TRIES):
        if not place.anchor.is_in_place():
            raise StorageError(f"the area {place.area.name} was moved or replaced meanwhile")
        try:
            with _directory(place) as fd:
                _name(place, draft, fd, overwrite=overwrite)
                os.fsync(fd)
                _see_that_it_stays(place, fd)
                return
        except FileNotFoundError:  # the directory went while it was empty
            if attempt == _TRIES - 1:
                raise


def _see_that_it_stays(place: Destination, fd: int) -> None:
    """Return when the directory that was open at `fd` while a file got its name there is in its place.

    Or when the file is in the one that took that place. Raises StorageError where it cannot be brought there.
    """
    for _ in range(_TRIES):
        if _is_in_place(place, fd):
            return
        try:
            with _directory(place) as home:
                put_back(fd, place.name, home, place.name)
                os.fsync(home)
                if _is_in_place(place, home):
                    return
        except FileNotFoundError:  # it came back with its directory, or this one went, too
            continue
        except OSError as error:
            raise StorageError(
                f"{place.path} got its name in a directory that was moved away right then, and cannot be brought "
                f"back ({error.strerror}); it may be in the trash of the area"
            ) from error
    raise StorageError(f"{place.path} got its name in a directory that is moved away again and again")


def _is_in_place(place: Destination, fd: int) -> bool:
    """Return whether an open directory is where a file is to be; a moment is left for it to come back."""
    for _ in range(_LOOKS):
        if place.anchor.verify(place.directory, identity_of(fd)):
            return True
        time.sleep(_PAUSE)
    return False


@contextmanager
def _directory(place: Destination) -> Iterator[int]:
    """Open the directory of a destination, as a context, with those that are missing made. Raises OSError."""
    made = ""
    for part in place.directory.split("/")[:-1]:
        parent, made = made, f"{made}{part}/"
        try:
            with place.anchor.directory(made):
                continue
        except FileNotFoundError:
            with place.anchor.directory(parent) as fd:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=fd)
                os.fsync(fd)
        except OSError as error:
            if error.errno not in LED_AWAY:
                raise
            raise UsageError(
                f"{made[:-1]} in the area {place.area.name} is not a directory: nothing can be below it"
            ) from error
    with place.anchor.directory(place.directory) as fd:
        yield fd


def _name(place: Destination, draft: Draft, fd: int, *, overwrite: bool) -> None:
    for _ in range(_TRIES):
        try:
            draft.name_it(fd, place.name)
        except FileExistsError:
            try:
                status = os.stat(place.name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not overwrite or S_ISDIR(status.st_mode):
                what = "a directory" if S_ISDIR(status.st_mode) else f"{status.st_size:,} bytes"
                raise AlreadyThere(place.path, what) from None
            _replace(place, draft, fd)
            return
        else:
            return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place.path)


def _replace(place: Destination, draft: Draft, fd: int) -> None:
    """Let a draft take the place of the file of its name, which goes to the trash; for good, if there is none."""
    at = place.clock()
    for second in range(_TRIES):  # in one second the same name may be replaced several times
        name = TrashName(_NO_RUN, at // SECOND * SECOND + second * SECOND)
        trash = Trash(place.anchor, name, owner=place.owner)
        aside = trash.open_mirror(place.directory)
        try:
            is_replaced = draft.replace(fd, place.name, aside)
        except FileExistsError:
            continue
        else:
            if is_replaced and place.area.trash is None:
                os.unlink(place.name, dir_fd=aside)
            if not is_replaced or place.area.trash is None:
                prune_trash(place.anchor, trash.mirror(place.directory))
            return
        finally:
            os.close(aside)
            trash.close()
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place.path)
