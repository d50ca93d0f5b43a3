"""Units: directories right below an area that go as one, as the index has them and as they are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.files.held import held_entry
from shelflife.files.in_use import Guard, Writers, is_locked
from shelflife.files.kernel import birth_time
from shelflife.files.listing import FOREVER, Entry, Kind, signed
from shelflife.files.mounts import knows_writers
from shelflife.files.tree import walk
from shelflife.policy.plan import DueDirectory
from shelflife.policy.rules import File, Unit, directory_time, judge_unit
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


def unit_is_due(row: UnitRow, area: Area, cutoffs: Cutoffs) -> bool:
    """Return whether the index proposes a unit: all of it could be read, and it is expired."""
    unit = Unit(
        newest=row.newest,
        # Whether noise made a directory young is seen when the unit is read: it must not be found too late here.
        changed=-FOREVER if row.newest and area.rules.settings.ignore else row.changed,
        protected=sum(area.rules.classes[number].is_kept for number in row.newest if number),
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
            found = read_unit(root, row.path, cutoffs, holds=holds, guarded=False, between=context.between)
        except OSError:
            continue
        if judge_unit(found.unit, cutoffs).remove:
            yield DueDirectory(
                root=root.directory, path=row.path, files=found.files, bytes=found.bytes, unit=True
            )


@dataclass(slots=True)
class UnitReading:
    """A unit as it was read, file by file."""

    unit: Unit
    files: int
    bytes: int


def is_held_by_path(holds: Holds, place: str) -> bool:
    """Return whether somebody holds the directory at `place`, or something in it."""
    return bool(holds.covering(place) or holds.below(f"{place}/"))


class _Reader:
    """Gathers what decides over a unit, entry by entry."""

    def __init__(self, root: AreaRoot, cutoffs: Cutoffs, holds: Holds) -> None:
        self._area = root.area
        self._directory = root.directory
        self._cutoffs = cutoffs
        self._holds = holds
        self._writers = Writers(leases=knows_writers(root.anchor.fd))
        self.newest: dict[int, int] = {}
        self.changed = -FOREVER
        self._place, self._modified, self._noise = "", -FOREVER, -FOREVER
        self.protected = self.staying = self.files = self.bytes = 0
        self.kept: Reason | None = None
        self.held = self.in_use = False

    def enter(self, fd: int, place: str, *, guarded: bool) -> None:
        """Take the open directory `fd` at `place`, before its entries; again, before more of them."""
        if place != self._place:
            self._leave()
            self._place, self._modified, self._noise = place, os.fstat(fd).st_mtime_ns, -FOREVER
            self.protected += self._area.rules.keeping(place) is not None
        self.in_use = self.in_use or (guarded and is_locked(fd))
        self.held = self.held or _is_held_by_inode(self._holds, self._area, fd)

    def take(self, fd: int, place: str, entry: Entry, *, guarded: bool) -> None:
        """Take an entry of the open directory `fd`, which is at `place` below the root."""
        if entry.kind is Kind.UNKNOWN:
            raise OSError(entry.size, os.strerror(entry.size), place + entry.name)
        is_tree = entry.kind is Kind.DIRECTORY
        is_noise = self._area.rules.is_noise(place + entry.name + "/" * is_tree)
        if is_noise:
            self._noise = max(self._noise, _change_of(fd, entry))
        if is_tree:
            return
        self._judge(place + entry.name, entry, is_noise=is_noise)
        whole = f"{self._directory}/{place}{entry.name}"
        self.held = self.held or held_entry(self._holds, self._area.name, whole, fd, entry) is not None
        self.files += entry.is_file
        self.bytes += entry.size if entry.is_file else 0
        if guarded and entry.is_file and not self.in_use:
            with Guard(fd, entry, self._writers) as guard:
                self.in_use = guard.in_use

    def _judge(self, path: str, entry: Entry, *, is_noise: bool) -> None:
        if entry.kind is Kind.OTHER:
            self.staying += 1
            return
        rules = self._area.rules
        match rules.look_again(File(path, entry.time), self._cutoffs).reason:
            case Reason.KEEP_FILE:
                self.staying += 1
                return
            case Reason.PROTECTED:
                self.protected += 1
            case Reason.EXPIRED | Reason.NOT_EXPIRED | Reason.NEWEST | Reason.INDEFINITE:
                pass  # by its time, below
            case other:
                self.kept = other
        if is_noise:
            return
        number = rules.class_of(path)
        self.newest[number] = max(self.newest.get(number, entry.time), entry.time)

    def _leave(self) -> None:
        if not self._area.rules.is_noise(self._place):
            self.changed = max(self.changed, directory_time(self._modified, self._noise))

    def found(self) -> UnitReading:
        """Return what was gathered."""
        self._leave()
        unit = Unit(
            newest=self.newest,
            changed=self.changed,
            protected=self.protected,
            staying=self.staying,
            kept=self.kept,
            held=self.held,
            in_use=self.in_use,
        )
        return UnitReading(unit, self.files, self.bytes)


def _change_of(fd: int, entry: Entry) -> int:
    """Return when an entry of the open directory `fd` was last changed (ns). Raises OSError."""
    if entry.kind is Kind.DIRECTORY:  # of which only name and inode were read
        return os.stat(entry.name, dir_fd=fd, follow_symlinks=False).st_ctime_ns
    return entry.ctime


def read_unit(
    root: AreaRoot,
    path: str,
    cutoffs: Cutoffs,
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
    reader = _Reader(root, cutoffs, holds)
    reader.held = is_held_by_path(holds, root.place(path).rstrip("/"))
    for place, fd, entries in walk(root.anchor, path, age=root.area.rules.age_from):
        between()
        reader.enter(fd, place, guarded=guarded)
        for entry in entries:
            reader.take(fd, place, entry, guarded=guarded)
    return reader.found()


def _is_held_by_inode(holds: Holds, area: Area, fd: int) -> bool:
    if not holds.has_trees:
        return False
    hold = holds.inodes.get((area.name, signed(os.fstat(fd).st_ino)))
    return hold is not None and birth_time(fd, ".") == hold.born
