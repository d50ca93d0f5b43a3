"""The careful way: entries of one open directory, looked at and let go one at a time."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from shelflife.clock import SECOND
from shelflife.files.anchor import identity_of
from shelflife.files.held import held_directory, held_entry
from shelflife.files.in_use import WriteGuard, Writers, is_in_locked_directory
from shelflife.files.mounts import knows_writers
from shelflife.files.removal import Outcome, Removal, Result, unlink
from shelflife.policy.area import path_below
from shelflife.policy.verdict import Reason
from shelflife.remove.batch import BatchResult, Portion, is_denied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.files.listing import Entry
    from shelflife.files.removal import Disposal
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.remove.batch import BatchLoop
    from shelflife.remove.root import Root


class OpenDirectory:
    """A directory that is held open while entries go from it."""

    def __init__(
        self, root: Root, fd: int, path: str, *, anchor: Anchor | None = None, former: str | None = None
    ) -> None:
        """Take the open directory `fd`, to which `path` leads from `anchor`, the root's own if None.

        `former` is where its entries belong, relative to the base path with a trailing slash, if not there.
        """
        self.root = root
        self.fd = fd
        self.path = path
        self.former = root.place(path) if former is None else former
        self._anchor = anchor or root.anchor
        self._identity = identity_of(fd)
        self._writers = Writers(leases=knows_writers(fd))

    def is_in_place(self) -> bool:
        """Return whether its path is known to lead still to it."""
        try:
            return self._anchor.verify(self.path, self._identity)
        except OSError:
            return False

    def check(self) -> None:
        """Return when its path leads still to it. Raises OSError, and AreaLost when the root itself was moved."""
        if not self._anchor.verify(self.path, self._identity):
            self.root.verify()
            raise FileNotFoundError(errno.ENOENT, "the directory was moved or replaced meanwhile", self.path)

    def is_held(self) -> bool:
        """Return whether somebody holds the directory as a whole."""
        root = self.root
        holds = root.context.holds()
        return held_directory(holds, root.anchor, root.area.name, root.directory, self.path) is not None

    def is_locked(self) -> bool:
        """Return whether somebody holds a BSD lock on it, or on one above it, and so uses all of it."""
        return self.root.area.in_use and is_in_locked_directory(self.root.anchor, self.path)

    def stays(self, entry: Entry) -> Reason | None:
        """Return why an entry of it stays as it is now: held or in use; None if it does not. Raises OSError."""
        if self.holds(self.fd, entry):
            return Reason.HELD
        if not self.root.area.in_use or not entry.is_file:
            return None
        with WriteGuard(self.fd, entry, self._writers) as guard:
            return Reason.IN_USE if guard.in_use else None

    def holds(self, fd: int, entry: Entry) -> bool:
        """Return whether somebody holds an entry of it. Raises OSError."""
        holds, area = self.root.context.holds(), self.root.area.name
        return held_entry(holds, area, self.former + entry.name, fd, entry) is not None

    def removal(self, cutoffs: Cutoffs | None, dispose: Disposal = unlink) -> Removal:
        """Return how entries of it that are before the `cutoffs` of their class go, and what keeps them."""
        area = self.root.area
        return Removal(
            area=area,
            path=path_below(self.root.directory, self.former) or "",
            cutoffs=cutoffs,
            dispose=dispose,
            held=self.holds,
            in_use=area.in_use,
            retries=self.root.options.retries,
            in_place=self.is_in_place,
        )


class EntryByEntry:
    """The way in which entries of an open directory go one at a time; portions come one at a time as well."""

    def __init__(self, directory: OpenDirectory, removal: Removal) -> None:
        """Let entries of `directory` go by `removal`."""
        self._directory = directory
        self._removal = removal

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[BatchResult]:
        """See `Way`."""
        self._directory.check()
        (portion,) = portions
        rest = portion.rest
        if self._directory.is_held():
            return [BatchResult([Outcome(entry, Result.KEPT, Reason.HELD) for entry in rest])]
        if self._directory.is_locked():
            return [BatchResult([Outcome(entry, Result.KEPT, Reason.IN_USE) for entry in rest])]
        return [BatchResult(self._removal.batch(self._directory.fd, rest, until=until / SECOND))]


def run_entries(
    loop: BatchLoop, directory: OpenDirectory, removal: Removal, batches: Iterable[Sequence[Entry]]
) -> Iterator[Sequence[Outcome]]:
    """Let one batch of entries after the other go by `removal`; yield what became of each batch.

    Ends after one that says that the directory may not be written to. Raises as `BatchLoop.run`.
    """
    way = EntryByEntry(directory, removal)
    for batch in batches:
        portion = Portion(directory.path, batch)
        loop.run([portion], way)
        yield portion.outcomes
        if is_denied(portion.outcomes):
            return


def batches_of(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    """Yield entries in batches of `size`; the last one may be smaller."""
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
