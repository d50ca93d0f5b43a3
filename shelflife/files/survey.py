"""A survey: one directory in numbers, as the index records it.

The directory is described by its key – inode, mtime and ctime – which changes with each entry that is added,
removed or renamed. ctime is part of it because `tar`, `rsync -t`, `cp -a` and `utimes` put mtimes back; nobody
can put back a ctime. The key is read before the listing and again after it: when it differs, or is not older
than the listing by the settling time, or when a file in it is that fresh, the survey is *unsettled* and the
directory will be listed again next time. This covers coarse clocks (several changes in one tick), uploads in
progress, and files whose times are set after they were written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import HOUR
from shelflife.files.hours import pack_hours, sum_of_hours, unpack_hours
from shelflife.files.listing import FOREVER, Entry, Kind, clamp, read_directory, signed
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.load import NOTHING, Load
from shelflife.policy.rules import File, stays_by_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff

_Packed = bytes
"""What `Survey`, which has a field of that name, calls bytes."""


class Key(NamedTuple):
    """What changes with the entries of a directory. The inode is signed, as the index holds it."""

    inode: int
    mtime: int
    ctime: int

    @classmethod
    def of(cls, status: os.stat_result) -> Key:
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
class Survey:
    """What a directory holds, without what its subdirectories hold. Times in ns, sizes in bytes."""

    key: Key
    """The directory as it was before the listing."""

    settled: bool = False
    """Whether an unchanged key proves an unchanged directory from now on."""

    complete: bool = True
    """Whether every entry could be looked at; otherwise nothing in the directory is due."""

    errno: int = 0
    """Why it is not complete."""

    entries: int = 0
    """Everything in it, of any kind."""

    files: int = 0
    """Regular files that a cleanup may remove."""

    bytes: int = 0
    """Their apparent size."""

    allocated: int = 0
    """Their size on disk; of a file with several names, its share."""

    protected_files: int = 0
    """Regular files that a pattern keeps."""

    protected_bytes: int = 0
    """Their apparent size."""

    staying: int = 0
    """Entries that never go, whatever the cutoff: `.gitkeep`, `.nfs…`, protected links, FIFOs and the like."""

    special: int = 0
    """FIFOs, sockets and devices among them."""

    first_due: int = FOREVER
    """The earliest cutoff (exclusive) at which something here goes: of a file, a link, or of the directory
    itself when it is empty."""

    oldest: int = FOREVER
    """Time of the oldest file."""

    newest: int = -FOREVER
    """Time of the newest file, protected ones included."""

    newest_change: int = -FOREVER
    """The latest ctime of its files."""

    hours: dict[int, Load] = field(default_factory=dict)
    """Hour of file time since the epoch → what is of it; what a cleanup may remove only."""

    packed_hours: _Packed = b""
    """More of the same, as `pack_hours` gives it: what was counted in compiled code."""

    children: dict[str, int] = field(default_factory=dict)
    """Subdirectories: name → inode."""

    due_files: int = 0
    """Files before the cutoff that the survey was given."""

    due_bytes: int = 0
    """Their apparent size."""

    due_links: int = 0
    """Symbolic links before that cutoff."""

    changed: bool = False
    """Whether the directory changed while it was read: whatever was seen, it will be read again."""

    def add_file(self, entry: Entry, time: int) -> None:
        """Count a regular file that a cleanup may remove."""
        self.files += 1
        self.bytes += entry.size
        self.allocated += entry.share
        if time < self.oldest:
            self.oldest = time
        self.add_to_hour(time, entry.size, entry.share)

    def add_to_hour(self, time: int, size: int, allocated: int) -> None:
        """Count a file into the histogram."""
        files, sizes, blocks = self.hours.get(time // HOUR, NOTHING)
        self.hours[time // HOUR] = Load(files + 1, sizes + size, blocks + allocated)

    def finish(self, path: str, settled_before: int) -> None:
        """Draw the conclusions once all entries are counted; times before `settled_before` are settled."""
        if path and not self.entries:  # an area's own directory is never pruned
            self.first_due = self.key.mtime
        latest = max(self.key.mtime, self.key.ctime, self.newest_change)
        self.settled = self.complete and not self.changed and latest < settled_before

    def histogram(self) -> _Packed:
        """Return what there is by the hour, packed."""
        if not self.hours:
            return self.packed_hours
        if not self.packed_hours:
            return pack_hours(self.hours)
        return pack_hours(sum_of_hours((self.hours, unpack_hours(self.packed_hours))))

    def plus(self, other: Survey) -> Survey:
        """Return what a directory holds of which both count a part; key and subdirectories are this one's."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in _SUMS}
        least = {name: min(getattr(self, name), getattr(other, name)) for name in ("first_due", "oldest")}
        most = {name: max(getattr(self, name), getattr(other, name)) for name in ("newest", "newest_change")}
        hours = sum_of_hours((self.hours, unpack_hours(other.histogram())))
        return replace(self, **sums, **least, **most, hours=hours)


_SUMS: Final = (
    *("entries", "files", "bytes", "allocated", "protected_files", "protected_bytes", "staying", "special"),
    *("due_files", "due_bytes", "due_links"),
)


def is_due(entry: Entry, path: str, area: Area, cutoff: Cutoff) -> bool:
    """Return whether an entry of the directory at `path` goes by itself."""
    if entry.kind > Kind.LINK:
        return False
    if entry.time >= cutoff.at:  # the cheapest question first: most entries are not due
        return False
    return area.rules.judge(File(path + entry.name, entry.time), Cutoffs.only(cutoff)).remove


def goes_with_unit(entry: Entry, path: str, area: Area, cutoff: Cutoff) -> bool:
    """Return whether an entry of the directory at `path` goes when the unit goes that it is a part of."""
    if entry.kind > Kind.LINK:
        return False
    return area.rules.look_again(File(path + entry.name, entry.time), Cutoffs.only(cutoff)).remove


def survey_directory(
    fd: int,
    path: str,
    area: Area,
    *,
    settled_before: int,
    cutoff: Cutoff | None = None,
) -> Survey:
    """List the open directory `fd`, which is `path` below its area's directory, and return it in numbers.

    Times before `settled_before` (ns) count as settled. With a `cutoff`, what is before it is counted apart.
    Raises OSError when the directory cannot be read; an entry that cannot be looked at makes the survey
    incomplete instead.
    """
    survey = Survey(key=Key.of(os.fstat(fd)))
    for chunk in read_directory(fd, area.rules.age_from):
        for entry in managed(chunk, path):
            count_entry(survey, entry, path, area, cutoff)
    survey.changed = Key.of(os.fstat(fd)) != survey.key
    survey.finish(path, settled_before)
    return survey


def managed(entries: list[Entry], path: str) -> Iterator[Entry]:
    """Yield what of a directory's entries belongs to the area: all but the trash right below it."""
    return (entry for entry in entries if path or entry.name != TRASH_DIRECTORY)


def count_entry(survey: Survey, entry: Entry, path: str, area: Area, cutoff: Cutoff | None = None) -> None:
    """Count one entry of the directory at `path` into its survey."""
    survey.entries += 1
    match entry.kind:
        case Kind.FILE:
            _count_file(survey, entry, path, area, cutoff)
        case Kind.DIRECTORY:
            survey.children[entry.name] = entry.inode
        case Kind.LINK:
            _count_link(survey, entry, path, area, cutoff)
        case Kind.OTHER:
            survey.staying += 1
            survey.special += 1
        case Kind.UNKNOWN:
            survey.complete = False
            survey.errno = entry.size


def _count_file(survey: Survey, entry: Entry, path: str, area: Area, cutoff: Cutoff | None) -> None:
    if stays_by_name(entry.name):
        survey.staying += 1
        return
    time = entry.time
    if not area.rules.is_noise(path + entry.name):
        survey.newest = max(survey.newest, time)
    survey.newest_change = max(survey.newest_change, entry.ctime)
    if area.rules.protecting(path + entry.name):
        survey.protected_files += 1
        survey.protected_bytes += entry.size
        return
    survey.add_file(entry, time)
    survey.first_due = min(survey.first_due, time)
    if cutoff is not None and is_due(entry, path, area, cutoff):
        survey.due_files += 1
        survey.due_bytes += entry.size


def _count_link(survey: Survey, entry: Entry, path: str, area: Area, cutoff: Cutoff | None) -> None:
    if stays_by_name(entry.name):
        survey.staying += 1
        return
    time = entry.time
    survey.newest_change = max(survey.newest_change, entry.ctime)
    if not area.rules.is_noise(path + entry.name):
        survey.newest = max(survey.newest, time)
    if area.rules.protecting(path + entry.name):
        survey.staying += 1
        return
    survey.first_due = min(survey.first_due, time)
    if cutoff is not None and is_due(entry, path, area, cutoff):
        survey.due_links += 1
