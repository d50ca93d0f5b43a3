"""One unit: taken aside, looked at there, and put back or let go.

What is looked at file by file could change while it is looked at. So a unit is first taken aside, by one rename
into `.trash/<run>/`, where no path of the service leads any more; looked at there; and then removed, or put back
under its old name – never over something that took the name meanwhile. A unit that cannot be put back stays in
the trash and is reported as displaced.

Some directories cannot be renamed: those of a lower layer of overlayfs. Where the area has no trash, such a unit
is looked at where it is, and its files go from there when all of it goes; for a trash it is a failure.
"""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shelflife.errors import ShelflifeError
from shelflife.files import rename
from shelflife.files.listing import is_there
from shelflife.files.removal import Outcome, Result
from shelflife.files.trash import DISPLACED
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.rules import judge_unit
from shelflife.policy.verdict import Reason
from shelflife.records.history import BatchKind
from shelflife.remove.batch import LOOKS, BatchResult, Portion
from shelflife.scan.context import Stopped
from shelflife.scan.unit import read_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.files.listing import Entry
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.remove.root import Root
    from shelflife.scan.unit import Member, UnitReading

_CANNOT_BE_RENAMED: Final = (errno.EXDEV, errno.EINVAL)
"""What the rename of a directory gives that the file system can only copy, which nobody here does."""


@dataclass(slots=True)
class UnitPortion(Portion):
    """A unit: the one entry. Its files are recorded by themselves."""

    kind: BatchKind = BatchKind.UNIT

    files: int = field(default=0, kw_only=True)
    """How many it has, about."""

    anchor: Anchor = field(kw_only=True)
    """What it is below, under its name: that changes when it is taken aside."""

    members: Sequence[Member] = ()
    """Its directories, as they were when it was decided on."""

    stays: bool = False
    """Whether it is under its name all the same: it was put back, or could not be taken aside."""

    @property
    def name(self) -> str:
        """Its own name."""
        return self.entries[0].name

    @property
    def weight(self) -> int:
        """See `Portion`."""
        return 1 + self.files // LOOKS

    @property
    def goes(self) -> bool:
        """Whether it was decided that it goes."""
        return bool(self.outcomes) and self.outcomes[0].result is Result.REMOVED


def reason_to_keep(
    root: Root, anchor: Anchor, name: str, cutoffs: Cutoffs
) -> tuple[Reason | None, UnitReading | None]:
    """Look at a unit, where it was or was taken to; return why it must not go, or None, and what is there.

    Raises as `Context.between` and `Context.holds`.
    """
    try:
        found = read_unit(
            root.place_in(anchor),
            f"{name}/",
            holds=root.context.holds(),
            guarded=root.area.in_use,
            cutoffs=cutoffs,
            between=root.context.between,
        )
    except OSError:
        return Reason.CHANGED, None
    verdict = judge_unit(found.unit, cutoffs)
    return (None if verdict.remove else verdict.reason), found


class Aside:
    """The way in which units are taken aside and decided on."""

    def __init__(self, root: Root, trash: Anchor, cutoffs: Cutoffs) -> None:
        """Take units before `cutoffs` of `root` into `trash`."""
        self._root = root
        self._trash = trash
        self._cutoffs = cutoffs

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[BatchResult]:
        """See `Way`."""
        self._root.verify()
        steps: list[BatchResult] = []
        for unit in portions:
            if steps and time.monotonic_ns() >= until:
                break
            assert isinstance(unit, UnitPortion)  # noqa: S101 - nothing else goes this way
            try:
                outcome = self._take(unit)
            except (Stopped, ShelflifeError):
                if not steps:
                    raise
                break  # what was decided on is recorded first; then it is asked again
            steps.append(BatchResult([outcome]))
            if outcome.result is Result.FAILED:
                break  # the disk may be the reason
        return [*steps, *[BatchResult()] * (len(portions) - len(steps))]

    def _take(self, unit: UnitPortion) -> Outcome:
        """Take a unit aside, and look; return whether it goes. What does not go is put back.

        Also whatever fails on the way to the decision puts it back: not decided means not due.
        """
        entry, name = unit.entries[0], unit.name
        try:
            rename.take_aside(self._root.anchor.fd, name, self._trash.fd, name)
        except OSError as error:
            return self._not_taken(unit, entry, error.errno or 0)
        try:
            outcome = self._decide(unit, entry, self._trash)
        except BaseException:
            put_back(self._root, self._trash, name)
            raise
        if outcome.result is not Result.REMOVED:
            put_back(self._root, self._trash, name)
        return outcome

    def _decide(self, unit: UnitPortion, entry: Entry, anchor: Anchor) -> Outcome:
        reason, found = reason_to_keep(self._root, anchor, unit.name, self._cutoffs)
        if reason is not None:
            return Outcome(entry, Result.KEPT, reason)
        unit.anchor, unit.members = anchor, () if found is None else found.members
        unit.stays = anchor is self._root.anchor
        return Outcome(entry, Result.REMOVED)

    def _not_taken(self, unit: UnitPortion, entry: Entry, code: int) -> Outcome:
        if code in _CANNOT_BE_RENAMED and self._root.area.trash is None:
            return self._decide(unit, entry, self._root.anchor)
        if code == errno.ENOENT and not is_there(self._root.anchor.fd, unit.name):
            return Outcome(entry, Result.KEPT, Reason.VANISHED)
        return Outcome(entry, Result.FAILED, errno=code)


def put_back(root: Root, trash: Anchor, name: str) -> bool:
    """Put a unit that was taken aside back under its name; return False when it was displaced."""
    try:
        rename.put_back(trash.fd, name, root.anchor.fd, name)
    except OSError as error:
        with root.lock:
            root.report.displaced += 1
            root.report.errors.append(
                f"{root.place(name)}: changed while it was looked at, and cannot be put back "
                f"({error.strerror}); it waits in {root.place(TRASH_DIRECTORY)}/{DISPLACED}"
            )
        root.trash.displace("", trash.fd, name)
        return False
    return True


def put_back_all(root: Root, units: Iterable[UnitPortion], trash: Anchor) -> None:
    """Put back units that were decided on, of which nothing has gone."""
    for unit in units:
        if unit.anchor is trash:
            put_back(root, trash, unit.name)
        unit.stays = True


def fail(root: Root, name: str, code: int) -> None:
    """Count a unit that could not be worked on, unless it is gone. Raises AreaLost when the disk fails."""
    if code == errno.ENOENT:
        return
    with root.lock:
        root.report.fail(root.failure(name, code))
    root.watch_disk(code)
