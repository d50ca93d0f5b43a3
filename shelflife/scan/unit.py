"""Units: directories right below an area that go as one, as they are.

A directory of a unit is read by the compiled primitives where numbers say all that decides (`scan.way`): those
that a survey has, and the inodes of what is due. Noise, a hold that may be on something in it, an error or a lock
are looked into entry by entry.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.files.candidates import Fate
from shelflife.files.held import held_entry
from shelflife.files.in_use import WriteGuard, Writers, is_locked
from shelflife.files.kernel import generation
from shelflife.files.listing import FOREVER, Entry, EntryKind, read_directory, signed
from shelflife.files.mounts import knows_writers
from shelflife.files.reading import Flag, Manner, RemovalTask, Search
from shelflife.policy.cutoff import KEEP_ALL
from shelflife.policy.rules import Unit, directory_time
from shelflife.policy.verdict import Reason
from shelflife.scan.way import for_reading, for_removing, may_be_held, native_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.files.reading import Reading
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.policy.rules import NativeRules
    from shelflife.storage.root import AreaRoot

_AGE_DECIDES = (Reason.EXPIRED, Reason.INDEFINITE)
"""What the verdict on a file is that goes, or would, when it is old enough."""

_MOST: Final = 8 * 1024 * 1024
"""Bytes that the readings of one unit take, at the most; what was read beyond that is read again."""

_EVER: Final = 2**62
"""A moment of time.monotonic_ns() that never comes."""


class Member(NamedTuple):
    """A directory of a unit."""

    path: str
    """Below the area, as the unit's is."""

    reading: Reading | None
    """All that is in it, what is before the cutoffs by name; None where it was looked at entry by entry."""

    below: int = 0
    """How many of its entries are directories, if it was read."""


@dataclass(slots=True)
class UnitReading:
    """A unit as it was read."""

    unit: Unit
    files: int
    bytes: int
    members: list[Member] = field(default_factory=list)
    """Its directories, the unit's own first and each before those in it."""


def is_held_by_path(holds: Holds, place: str) -> bool:
    """Return whether somebody holds the directory at `place`, or something in it."""
    return bool(holds.covering(place) or holds.below(place))


def read_unit(
    root: AreaRoot,
    path: str,
    *,
    holds: Holds,
    guarded: bool,
    cutoffs: Cutoffs | None = None,
    between: Callable[[], None] = lambda: None,
) -> UnitReading:
    """Read the unit at `path` below a root; one that was taken aside, below a root that is held elsewhere.

    `guarded` asks for each file whether it is open for writing. Without `cutoffs` it is read entry by entry;
    with them a unit that is not before them may be found younger, and nothing else: who holds it is not asked.
    `between` is called now and then, and may raise to end it. Raises OSError, also for an entry that cannot be
    looked at: what is not known to be expired keeps the unit.
    """
    reader = _UnitReader(root, holds, guarded=guarded, cutoffs=cutoffs)
    reader.held = is_held_by_path(holds, root.place(path).rstrip("/"))
    waiting = [path]
    while waiting:
        between()
        directory = waiting.pop()
        waiting += reader.read(directory)
    return UnitReading(reader.unit(), reader.files, reader.bytes, reader.members)


class _UnitReader:
    """Adds up what a unit holds, directory by directory."""

    def __init__(self, root: AreaRoot, holds: Holds, *, guarded: bool, cutoffs: Cutoffs | None) -> None:
        """Ask whether somebody uses it, if `guarded`."""
        self._root = root
        self._rules = root.area.rules
        self._holds = holds
        self._cutoffs = KEEP_ALL if cutoffs is None else cutoffs
        self._writers = Writers(leases=knows_writers(root.anchor.fd)) if guarded else None
        self._reads = for_reading(root.anchor)
        self._removes = for_removing(root.anchor) if guarded else self._reads
        self._is_compiled = cutoffs is not None and self._reads.is_compiled and self._removes.is_compiled
        self._newest: int | None = None
        self._changed = -FOREVER
        self._classes: set[int] = set()
        self._protected = self._staying = self.files = self.bytes = 0
        self._in_use = False
        self._left = _MOST
        self.members: list[Member] = []
        self.held = False
        """Whether somebody holds it."""

    def unit(self) -> Unit:
        """Return it in the numbers that decide."""
        return Unit(
            newest=self._newest,
            changed=self._changed,
            classes=frozenset(self._classes or {0}),
            protected=self._protected,
            staying=self._staying,
            held=self.held,
            in_use=self._in_use,
        )

    def read(self, place: str) -> list[str]:
        """Add the directory at `place`; return those right below it. Raises OSError."""
        self._protected += self._rules.keeping(place) is not None
        reading = self._reading(place) if self._is_compiled else None
        if reading is None:
            self.members.append(Member(place, None))
            return self._read_entries(place)
        below = [f"{place}{name}/" for name in reading.survey.children]
        reading.fold()
        self._left -= reading.weight
        self.members.append(Member(place, reading if self._left >= 0 else None, len(below)))
        return below

    # -- in numbers

    def _reading(self, place: str) -> Reading | None:
        """Add the directory at `place` as the primitives read it; None, and nothing is added, if they cannot."""
        native = native_of(self._root.area, self._root.anchor, place, self._cutoffs)
        if native is None:
            return None
        search = Search(self._root.area, self._cutoffs, native=native)
        (reading,) = self._reads.read(self._root.anchor, [place], search, Flag())
        if (
            reading.error
            or not reading.is_complete
            or reading.more
            or self._is_out_of_the_ordinary(place, reading)
        ):
            return None
        if self._writers is not None and not self._in_use and not self._is_unused(place, reading, native):
            return None
        self._add_numbers(reading, native.number)
        return reading

    def _is_out_of_the_ordinary(self, place: str, reading: Reading) -> bool:
        """Return whether a hold may be on something in it, by inode, or something in it is noise."""
        if any(self._rules.is_noise(f"{place}{name}/") for name in reading.survey.children):
            return True
        area, holds = self._root.area.name, self._holds
        return bool(holds) and (
            reading.survey.key.inode in holds.trees_of(area) or may_be_held(reading.due, holds, area)
        )

    def _is_unused(self, place: str, reading: Reading, native: NativeRules) -> bool:
        """Return whether nobody has something in it open for writing, as far as it is due, or locks it."""
        cutoff = -FOREVER if native.cutoff is None else native.cutoff
        task = RemovalTask(
            place, reading.device, reading.key, reading.due, same=False, empty=False, cutoff=cutoff
        )
        manner = Manner(self._root.area, self._cutoffs, _EVER, looks=True)
        (answer,) = self._removes.remove(self._root.anchor, [task], manner)
        return not answer.error and answer.fates.count(Fate.REMOVED) == reading.listed

    def _add_numbers(self, reading: Reading, number: int) -> None:
        survey = reading.survey
        part = survey.others.get(number) if number else survey
        members = survey.entries - survey.staying - len(survey.children)
        self._staying += survey.staying
        self._changed = max(self._changed, directory_time(survey.key.mtime))
        if part is None or not members:
            return
        self.files += part.files
        self.bytes += part.bytes
        self._newest = part.newest if self._newest is None else max(self._newest, part.newest)
        if number and self._rules.classes[number].is_kept:
            self._protected += members
        else:
            self._classes.add(number)

    # -- entry by entry

    def _read_entries(self, place: str) -> list[str]:
        below: list[str] = []
        with self._root.anchor.directory(place) as fd:
            modified, noise = os.fstat(fd).st_mtime_ns, -FOREVER
            self._in_use = self._in_use or (self._writers is not None and is_locked(fd))
            self.held = self.held or _is_held_by_inode(self._holds, self._root.area, fd)
            for chunk in read_directory(fd, self._rules.age_from):
                for entry in chunk:
                    noise = max(noise, self._add(place, fd, entry))
                below += [f"{place}{entry.name}/" for entry in chunk if entry.kind is EntryKind.DIRECTORY]
        if not self._rules.is_noise(place):
            self._changed = max(self._changed, directory_time(modified, noise))
        return below

    def _add(self, place: str, fd: int, entry: Entry) -> int:
        """Add an entry of the open directory `fd` at `place`; return when it was last changed, if it is noise."""
        if entry.kind is EntryKind.UNKNOWN:
            raise OSError(entry.size, os.strerror(entry.size), place + entry.name)
        is_tree = entry.kind is EntryKind.DIRECTORY
        is_noise = self._rules.is_noise(place + entry.name + "/" * is_tree)
        if not is_tree:
            self._add_file(place, fd, entry, is_noise=is_noise)
        return _change_of(fd, entry) if is_noise else -FOREVER

    def _add_file(self, place: str, fd: int, entry: Entry, *, is_noise: bool) -> None:
        path, area = place + entry.name, self._root.area.name
        reason = self._rules.judge_whatever_its_age(path).reason
        is_special = entry.kind is EntryKind.OTHER
        is_protected = reason is Reason.PROTECTED and not is_special
        self._protected += is_protected
        self._staying += is_special or (reason not in _AGE_DECIDES and not is_protected)
        self.held = self.held or held_entry(self._holds, area, self._root.place(path), fd, entry) is not None
        self.files += entry.is_file
        self.bytes += entry.size if entry.is_file else 0
        if self._writers is not None and entry.is_file and not self._in_use:
            with WriteGuard(fd, entry, self._writers) as guard:
                self._in_use = guard.in_use
        if not is_noise:
            self._newest = entry.time if self._newest is None else max(self._newest, entry.time)
            if not is_protected:
                self._classes.add(self._rules.class_of(path))


def _change_of(fd: int, entry: Entry) -> int:
    """Return when an entry of the open directory `fd` was last changed (ns). Raises OSError."""
    if entry.kind is EntryKind.DIRECTORY:  # of which only name and inode were read
        return os.stat(entry.name, dir_fd=fd, follow_symlinks=False).st_ctime_ns
    return entry.ctime


def _is_held_by_inode(holds: Holds, area: Area, fd: int) -> bool:
    if not holds.has_trees:
        return False
    hold = holds.inodes.get((area.name, signed(os.fstat(fd).st_ino)))
    return hold is not None and generation(fd, ".") == hold.born
