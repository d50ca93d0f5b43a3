"""Checking and removing a batch of listed entries, the careful way: one at a time, with retries.

Between the listing of a file and its removal anything can happen to it. So each entry is looked at once more,
through the held directory, right before it goes: it must still be what was listed (kind, inode, size, time of
modification), still be past the cutoff, not held, and not open for writing. What is not, stays, with its reason.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from shelflife.files.in_use import WriteGuard, Writers
from shelflife.files.listing import Entry, entry_at
from shelflife.files.mounts import knows_writers, may_be_shared
from shelflife.policy.rules import File
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs

TRANSIENT: Final = (errno.EINTR, errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.EIO)
"""Errors that may be gone a moment later."""

FIRST_DELAY: Final = 0.05
"""Seconds before the first of several further tries; each next one waits twice as long."""


class Result(IntEnum):
    """What became of a file that a run meant to remove. The numbers are stored in the journal."""

    UNKNOWN = 0
    """Not known yet: the run is on it, or was interrupted there."""
    REMOVED = 1
    KEPT = 2
    FAILED = 3
    TRASHED = 4
    """Moved into the trash, where it waits to be restored or purged."""
    DISPLACED = 5
    """Moved into the trash, found changed, and not to be put back: its name was taken meanwhile."""
    RESTORED = 6
    """Back from the trash."""


_GONE: Final = (Result.REMOVED, Result.TRASHED, Result.DISPLACED, Result.RESTORED)


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

    @property
    def is_gone(self) -> bool:
        """Whether the file is no longer where it was listed."""
        return self.result in _GONE or self.reason is Reason.VANISHED


Wanted = Callable[[], bool]
"""Says whether somebody has begun to open the file for writing since it was checked."""

Disposal = Callable[[int, Entry, Wanted], Outcome]
"""Makes one entry (as it is now) of an open directory go. Called right after all checks; raises OSError."""

Held = Callable[[int, Entry], bool]
"""Says whether a person holds an entry of an open directory."""


def unlink(fd: int, entry: Entry, _wanted: Wanted) -> Outcome:
    """Remove for good: the disposal of an area without a trash."""
    os.unlink(entry.name, dir_fd=fd)
    return Outcome(entry, Result.REMOVED)


def nobody_holds(_fd: int, _entry: Entry) -> bool:
    """Say that nothing is held."""
    return False


def nobody_wants() -> bool:
    """Say that nobody opens the file for writing: it was not looked."""
    return False


def stays_in_place() -> bool:
    """Say that the directory is where it was."""
    return True


@dataclass(slots=True, kw_only=True)
class Removal:
    """How entries go, and what keeps them."""

    area: Area
    path: str
    """The directory of the entries, below the area's."""
    cutoffs: Cutoffs | None
    """What is not before the cutoff of its class stays; None where age no longer matters, in the trash."""
    dispose: Disposal = unlink
    held: Held = nobody_holds
    in_use: bool = True
    """Whether files that are open for writing stay."""
    retries: int = 3
    """Further tries after a transient error."""
    in_place: Callable[[], bool] = stays_in_place
    """Says whether the directory is still where it was; asked after each wait, which is longer than a batch."""
    _writers: Writers | None = None
    _shared: bool = False
    """Whether other machines may have changed what the kernel thinks it knows."""

    def batch(self, fd: int, entries: Sequence[Entry], *, until: float) -> list[Outcome]:
        """Remove those `entries` of the open directory `fd` that nothing keeps.

        Returns the outcomes in order, at least one; fewer than entries when time.monotonic() reached `until`,
        and when the directory may not be written to, which the others would only repeat. Never raises OSError:
        a failure is an outcome.
        """
        self._look_around(fd)
        outcomes = []
        for entry in entries:
            outcomes.append(self._remove(fd, entry))
            if outcomes[-1].errno == errno.EACCES or time.monotonic() >= until:
                break
        return outcomes

    def once(self, fd: int, entry: Entry) -> Outcome | None:
        """Remove one entry unless something keeps it; None when that fails, and nothing is changed then."""
        if self._writers is None:
            self._look_around(fd)
        try:
            return self._try(fd, entry)
        except FileNotFoundError:
            return Outcome(entry, Result.KEPT, Reason.VANISHED)
        except OSError:
            return None

    def _look_around(self, fd: int) -> None:
        self._writers = Writers(leases=knows_writers(fd))
        self._shared = may_be_shared(fd)

    def _remove(self, fd: int, entry: Entry) -> Outcome:
        delay = FIRST_DELAY
        for tries_left in range(self.retries, -1, -1):
            try:
                return self._try(fd, entry)
            except FileNotFoundError:
                return _gone(fd, entry) if self.in_place() else Outcome(entry, Result.KEPT, Reason.CHANGED)
            except OSError as error:
                if error.errno not in TRANSIENT or not tries_left:
                    self.retries = 0  # a disk that stays broken is not waited for again and again
                    return Outcome(entry, Result.FAILED, errno=error.errno or 0)
            time.sleep(delay)
            delay *= 2
            if not self.in_place():
                return Outcome(entry, Result.KEPT, Reason.CHANGED)
        raise AssertionError("unreachable: the last try returns")

    def _try(self, fd: int, entry: Entry) -> Outcome:
        now, reason = self._look(fd, entry)
        if reason is not None:
            return Outcome(entry, Result.KEPT, reason)
        if not self.in_use or not entry.is_file:
            return self.dispose(fd, now, nobody_wants)
        assert self._writers is not None  # noqa: S101 - whoever tries has looked around
        with WriteGuard(fd, entry, self._writers) as guard:
            # Looked at again: the name could lead to another file than the one that is guarded.
            now, reason = self._look(fd, entry)
            if reason is not None:
                return Outcome(entry, Result.KEPT, reason)
            if guard.in_use or guard.broken or guard.inode != now.inode:
                return Outcome(entry, Result.KEPT, Reason.IN_USE)
            return self.dispose(fd, now, lambda: guard.broken)

    def _look(self, fd: int, entry: Entry) -> tuple[Entry, Reason | None]:
        """Return the entry as it is now, and why it stays, if it does."""
        now = entry_at(fd, entry.name, self.area.rules.age_from, fresh=self._shared)
        if not unchanged(entry, now):
            return now, Reason.CHANGED
        if self.cutoffs is not None:
            verdict = self.area.rules.look_again(File(self.path + entry.name, now.time), self.cutoffs)
            if not verdict.remove:
                return now, verdict.reason
        return now, Reason.HELD if self.held(fd, now) else None


def _gone(fd: int, entry: Entry) -> Outcome:
    """Return the outcome where a system call found something missing: the file, or what was to take it."""
    try:
        entry_at(fd, entry.name)
    except FileNotFoundError:
        return Outcome(entry, Result.KEPT, Reason.VANISHED)
    except OSError as error:
        return Outcome(entry, Result.FAILED, errno=error.errno or 0)
    return Outcome(entry, Result.FAILED, errno=errno.ENOENT)


def unchanged(listed: Entry, now: Entry) -> bool:
    """Return whether a file is the one that was listed. ctime is left out: a rename or a new link changes it."""
    return listed[1:4] == now[1:4] and listed.mtime == now.mtime
