"""Checking and removing a batch of listed entries: the second of the two hot primitives.

Between the listing of a file and its removal anything can happen to it. So each entry is looked at once more,
through the held directory, right before it is removed: it must still be what was listed (kind, inode, size,
time of modification) and still be past the cutoff. What is not, stays, with its reason.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from enum import IntEnum
from time import monotonic
from typing import TYPE_CHECKING

from shelflife.files.listing import Entry, entry_at
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff


class Result(IntEnum):
    """What became of a file that a run meant to remove. The numbers are stored in the journal."""

    UNKNOWN = 0
    """Not known yet: the run is on it, or was interrupted there."""
    REMOVED = 1
    KEPT = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one outcome of a file that a run meant to remove."""

    entry: Entry
    """The file as listed."""

    result: Result
    """What became of it."""

    reason: Reason = Reason.EXPIRED
    """Why."""

    errno: int = 0
    """Of a failure: its cause."""

    @property
    def name(self) -> str:
        """The file's name in its directory."""
        return self.entry.name

    @property
    def size(self) -> int:
        """Its apparent size in bytes."""
        return self.entry.size

    @property
    def mtime(self) -> int:
        """When it was last modified, in nanoseconds since the epoch."""
        return self.entry.mtime


def remove_batch(
    fd: int, entries: Sequence[Entry], area: Area, cutoff: Cutoff, *, until: float
) -> list[Outcome]:
    """Remove `entries` of the open directory `fd` that are still as listed and past the cutoff.

    Returns the outcomes in order, at least one; fewer than entries when time.monotonic() reached `until`, and
    when the directory may not be written to, which the others would only repeat. Never raises OSError: a
    failure is an outcome.
    """
    outcomes = []
    for entry in entries:
        outcomes.append(_remove(fd, entry, area, cutoff))
        if outcomes[-1].errno == errno.EACCES or monotonic() >= until:
            break
    return outcomes


def unchanged(listed: Entry, now: Entry) -> bool:
    """Return whether a file is the one that was listed. ctime is left out: a rename or a new link changes it."""
    return listed[1:4] == now[1:4] and listed.mtime == now.mtime


def _remove(fd: int, entry: Entry, area: Area, cutoff: Cutoff) -> Outcome:
    try:
        now = entry_at(fd, entry.name)
        if not unchanged(entry, now):
            return Outcome(entry, Result.KEPT, Reason.CHANGED)
        if area.file_time(now.mtime, now.ctime) >= cutoff.at:
            return Outcome(entry, Result.KEPT, Reason.NOT_EXPIRED)
        os.unlink(entry.name, dir_fd=fd)
    except FileNotFoundError:
        return Outcome(entry, Result.KEPT, Reason.VANISHED)
    except OSError as error:
        return Outcome(entry, Result.FAILED, errno=error.errno or 0)
    return Outcome(now, Result.REMOVED)
