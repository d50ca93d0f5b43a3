"""Pruning: removing directories that a run has emptied, or that are empty and old."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shelflife.events import DirectoryPruned
from shelflife.files.anchor import identity_of, parent_of
from shelflife.files.held import held_directory
from shelflife.files.in_use import is_in_locked_directory
from shelflife.files.survey import Key
from shelflife.remove.root import LARGEST_BATCH
from shelflife.scan.empty import empty_directories

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.policy.cutoff import Cutoffs
    from shelflife.remove.root import Root

_STAYS: Final = -1
"""No errno: the directory is not empty, or is to stay, and that is no failure."""


class Pruner:
    """Removes empty directories of one of an area's directories."""

    def __init__(self, root: Root) -> None:
        """Work in `root`."""
        self._root = root
        self._index = root.context.index
        self._number = root.context.index.root(root.directory)

    def prune(self, path: str) -> bool:
        """Remove an empty directory; return whether it is gone. One that is not empty is no failure."""
        return self._attempt(path) == 0

    def prune_all(self, cutoffs: Cutoffs) -> None:
        """Remove the directories that are empty and before their cutoffs, and those above that this empties.

        Those that the index proposes; each is looked at once more. Raises Stopped, and AreaLost when the disk
        fails.
        """
        root, context = self._root, self._root.context
        emptied = Emptied(self._prune_watched)
        for number, (path, _) in enumerate(
            list(empty_directories(context, root.place_in(root.anchor), cutoffs))
        ):
            if number % LARGEST_BATCH == 0:
                context.between()
            emptied.enter(path)
            with suppress(OSError), root.anchor.directory(path) as fd:
                if root.area.rules.empty_goes(path, os.fstat(fd).st_mtime_ns, cutoffs):
                    emptied.mark(path)
        emptied.finish()

    def _prune_watched(self, path: str) -> bool:
        code = self._attempt(path)
        self._root.watch_disk(max(0, code))
        return code == 0

    def _attempt(self, path: str) -> int:
        """Remove an empty directory; return 0 if it is gone, the errno of a failure, or -1 where it stays."""
        if not self._root.area.rules.may_prune(path):
            return _STAYS
        try:
            if not self._remove(path):
                return _STAYS
        except FileNotFoundError:
            return _STAYS
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY):
                return _STAYS
            self._root.report.fail(self._root.failure(path, error.errno or 0))
            return error.errno or _STAYS
        self.note(path)
        return 0

    def note(self, path: str) -> None:
        """Record that a directory is gone."""
        root = self._root
        self._index.forget(self._number, path)
        root.report.directories += 1
        parent, name = parent_of(path)
        root.options.recorder.note_pruned(root.area.name, root.place(parent), name)
        root.context.listener(DirectoryPruned(area=root.area.name, directory=root.place(path)))

    def _remove(self, path: str) -> bool:
        parent, name = parent_of(path)
        root, anchor = self._root, self._root.anchor
        row = self._index.row(self._number, path)
        with root.options.gate.batch(), anchor.directory(parent) as fd:
            if not anchor.verify(parent, identity_of(fd)):
                return False
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if status.st_dev != anchor.identity.device:
                return False  # rmdir(2) would delete an empty btrfs subvolume
            if row is not None and Key.of(status).inode != row.key.inode:
                return False
            if root.area.in_use and is_in_locked_directory(anchor, path):
                return False
            if held_directory(root.context.holds(), anchor, root.area.name, root.directory, path) is not None:
                return False
            os.rmdir(name, dir_fd=fd)
        return True


class Emptied:
    """Which directories to try to remove once everything below them is done.

    Directories come in preorder, so a directory is done when one comes that is not below it.
    """

    def __init__(self, prune: Callable[[str], bool]) -> None:
        """`prune` removes a directory if it is empty, and says whether it is gone."""
        self._prune = prune
        self._open: list[str] = []
        self._marked: set[str] = set()

    def enter(self, path: str) -> None:
        """The next directory is at `path`."""
        while self._open and not path.startswith(self._open[-1]):
            self._close(self._open.pop())
        self._open.append(path)

    def mark(self, path: str) -> None:
        """Something went from the directory at `path`, so that it may be empty."""
        self._marked.add(path)

    def gone(self, path: str) -> None:
        """The directory at `path` is gone already."""
        self._marked.discard(path)
        if self._open and self._open[-1] == path:
            self._open.pop()
        self._mark_parent(path)

    def finish(self) -> None:
        """No more directories come."""
        while self._open:
            self._close(self._open.pop())

    def _close(self, path: str) -> None:
        if path not in self._marked:
            return
        self._marked.discard(path)
        if path and self._prune(path):
            self._mark_parent(path)

    def _mark_parent(self, path: str) -> None:
        parent, _ = parent_of(path)
        self._marked.add(parent)
        if parent and (not self._open or self._open[-1] != parent):
            self._open.append(parent)
