"""What is known of a plain directory – files, and nothing else – before it is read.

The index has how many of its files are of each hour. As long as its key is the recorded one, no other files can
have become due: so once as many early ones were seen as there are, the rest need not be looked at. On the average
that saves half of the work in a directory where few files are due. And the index knows which file was the oldest:
it is looked at first, and where it is the only one, the others never are.

This is the promise of the index, no more: a file whose time was set back in place since is seen by the next
listing, or by the rolling re-scan. Where one became younger, the count is not reached, and the directory is read
to its end.
"""

from __future__ import annotations

from typing import NamedTuple

from shelflife.files.hours import files_before, first_moment, less_hours
from shelflife.files.survey import Key, Survey

_Packed = bytes
"""What values that have a field of that name call bytes."""


class Gone(NamedTuple):
    """What goes from a directory: files only, sizes in bytes."""

    files: int
    bytes: int
    allocated: int
    hours: _Packed
    """As `shelflife.files.hours.pack_hours` gives it."""


class Known(NamedTuple):
    """A plain directory as it was when it was listed. Times in ns, sizes in bytes."""

    key: _Packed
    """As `Key.pack` gives it."""
    files: int
    bytes: int
    allocated: int
    oldest: int
    oldest_inode: int
    """Of the oldest file, signed; 0 where that is not known."""
    newest: int
    hours: _Packed
    """As `shelflife.files.hours.pack_hours` gives it."""

    def files_before(self, hour: int) -> int:
        """Return how many files are of hours before `hour`, since the epoch."""
        return files_before(self.hours, hour)

    def survey(self) -> Survey:
        """Return it in numbers, as if it had been listed again."""
        return Survey(
            key=Key.unpack(self.key),
            entries=self.files,
            files=self.files,
            bytes=self.bytes,
            allocated=self.allocated,
            first_due=self.oldest,
            oldest=self.oldest,
            oldest_inode=self.oldest_inode,
            newest=self.newest,
            packed_hours=self.hours,
        )

    def without(self, gone: Gone, cutoff: int) -> Survey:
        """Return what stays when all that is before `cutoff` goes, which is `gone`.

        Which of the others is the oldest is not known: its time is that of its hour, or the cutoff.
        """
        files = self.files - gone.files
        if files <= 0:
            return Survey(key=Key.unpack(self.key))
        hours = less_hours(self.hours, gone.hours)
        first = first_moment(hours)
        oldest = max(self.oldest if first is None else first, cutoff, self.oldest)
        return Survey(
            key=Key.unpack(self.key),
            entries=files,
            files=files,
            bytes=self.bytes - gone.bytes,
            allocated=self.allocated - gone.allocated,
            first_due=oldest,
            oldest=oldest,
            newest=self.newest,
            packed_hours=hours,
        )
