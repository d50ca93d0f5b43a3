"""The root: one of an area's directories where a run works, and what it works with."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from shelflife.errors import ShelflifeError
from shelflife.files.trash import Trash
from shelflife.policy.area import place_of
from shelflife.remove.report import AreaReport, Failure
from shelflife.remove.throttle import Throttle
from shelflife.storage.root import AreaRoot

if TYPE_CHECKING:
    from shelflife.files.anchor import Anchor
    from shelflife.files.trash import TrashName
    from shelflife.policy.area import Area
    from shelflife.records.state import Owner
    from shelflife.remove.recorder import Recorder
    from shelflife.scan.context import Context

LARGEST_BATCH: Final = 100
"""Entries that are removed between two looks at where their directory is."""

_DISK_GONE: Final = (errno.EIO, errno.ESTALE, errno.ENODEV)
"""What a disk gives that fails or is gone."""

_ENOUGH_ERRORS: Final = 3
"""Errors of the disk in a row that end an area."""


class AreaLost(ShelflifeError):  # noqa: N818 - a state of the disk, not a fault of ours
    """The area's disk is read-only, failing or gone: nothing more can be done there."""


class Gate(Protocol):
    """Surrounds each batch, so that whoever adds a hold can wait until no batch can still ignore it."""

    def batch(self) -> AbstractContextManager[object]:
        """Return what surrounds one batch. May raise `Stopped` instead of letting it begin."""


class OpenGate:
    """A gate at which nobody waits."""

    def batch(self) -> AbstractContextManager[object]:
        """See `Gate`."""
        return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run removes."""

    recorder: Recorder

    trash_name: TrashName
    """Where in an area's trash this run puts what it removes."""

    owner: Owner
    """Whom what is created belongs to."""

    batch_size: int
    """Entries between two looks at the holds, and at where their directory is."""

    retries: int
    """Further tries after a transient error."""

    throttle: Throttle = field(default_factory=Throttle)
    """How fast files go."""

    one_by_one: bool = False
    """Whether to look between any two batches if to go on, and so to do nothing in advance."""

    gate: Gate = field(default_factory=OpenGate)


@dataclass(slots=True, kw_only=True)
class Root:
    """One of an area's directories, held open, with what is needed to remove there. Paths are below it."""

    context: Context
    options: Options

    anchor: Anchor
    """Holds the directory."""

    area: Area

    directory: str
    """The directory, relative to the base path."""

    report: AreaReport
    """Counts what is done."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held to count."""

    _errors_in_a_row: int = 0
    """Errors of the disk since it last worked."""

    @classmethod
    def at(cls, place: AreaRoot, context: Context, options: Options, report: AreaReport) -> Root:
        """Return the root for a run to work in one of an area's directories, and to count in `report`."""
        area, directory, anchor = place
        return cls(
            context=context, options=options, anchor=anchor, area=area, directory=directory, report=report
        )

    def place_in(self, anchor: Anchor) -> AreaRoot:
        """Return the directory as it would be seen where `anchor` leads, such as what was taken aside."""
        return AreaRoot(self.area, self.directory, anchor)

    @property
    def batch_size(self) -> int:
        """Entries of a batch, at the most."""
        return self.options.throttle.batch_size(min(self.options.batch_size, LARGEST_BATCH))

    @property
    def trash(self) -> Trash:
        """What this run puts into the area's trash; a new object each time, which holds nothing yet."""
        return Trash(self.anchor, self.options.trash_name, owner=self.options.owner.ids)

    def place(self, path: str) -> str:
        """Return a path relative to the base path."""
        return place_of(self.directory, path)

    def failure(self, path: str, code: int) -> Failure:
        """Return what says that something could not be done."""
        return Failure(path=self.place(path) or self.directory, errno=code, error=os.strerror(code))

    def watch_disk(self, code: int) -> None:
        """Take an errno, 0 for none. Raises AreaLost when the disk is read-only, or fails again and again."""
        self._errors_in_a_row = self._errors_in_a_row + 1 if code in _DISK_GONE else 0
        if code == errno.EROFS or self._errors_in_a_row >= _ENOUGH_ERRORS:
            raise AreaLost(f"{self.directory}: {os.strerror(code)}")

    def verify(self) -> None:
        """Raise AreaLost when the directory itself was moved or replaced. Raises OSError."""
        if not self.anchor.verify("", self.anchor.identity):
            raise AreaLost(f"{self.directory}: it was moved or replaced meanwhile")
