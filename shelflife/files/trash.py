"""The trash: where removed files wait, as the original tree below `<area>/.trash/<batch of a run>/`.

What is moved there is renamed, never copied: it is the same inode, on the same file system, with its times,
mode and content – with the program gone, `mv` brings it back. A rename also closes the last gap in removal.
Whatever was changed between the last look and the rename shows in the trash, where no path of the service leads
any more, and is put back; if its name was taken meanwhile, it is *displaced*: it waits below `.trash/displaced/`
until a person decides, and is never purged.

The name of a run's trash holds its time, so that what is in it can be told without any record.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import SECOND
from shelflife.files.anchor import Anchor, parent_of
from shelflife.files.aside import keeping_time, move_entry, open_mirror
from shelflife.files.listing import Entry
from shelflife.files.removal import Outcome, Result, Wanted, nobody_wants
from shelflife.files.rename import put_back, take_aside
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

DISPLACED: Final = "displaced"
"""Directory in the trash for what could not be put back."""

DISPLACED_PREFIX: Final = ".displaced-"
"""Begins the names of what could be put neither back nor into that directory; its inode follows."""

_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)-(\d+)")
_STAMP: Final = "%Y%m%dT%H%M%SZ"


class TrashName(NamedTuple):
    """The name of what one run put into the trash."""

    run: int
    at: int
    """When the run began, in ns since the epoch, to the second."""

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.at // SECOND, UTC).strftime(_STAMP)}-{self.run}"

    @classmethod
    def parse(cls, name: str) -> TrashName | None:
        """Return what a directory's name says; None when it is no run's trash."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        with suppress(ValueError):
            at = datetime.fromisoformat(match[1])
            return cls(run=int(match[2]), at=int(at.timestamp()) * SECOND)
        return None


def trash_names(anchor: Anchor) -> Iterator[TrashName]:
    """Yield the names of the runs that have something in the trash, the oldest first."""
    try:
        with anchor.directory(f"{TRASH_DIRECTORY}/") as fd:
            names = sorted(os.listdir(fd))
    except OSError:
        return
    for text in names:
        if (name := TrashName.parse(text)) is not None:
            yield name


class Trash:
    """The trash of one run in one of an area's directories."""

    def __init__(self, anchor: Anchor, name: TrashName, *, owner: tuple[int, int]) -> None:
        """Prepare; nothing is made before something goes there. `owner` is (uid, gid) of what root makes."""
        self._anchor = anchor
        self._name = str(name)
        self._owner = owner
        self._path: str | None = None
        self._fd = -1
        self._kept = ExitStack()

    def close(self) -> None:
        """Let go of the directory in hand."""
        self._kept.close()
        self._fd, self._path = -1, None

    def directory(self, path: str) -> int:
        """Return the open directory in which the entries of the area's directory `path` wait.

        Made with the modes and owners of the original where it is missing. Valid until the next call.
        Raises OSError.
        """
        if self._path != path or self._fd < 0:
            self.close()
            self._fd = self.open_mirror(path)
            self._kept.callback(os.close, self._fd)
            self._kept.enter_context(keeping_time(self._fd))
            self._path = path
        return self._fd

    def dispose(self, path: str, fd: int, entry: Entry, wanted: Wanted = nobody_wants) -> Outcome:
        """Move an entry of the open directory `fd`, which is `path`, into the trash. Raises OSError.

        What turns out to be changed there, or wanted for writing, is put back. EXDEV (some overlay file
        systems) is raised like any other: nothing is ever removed instead.
        """
        trash = self.directory(path)
        try:
            outcome = move_entry(fd, entry, trash, wanted, fresh=self._anchor.is_shared)
        except OSError:
            self.close()  # somebody may have removed it: the next entry gets it made anew
            raise
        if outcome is None:
            self.displace(path, trash, entry.name)
            return Outcome(entry, Result.DISPLACED, Reason.CHANGED)
        return outcome

    def displace(self, path: str, trash: int, name: str) -> None:
        """Set an entry of the open directory `trash` aside, where it is never purged.

        Where that fails (no room for the directories, a second of that name) it is given a name that keeps it
        from being purged where it is.
        """
        try:
            fd = self.open_mirror(path, displaced=True)
            try:
                take_aside(trash, name, fd, name)
            finally:
                os.close(fd)
        except OSError:
            with suppress(OSError):
                inode = os.stat(name, dir_fd=trash, follow_symlinks=False).st_ino
                take_aside(trash, name, trash, f"{DISPLACED_PREFIX}{inode}")

    def open_mirror(self, path: str, *, displaced: bool = False) -> int:
        """Open the directory in this trash that mirrors `path` of the area, made where it is missing.

        Returns a descriptor that the caller closes. Raises OSError.
        """
        return open_mirror(self._anchor, path, self.mirror(path, displaced=displaced), self._owner)

    def mirror(self, path: str, *, displaced: bool = False) -> str:
        """Return the path of the directory in this trash that mirrors `path` of the area."""
        name = f"{DISPLACED}/{self._name}" if displaced else self._name
        return f"{TRASH_DIRECTORY}/{name}/{path}"

    def bring_back(self, path: str) -> bool:
        """Put the directory at `path`, which went into this trash as one, back with all that is in it.

        By one rename where its name is free, else entry by entry; what cannot be put back is displaced. Returns
        whether nothing had to be. Raises OSError where nothing could be done; what waits there then stays whole.
        """
        parent, name = parent_of(path)
        above = self.mirror(parent)
        home = open_mirror(self._anchor, above, parent, self._owner)
        try:
            with self._anchor.directory(above) as aside:
                try:
                    put_back(aside, name, home, name)
                except OSError:
                    complete = self._bring_back_entries(path)
                    with suppress(OSError):
                        os.rmdir(name, dir_fd=aside)
                    return complete
        finally:
            os.close(home)
        return True

    def _bring_back_entries(self, path: str) -> bool:
        """Put what is in a directory that went as one back into the directory that took its name."""
        complete = True
        home = open_mirror(self._anchor, self.mirror(path), path, self._owner)
        try:
            with self._anchor.directory(self.mirror(path)) as aside:
                for name in os.listdir(aside):
                    try:
                        put_back(aside, name, home, name)
                    except OSError:
                        self.displace(path, aside, name)
                        complete = False
        finally:
            os.close(home)
        return complete


def prune_trash(anchor: Anchor, path: str) -> None:
    """Remove the directory at `path` in an area's trash and those above it, as far as they are empty."""
    while path:
        parent, name = parent_of(path)
        try:
            with anchor.directory(parent) as fd:
                os.rmdir(name, dir_fd=fd)
        except OSError:
            return
        path = parent
