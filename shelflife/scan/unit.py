"""Units: directories right below an area that go as one, as the index has them and as they are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.files.held import held_entry
from shelflife.files.in_use import WriteGuard, Writers, is_locked
from shelflife.files.kernel import birth_time
from shelflife.files.listing import FOREVER, Entry, EntryKind, signed
from shelflife.files.mounts import knows_writers
from shelflife.files.tree import walk
from shelflife.policy.area import place_of
from shelflife.policy.plan import DueDirectory
from shelflife.policy.rules import Unit, directory_time, judge_unit
from shelflife.policy.verdict import Reason
from shelflife.records.index import RowState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.records.index import UnitRow
    from shelflife.scan.context import Context
    from shelflife.scan.root import AreaRoot

_AGE_DECIDES = (Reason.EXPIRED, Reason.INDEFINITE)
"""What the verdict on a file is that goes, or would, when it is old enough."""


def unit_is_due(row: UnitRow, area: Area, cutoffs: Cutoffs) -> bool:
    """Return whether the index proposes a unit: all of it could be read, and it is expired."""
    classes = area.rules.classes
    going = [number for number in row.newest if number == 0 or not classes[number].is_kept]
    unit = Unit(
        newest=max(row.newest.values(), default=None),
        # Whether noise made a directory young is seen when the unit is read: it must not be found too late here.
        changed=-FOREVER if row.newest else row.changed,
        classes=frozenset(going or {0}),
        protected=len(row.newest) - len(going),
        staying=row.staying,
    )
    return row.state <= RowState.UNSETTLED and judge_unit(unit, cutoffs).remove


def due_units(context: Context, root: AreaRoot, cutoffs: Cutoffs) -> Iterator[DueDirectory]:
    """Yield the units of a root that are before their cutoffs, each as it is now; what cannot be read stays."""
    index, holds = context.index, context.holds()
    for row in index.units(index.root(root.directory)):
        if not unit_is_due(row, root.area, cutoffs):
            continue
        try:
            found = read_unit(root, row.path, holds=holds, guarded=False, between=context.between)
        except OSError:
            continue
        if judge_unit(found.unit, cutoffs).remove:
            number = root.area.rules.longest_kept(found.unit.classes)
            yield DueDirectory(
                root=root.directory,
                path=row.path,
                files=found.files,
                bytes=found.bytes,
                unit=True,
                others=((number, found.files, found.bytes),) if number else (),
            )


@dataclass(slots=True)
class UnitReading:
    """A unit as it was read, file by file."""

    unit: Unit
    files: int
    bytes: int


def is_held_by_path(holds: Holds, place: str) -> bool:
    """Return whether somebody holds the directory at `place`, or something in it."""
    return bool(holds.covering(place) or holds.below(place))


def read_unit(
    root: AreaRoot,
    path: str,
    *,
    holds: Holds,
    guarded: bool,
    between: Callable[[], None] = lambda: None,
) -> UnitReading:
    """Read the unit at `path` below a root; one that was taken aside, below a root that is held elsewhere.

    `guarded` asks for each file whether it is open for writing. `between` is called now and then, and may raise
    to end it. Raises OSError, also for an entry that cannot be looked at: what is not known to be expired keeps
    the unit.
    """
    reader = _UnitReader(root, holds, Writers(leases=knows_writers(root.anchor.fd)) if guarded else None)
    reader.held = is_held_by_path(holds, root.place(path).rstrip("/"))
    for place, fd, entries in walk(root.anchor, path, age=root.area.rules.age_from):
        between()
        reader.add(place, fd, entries)
    return UnitReading(reader.unit(), reader.files, reader.bytes)


class _UnitReader:
    """Adds up what a unit holds, directory by directory."""

    def __init__(self, root: AreaRoot, holds: Holds, writers: Writers | None) -> None:
        """Ask `writers` whether somebody uses it; None: nobody is asked."""
        self._area = root.area
        self._directory = root.directory
        self._holds = holds
        self._writers = writers
        self._newest: int | None = None
        self._changed = -FOREVER
        self._classes: set[int] = set()
        self._protected = self._staying = self.files = self.bytes = 0
        self._in_use = False
        self._place, self._modified, self._noise = "", -FOREVER, -FOREVER
        self.held = False
        """Whether somebody holds it."""

    def unit(self) -> Unit:
        """Return it in the numbers that decide."""
        self._leave_directory()
        return Unit(
            newest=self._newest,
            changed=self._changed,
            classes=frozenset(self._classes or {0}),
            protected=self._protected,
            staying=self._staying,
            held=self.held,
            in_use=self._in_use,
        )

    def add(self, place: str, fd: int, entries: list[Entry]) -> None:
        """Add a chunk of the entries of the open directory `fd` at `place`. Raises OSError."""
        if place != self._place:
            self._leave_directory()
            self._place, self._modified, self._noise = place, os.fstat(fd).st_mtime_ns, -FOREVER
            self._protected += self._area.rules.keeping(place) is not None
            self._in_use = self._in_use or (self._writers is not None and is_locked(fd))
        self.held = self.held or _is_held_by_inode(self._holds, self._area, fd)
        for entry in entries:
            if entry.kind is EntryKind.UNKNOWN:
                raise OSError(entry.size, os.strerror(entry.size), place + entry.name)
            is_tree = entry.kind is EntryKind.DIRECTORY
            is_noise = self._area.rules.is_noise(place + entry.name + "/" * is_tree)
            if is_noise:
                self._noise = max(self._noise, _change_of(fd, entry))
            if not is_tree:
                self._add_entry(place, fd, entry, is_noise=is_noise)

    def _leave_directory(self) -> None:
        if not self._area.rules.is_noise(self._place):
            self._changed = max(self._changed, directory_time(self._modified, self._noise))

    def _add_entry(self, place: str, fd: int, entry: Entry, *, is_noise: bool) -> None:
        path = place + entry.name
        reason = self._area.rules.judge_whatever_its_age(path).reason
        is_protected = reason is Reason.PROTECTED
        self._protected += is_protected
        self._staying += entry.kind is EntryKind.OTHER or (reason not in _AGE_DECIDES and not is_protected)
        self.held = self.held or (
            held_entry(self._holds, self._area.name, place_of(self._directory, path), fd, entry) is not None
        )
        self.files += entry.is_file
        self.bytes += entry.size if entry.is_file else 0
        if self._writers is not None and entry.is_file and not self._in_use:
            with WriteGuard(fd, entry, self._writers) as guard:
                self._in_use = guard.in_use
        if not is_noise:
            self._newest = entry.time if self._newest is None else max(self._newest, entry.time)
            if not is_protected:
                self._classes.add(self._area.rules.class_of(path))


def _change_of(fd: int, entry: Entry) -> int:
    """Return when an entry of the open directory `fd` was last changed (ns). Raises OSError."""
    if entry.kind is EntryKind.DIRECTORY:  # of which only name and inode were read
        return os.stat(entry.name, dir_fd=fd, follow_symlinks=False).st_ctime_ns
    return entry.ctime


def _is_held_by_inode(holds: Holds, area: Area, fd: int) -> bool:
    if not holds.has_trees:
        return False
    hold = holds.inodes.get((area.name, signed(os.fstat(fd).st_ino)))
    return hold is not None and birth_time(fd, ".") == hold.born
