"""The site: one of an area's directories where a run removes, and what every way of removing does there.

Whatever way files go – one by one, in parcels, as units, out of the trash – their batches are journalled,
removed, counted and told by the same steps, and a disk that is read-only, failing or gone ends the area.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.errors import ShelflifeError
from shelflife.events import BatchFinished
from shelflife.files.removal import Outcome, Result
from shelflife.files.trash import Trash
from shelflife.policy.verdict import Reason
from shelflife.remove.report import AreaReport, Failure
from shelflife.remove.throttle import LONGEST_NAP

if TYPE_CHECKING:
    from shelflife.files.anchor import Anchor, Identity
    from shelflife.files.listing import Entry
    from shelflife.files.removal import Removal
    from shelflife.policy.area import Area
    from shelflife.remove.recorder import Means
    from shelflife.scan.context import Context

LARGEST_BATCH: Final = 100
"""Entries that are removed between two looks at where their directory is."""

LONGEST_BATCH: Final = 50_000_000
"""Nanoseconds between two such looks."""

_DISK_GONE: Final = (errno.EIO, errno.ESTALE, errno.ENODEV)
"""What a disk gives that fails or is gone."""

_ENOUGH_ERRORS: Final = 3
"""Errors of the disk in a row that end an area."""


class AreaLost(ShelflifeError):  # noqa: N818 - a state of the disk, not a fault of ours
    """The area's disk is read-only, failing or gone: nothing more can be done there."""


@dataclass(slots=True, kw_only=True)
class Site:
    """One of an area's directories, with what is needed to remove there. Paths are below it."""

    context: Context
    means: Means

    anchor: Anchor
    """Holds the directory."""

    area: Area

    directory: str
    """The directory, relative to the base path."""

    report: AreaReport
    """Counts what is done."""

    errors_in_a_row: int = 0
    """Errors of the disk since it last worked."""

    @property
    def batch_size(self) -> int:
        """Entries of a batch, at the most."""
        return self.means.throttle.batch_size(min(self.means.batch_size, LARGEST_BATCH))

    @property
    def trash(self) -> Trash:
        """What this run puts into the area's trash; a new object each time, which holds nothing yet."""
        owner = self.means.owner
        return Trash(self.anchor, self.means.trash_name, owner=(owner.uid, owner.gid))

    def place(self, path: str) -> str:
        """Return a path relative to the base path."""
        return f"{self.directory}/{path}"

    def failure(self, path: str, code: int) -> Failure:
        """Return what says that something could not be done."""
        return Failure(path=self.place(path), errno=code, error=os.strerror(code))

    def remove(self, fd: int, path: str, batch: list[Entry], removal: Removal) -> list[Outcome]:
        """Journal, remove and count entries of the open directory `fd`, which is `path`; return their outcomes.

        There are fewer than entries when it took too long; those of a directory that may not be written to
        were not reached.
        """
        number = self.means.recorder.intend(self.area.name, self.place(path), batch)
        outcomes = removal.batch(fd, batch, until=time.monotonic() + LONGEST_BATCH / SECOND)
        if is_denied(outcomes):
            outcomes += map(not_reached, batch[len(outcomes) :])
        self.settle(number, path, outcomes)
        return outcomes

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Surround a batch of removals: when it may go, and within the gate. Raises as `between`."""
        self.context.between()
        self.pace()
        with self.means.gate():
            yield

    def pace(self) -> None:
        """Wait until the next batch may go: outside the gate, where nobody waits for us. Raises as `between`."""
        while (delay := self.means.throttle.delay()) > 0:
            time.sleep(min(delay, LONGEST_NAP))
            self.context.between()

    def settle(self, number: int, path: str, outcomes: list[Outcome]) -> None:
        """Journal the outcomes of a batch, and count them."""
        self.means.recorder.settle(number, outcomes)
        self.means.throttle.spend(sum(outcome.is_gone for outcome in outcomes))
        for outcome in outcomes:
            self.report.add(outcome)
            if outcome.result is Result.FAILED:
                self.report.fail(self.failure(path + outcome.name, outcome.errno))

    def tell(self, path: str, outcomes: list[Outcome]) -> None:
        """Tell of a batch: outside the gate, where a listener may add holds, or take its time."""
        self.context.listener(
            BatchFinished(area=self.area.name, directory=self.place(path), outcomes=outcomes)
        )

    def watch_disk(self, code: int) -> None:
        """Take an errno, 0 for none. Raises AreaLost when the disk is read-only, or fails again and again."""
        self.errors_in_a_row = self.errors_in_a_row + 1 if code in _DISK_GONE else 0
        if code == errno.EROFS or self.errors_in_a_row >= _ENOUGH_ERRORS:
            raise AreaLost(f"{self.directory}: {os.strerror(code)}")

    def verify_root(self) -> None:
        """Raise AreaLost when the directory itself was moved or replaced. Raises OSError."""
        if not self.anchor.verify("", self.anchor.identity):
            raise AreaLost(f"{self.directory}: it was moved or replaced meanwhile")


def in_place(anchor: Anchor, path: str, held: Identity) -> bool:
    """Return whether `path` is known to lead still to the directory `held`."""
    try:
        return anchor.verify(path, held)
    except OSError:
        return False


def is_denied(outcomes: Sequence[Outcome]) -> bool:
    """Return whether a batch says that its directory may not be written to, which others would only repeat.

    EPERM alone does not: it is also what a single file gives that is immutable, or somebody else's.
    """
    codes = {outcome.errno for outcome in outcomes}
    return errno.EACCES in codes or (errno.EPERM in codes and not any(out.is_gone for out in outcomes))


def not_reached(entry: Entry) -> Outcome:
    """Return the outcome of an entry that was not tried."""
    return Outcome(entry, Result.KEPT, Reason.NOT_REACHED)
