"""What can go wrong, as one shallow tree.

::

    ShelflifeError                  anything below; catch this one at an edge
    ├── SettingsError  (ValueError) the configuration is wrong; carries every problem found
    ├── UsageError     (ValueError) the caller asked for what does not exist or makes no sense
    ├── PartlyRestored              some of what was to come back from the trash did, some could not
    ├── StorageError                the base path is missing, unreadable, no directory, or unsafe
    ├── RecordsError                journal or index fail; without the journal nothing is removed
    ├── NeedsApproval               it would remove so much that a person must approve it first
    ├── CleanupBusy                 another cleanup of this storage is running
    ├── NoRoom                      what somebody wants to write does not fit; nothing of it was taken
    ├── AlreadyThere                what was to be published has the name of something that is there
    ├── SlotTaken                   another process has run, or runs, this slot of the schedule
    └── CleanupDisabled             ``cleanup.enabled`` is false

What each one means to a shell and to an HTTP client stands in one table, `MEANINGS`; `ShelflifeError.meaning`
and `ShelflifeError.exit_code` read it. A subclass means what its nearest listed ancestor means.

A file that can't be removed is no error but a recorded outcome of its run, and `OSError` from creating
directories reaches the caller as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "MEANINGS",
    "AlreadyThere",
    "CleanupBusy",
    "CleanupDisabled",
    "ExitCode",
    "LockHolder",
    "Meaning",
    "NeedsApproval",
    "NoRoom",
    "PartlyRestored",
    "Problem",
    "RecordsError",
    "SettingsError",
    "ShelflifeError",
    "SlotTaken",
    "StorageError",
    "UsageError",
]


class ExitCode(IntEnum):
    """What the command line returns."""

    DONE = 0
    """Everything that was asked for is done."""
    SOME_FAILED = 1
    """Done, but some files failed; each is listed with its reason."""
    USAGE = 2
    """Wrong usage or configuration, or a storage that can't be used: nothing was done."""
    REFUSED = 3
    """Refused: cleanup is switched off, a limit was met, or a person must approve first. Nothing was done."""
    BUSY = 4
    """Another cleanup of this storage is running. Nothing was done."""
    NO_ROOM = 5
    """What was to be received does not fit. Nothing of it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a configuration, told so that it can be put right.

    >>> print(Problem(where="config.yaml:12", key="storage.base_path", value="7", reason="not a path"))
    config.yaml:12: storage.base_path: 7: not a path
    """

    reason: str
    """What is wrong, what is allowed, and what was probably meant."""
    where: str = ""
    """Where it stands: ``config.yaml:12`` or ``environment STORAGE_BASE_PATH``; else empty."""
    key: str = ""
    """The key with its parents, joined by dots; empty when the problem belongs to no key."""
    value: str = ""
    """The value as it was written; empty when there is none to show."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.value, self.reason) if part)


class LockHolder(Protocol):
    """What is known of the process that holds a storage's lock."""

    @property
    def pid(self) -> int:
        """Process id; means nothing on another host or in another container."""

    @property
    def host(self) -> str:
        """Name of the host or container."""

    @property
    def since(self) -> datetime:
        """When it took the lock; aware, UTC."""


class ShelflifeError(Exception):
    """Base of every error of this package; never raised itself."""

    @property
    def meaning(self) -> Meaning:
        """What this error means to a shell and to an HTTP client."""
        return next(MEANINGS[kind] for kind in type(self).__mro__ if kind in MEANINGS)

    @property
    def exit_code(self) -> ExitCode:
        """What the command line returns for it."""
        return self.meaning.exit_code


class SettingsError(ShelflifeError, ValueError):
    """The configuration is wrong. It lists all its problems, and nothing of it is in effect."""

    problems: tuple[Problem, ...]
    """Every problem found, in the order of the file, then of the environment; at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        return "\n  ".join([f"{len(self.problems)} problems in the configuration:", *map(str, self.problems)])


class UsageError(ShelflifeError, ValueError):
    """The caller named an unknown area, gave a bad argument, or a path outside the storage."""


class PartlyRestored(ShelflifeError):  # noqa: N818 - a public name; part of it is a success
    """Some of what was to come back from the trash did; the rest could not, and still waits there."""

    restored: tuple[str, ...]
    """What came back, relative to the base path."""

    faults: tuple[str, ...]
    """Why the others could not."""

    run: int | None
    """The run that brought them back; its history has each of them."""

    counts: tuple[int, int]
    """How many files came back, and how many did not: of more than 1,000 not all are named."""

    def __init__(
        self,
        restored: Iterable[str],
        faults: Iterable[str],
        *,
        run: int | None = None,
        counts: tuple[int, int] | None = None,
    ) -> None:
        self.restored, self.faults, self.run = tuple(restored), tuple(faults), run
        self.counts = counts or (len(self.restored), len(self.faults))
        super().__init__(self.restored, self.faults)

    def __str__(self) -> str:
        back, left = self.counts
        more = f" (and {left - 5:,} more)" if left > 5 else ""
        return f"{back:,} of {back + left:,} files restored; {'; '.join(self.faults[:5])}{more}"


class StorageError(ShelflifeError):
    """The base path is missing, unreadable, no directory, or unsafe, such as ``/`` or somebody's home."""


class RecordsError(ShelflifeError):
    """The journal can't be read: holds are unknown, so nothing may be removed. Or the index fails midway."""


class CleanupBusy(ShelflifeError):  # noqa: N818 - a public name; it is a state, not a fault
    """Another cleanup of this storage is running; this one did nothing."""

    holder: LockHolder | None
    """Who holds the lock; None when that could not be read."""

    silent: str
    """How long the holder has given no sign of life, in words; empty while it makes progress."""

    def __init__(self, holder: LockHolder | None = None, *, silent: str = "") -> None:
        self.holder, self.silent = holder, silent
        super().__init__(holder)

    def __str__(self) -> str:
        what = "try again when it has ended"
        if self.silent:
            what = f"it has given no sign of life for {self.silent}: look at that process, and end it if it hangs"
        return f"another cleanup of this storage is running ({self._holder}); {what}"

    @property
    def _holder(self) -> str:
        if self.holder is None:
            return "its process is unknown"
        since = self.holder.since.isoformat(timespec="seconds")
        return f"process {self.holder.pid} on {self.holder.host}, since {since}"


class NeedsApproval(ShelflifeError):  # noqa: N818 - likewise
    """A run would remove more than its limits allow, and a person has not approved it."""

    plan: str
    """Id of the plan to approve."""

    reasons: tuple[str, ...]
    """Why it was stopped, one for each area or limit."""

    would_remove: Mapping[str, Any]
    """What would have gone: `files`, `bytes`, and `areas`: both by the name of each area that has any."""

    def __init__(
        self, plan: str, reasons: Iterable[str], would_remove: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.plan = plan
        self.reasons = tuple(reasons)
        self.would_remove = would_remove
        super().__init__(plan, self.reasons, dict(would_remove))

    def __str__(self) -> str:
        return (
            f"nothing was removed, since a person must approve it first: {'; '.join(self.reasons)}. "
            f"Look at it (`shelflife plan`), then approve it: `shelflife cleanup --approve {self.plan}`"
        )


class NoRoom(ShelflifeError):  # noqa: N818 - likewise
    """What somebody wants to write does not fit, and nothing of it was taken."""

    needed: int
    """Bytes, or inodes, that were asked for."""

    available: int
    """How many of them could be promised."""

    could_free: int
    """How many making room could free at once."""

    again: datetime | None
    """When it is worth asking again, aware, UTC; None when that cannot be told, or never."""

    def __init__(
        self, message: str, *, needed: int, available: int, could_free: int = 0, again: datetime | None = None
    ) -> None:
        self.needed, self.available, self.could_free, self.again = needed, available, could_free, again
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_no_room, (self.args[0], self.needed, self.available, self.could_free, self.again))


def _no_room(message: str, needed: int, available: int, could_free: int, again: datetime | None) -> NoRoom:
    return NoRoom(message, needed=needed, available=available, could_free=could_free, again=again)


class AlreadyThere(ShelflifeError):  # noqa: N818 - likewise
    """What was to be published has the name of something that is there, which stays as it is."""

    path: str
    """That name, relative to the base path."""

    def __init__(self, path: str, what: str = "a file") -> None:
        self.path = path
        super().__init__(path, what)

    def __str__(self) -> str:
        path, what = self.args
        return f"{path} is there already ({what}), and stays as it is; choose another name, or overwrite it"


class SlotTaken(ShelflifeError):  # noqa: N818 - likewise
    """Another process has taken this slot of the schedule; this one did nothing."""


class CleanupDisabled(ShelflifeError):  # noqa: N818 - likewise
    """Scheduled cleanups are switched off by ``cleanup.enabled: false``."""

    def __init__(self, message: str = "cleanup is switched off (storage.cleanup.enabled is false)") -> None:
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error means outside Python."""

    exit_code: ExitCode
    """What the command line returns."""
    http_status: int
    """Status of the HTTP response."""
    slug: str
    """End of the problem document's ``type`` (RFC 9457); stable."""


MEANINGS: Mapping[type[ShelflifeError], Meaning] = {
    ShelflifeError: Meaning(ExitCode.USAGE, 500, "error"),
    SettingsError: Meaning(ExitCode.USAGE, 500, "settings"),
    UsageError: Meaning(ExitCode.USAGE, 422, "usage"),
    PartlyRestored: Meaning(ExitCode.SOME_FAILED, 409, "partly-restored"),
    StorageError: Meaning(ExitCode.USAGE, 503, "storage"),
    RecordsError: Meaning(ExitCode.USAGE, 503, "records"),
    NeedsApproval: Meaning(ExitCode.REFUSED, 409, "needs-approval"),
    CleanupBusy: Meaning(ExitCode.BUSY, 409, "cleanup-busy"),
    NoRoom: Meaning(ExitCode.NO_ROOM, 507, "no-room"),
    AlreadyThere: Meaning(ExitCode.USAGE, 409, "already-there"),
    SlotTaken: Meaning(ExitCode.BUSY, 409, "slot-taken"),
    CleanupDisabled: Meaning(ExitCode.REFUSED, 409, "cleanup-disabled"),
}
"""The one table: error class → exit code, HTTP status, problem type."""
