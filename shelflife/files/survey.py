"""A survey: one directory in numbers, as the index records it.

The directory is described by its key – inode, mtime and ctime – which changes with each entry that is added,
removed or renamed. ctime is part of it because `tar`, `rsync -t`, `cp -a` and `utimes` put mtimes back; nobody
can put back a ctime. The key is read before the listing and again after it: when it differs, or is not older
than the listing by the settling time, or when a file in it is that fresh, the survey is *unsettled* and the
directory will be listed again next time. This covers coarse clocks (several changes in one tick), uploads in
progress, and files whose times are set after they were written.

What is in it is counted by class: the area's own in the survey itself, those of each other class in a part of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import HOUR
from shelflife.files.hours import pack_hours, sum_of_hours, unpack_hours
from shelflife.files.kernel import fresh_attributes
from shelflife.files.listing import FOREVER, Entry, clamp, signed
from shelflife.policy.load import NOTHING, Load

if TYPE_CHECKING:
    import os

    from shelflife.files.kernel import Attributes
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.rules import Rules

_Packed = bytes
"""What `Survey`, which has a field of that name, calls bytes."""


class Key(NamedTuple):
    """What changes with the entries of a directory. The inode is signed, as the index holds it."""

    inode: int
    mtime: int
    ctime: int

    @classmethod
    def at(cls, fd: int) -> Key:
        """Return the key of an open directory as it is now, on whatever file system. Raises OSError.

        NFS answers fstat(2) from a cache: there a new entry may show in the times after 16 s only.
        """
        return cls.of(fresh_attributes(fd, ""))

    @classmethod
    def of(cls, status: os.stat_result | Attributes) -> Key:
        """Return the key in the attributes of a directory."""
        return cls(signed(status.st_ino), clamp(status.st_mtime_ns), clamp(status.st_ctime_ns))

    @classmethod
    def unpack(cls, packed: bytes) -> Key:
        """Return the key that `pack` packed."""
        return cls(*_KEY.unpack(packed))

    def pack(self) -> bytes:
        """Return three 64-bit integers in the machine's order, as compiled code compares them."""
        return _KEY.pack(*self)


_KEY: Final = Struct("=3q")

KEY_SIZE: Final = _KEY.size
"""Bytes of a packed key."""


@dataclass(slots=True)
class ClassSurvey:
    """The files and links of one class in a directory. Times in ns, sizes in bytes."""

    files: int = 0
    """Regular files."""

    bytes: int = 0
    """Their apparent size."""

    allocated: int = 0
    """Their size on disk; of a file with several names, its share."""

    first_due: int = FOREVER
    """The earliest cutoff (exclusive) at which something here goes: of a file, a link, or of the directory
    itself when it is empty."""

    oldest: int = FOREVER
    """Time of the oldest file."""

    oldest_inode: int = 0
    """Its inode, signed; 0 where that is not known."""

    newest: int = -FOREVER
    """Time of the newest file or link; what is noise does not count."""

    hours: dict[int, Load] = field(default_factory=dict)
    """Hour of file time since the epoch → what is of it."""

    packed_hours: _Packed = b""
    """More of the same, as `pack_hours` gives it: what was counted in compiled code."""

    def add_file(self, entry: Entry) -> None:
        """Count a regular file."""
        self.files += 1
        self.bytes += entry.size
        self.allocated += entry.share
        if entry.time < self.oldest:
            self.oldest, self.oldest_inode = entry.time, signed(entry.inode)
        self.add_to_hour(entry.time, entry.size, entry.share)

    def add_time(self, time: int, *, counts_for_groups: bool) -> None:
        """Count the time of a file or link; that of noise does not count for what expires as one thing."""
        self.first_due = min(self.first_due, time)
        if counts_for_groups:
            self.newest = max(self.newest, time)

    def add_to_hour(self, time: int, size: int, allocated: int) -> None:
        """Count a file into the histogram."""
        files, sizes, blocks = self.hours.get(time // HOUR, NOTHING)
        self.hours[time // HOUR] = Load(files + 1, sizes + size, blocks + allocated)

    def histogram(self) -> _Packed:
        """Return what there is by the hour, packed."""
        if not self.hours:
            return self.packed_hours
        if not self.packed_hours:
            return pack_hours(self.hours)
        return pack_hours(sum_of_hours((self.hours, unpack_hours(self.packed_hours))))

    def take(self, other: ClassSurvey) -> None:
        """Count what another part counts, too."""
        for name in ("files", "bytes", "allocated"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.first_due = min(self.first_due, other.first_due)
        if other.oldest < self.oldest:
            self.oldest, self.oldest_inode = other.oldest, other.oldest_inode
        self.newest = max(self.newest, other.newest)
        self.hours = sum_of_hours((self.hours, other.hours, unpack_hours(other.packed_hours)))


@dataclass(slots=True)
class Survey(ClassSurvey):
    """What a directory holds, without its subdirectories; as a part, what is of the area's own class."""

    key: Key = field(kw_only=True)
    """The directory as it was before the listing."""

    settled: bool = False
    """Whether an unchanged key proves an unchanged directory from now on."""

    complete: bool = True
    """Whether every entry could be looked at; otherwise nothing in the directory is due."""

    errno: int = 0
    """Why it is not complete."""

    entries: int = 0
    """Everything in it, of any kind."""

    others: dict[int, ClassSurvey] = field(default_factory=dict)
    """By number: what is of other classes."""

    staying: int = 0
    """Entries that never go, whatever the cutoff: `.gitkeep`, `.nfs…`, FIFOs, sockets, devices."""

    special: int = 0
    """FIFOs, sockets and devices among them."""

    newest_change: int = -FOREVER
    """The latest ctime of its files."""

    children: dict[str, int] = field(default_factory=dict)
    """Subdirectories: name → inode."""

    due_files: int = 0
    """Files, of any class, before the cutoffs that the survey was given."""

    due_bytes: int = 0
    """Their apparent size."""

    due_links: int = 0
    """Symbolic links before those cutoffs."""

    due_others: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By number of the class: how many of `due_files` and `due_bytes` are of another one than the area's own."""

    changed: bool = False
    """Whether the directory changed while it was read: whatever was seen, it will be read again."""

    def part(self, number: int) -> ClassSurvey:
        """Return what is of a class, to be counted in."""
        if number == 0:
            return self
        return self.others.setdefault(number, ClassSurvey())

    def add_due(self, entry: Entry, number: int) -> None:
        """Count a file or link of a class that is before the cutoffs."""
        if not entry.is_file:
            self.due_links += 1
            return
        self.due_files += 1
        self.due_bytes += entry.size
        if number:
            files, size = self.due_others.get(number, (0, 0))
            self.due_others[number] = (files + 1, size + entry.size)

    def is_due(self, cutoffs: Cutoffs) -> bool:
        """Return whether something of some class may be before its cutoff."""
        return self.first_due < cutoffs.at(0) or any(
            part.first_due < cutoffs.at(number) for number, part in self.others.items()
        )

    def move_to(self, number: int) -> None:
        """Say that all that was counted as of the area's own class is of another one."""
        if number == 0 or self.first_due == FOREVER:  # a link without a file has a time, too
            return
        self.others[number] = ClassSurvey(
            files=self.files,
            bytes=self.bytes,
            allocated=self.allocated,
            first_due=self.first_due,
            oldest=self.oldest,
            oldest_inode=self.oldest_inode,
            newest=self.newest,
            hours=self.hours,
            packed_hours=self.packed_hours,
        )
        if self.due_files:
            self.due_others = {number: (self.due_files, self.due_bytes)}
        self.files = self.bytes = self.allocated = 0
        self.first_due, self.oldest, self.newest = FOREVER, FOREVER, -FOREVER
        self.oldest_inode = 0
        self.hours, self.packed_hours = {}, b""

    def finish(self, path: str, settled_before: int, rules: Rules) -> None:
        """Draw the conclusions once all entries are counted; times before `settled_before` are settled."""
        if path and not self.entries and rules.may_prune(path):
            self.part(rules.class_of_all_in(path) or 0).first_due = self.key.mtime
        latest = max(self.key.mtime, self.key.ctime, self.newest_change)
        self.settled = self.complete and not self.changed and latest < settled_before

    def plus(self, other: Survey) -> Survey:
        """Return what a directory holds of which both count a part; key and subdirectories are this one's."""
        found = Survey(
            key=self.key,
            complete=self.complete,
            errno=self.errno,
            newest_change=max(self.newest_change, other.newest_change),
            children=self.children,
            changed=self.changed,
        )
        for one in (self, other):
            found.take(one)
            for number, part in one.others.items():
                found.part(number).take(part)
            for name in ("entries", "staying", "special", "due_files", "due_bytes", "due_links"):
                setattr(found, name, getattr(found, name) + getattr(one, name))
            for number, (files, size) in one.due_others.items():
                more = found.due_others.get(number, (0, 0))
                found.due_others[number] = (files + more[0], size + more[1])
        return found
