"""The journal as the rest of the program sees it: small books, each of one thing, behind which a database is.

A journal is open for as long as the context lasts that `Records.open_journal` or `Records.read_journal` gives.
What is written is durable when the call returns, each call being one transaction. All raise RecordsError if the
database fails. An implementation has to pass `tests/unit/records/contract`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from shelflife.errors import RecordsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shelflife.policy.limits import LastRun
    from shelflife.records.access import TokenBook
    from shelflife.records.acts import ActBook
    from shelflife.records.alerts import AlertBook
    from shelflife.records.event_log import EventBook
    from shelflife.records.history import (
        Code,
        FileRecord,
        Intent,
        OfferedPlan,
        OpenBatch,
        RunRecord,
        RunState,
        Settled,
        Totals,
        Trigger,
        UnitRecord,
    )
    from shelflife.records.holds import HoldBook, HoldWatch
    from shelflife.records.pressure import PressureBook
    from shelflife.records.replies import ReplyBook
    from shelflife.records.tallies import TallyBook
    from shelflife.records.trash import TrashBook
    from shelflife.records.usage import UsageBook


class JournalFull(RecordsError):  # noqa: N818 - a state of the disk, not a fault
    """The disk has no room for what was to be recorded; nothing of it was."""


class KeyTaken(RecordsError):  # noqa: N818 - a state, not a fault
    """A run with that key was begun before; it is not begun again."""

    def __init__(self, run: int) -> None:
        self.run = run
        super().__init__(f"run {run} was begun by this request already")


class RunBook(Protocol):
    """The beginning and the end of each run. Numbers grow, and none is given twice."""

    def begin(self, *, trigger: Trigger, host: str, pid: int, at: int) -> int:
        """Record that a run begins, by planning, for whoever acts; return its number.

        Raises KeyTaken if it was begun before, by its actor's key.
        """

    def carry_out(self, run: int, *, plan: str, cutoffs: dict[str, Any]) -> None:
        """Record that what a run has planned is carried out from now on."""

    def withdraw(self, run: int) -> None:
        """Forget a run that found nothing to do."""

    def drop(
        self,
        run: int,
        *,
        at: int,
        state: RunState,
        plan: str = "",
        reason: str,
        report: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Record that a run ended before it changed anything. It counts in no totals."""

    def refuse(self, *, trigger: Trigger, host: str, pid: int, at: int, reason: str) -> int:
        """Record that a run did not start; return its number. It counts in no totals."""

    def finish(self, run: int, *, at: int, state: RunState, report: dict[str, Any], reason: str = "") -> None:
        """Record that a run ended, and add it to the totals, unless it only brought something back.

        To be called once for a run.
        """


class History(Protocol):
    """What happened, as far back as it is remembered."""

    def runs(self, *, limit: int = 50, before: int | None = None) -> list[RunRecord]:
        """Return runs, the latest first; those before run number `before`."""

    def run(self, number: int) -> RunRecord | None:
        """Return one run."""

    def unfinished(self) -> list[RunRecord]:
        """Return the runs without an end, the earliest first. Under the lock, their processes have died."""

    def last_cleanup(self) -> RunRecord | None:
        """Return the latest cleanup that is not going on, however it ended; refused ones are such."""

    def last_started(self) -> RunRecord | None:
        """Return the latest cleanup that started and is not going on, however it ended."""

    def totals(self) -> Totals:
        """Return what all executed runs together did, those that are forgotten included."""


class Removals(Protocol):
    """What is about to be removed, and what became of it: by the batch, the intent before the effect."""

    def exchange(self, settled: Sequence[Settled], intents: Sequence[Intent]) -> list[int]:
        """Record outcomes and what is intended next, all or nothing; return a number for each intent.

        May be called by several threads. Raises JournalFull if there is no room: the same may be tried again.
        """

    def open_batches(self, run: int) -> list[OpenBatch]:
        """Return the batches of a run whose outcomes are not known."""

    def resolve(self, batch: int, outcomes: Sequence[Code]) -> None:
        """Record what became of the files of an open batch."""

    def units(self, run: int) -> list[UnitRecord]:
        """Return the directories that a run took aside as one, or was about to."""


class FileHistory(Protocol):
    """What became of single files, as far back as that is remembered."""

    def of_run(self, run: int, *, directories: bool = False, after: int = -1) -> Iterator[FileRecord]:
        """Yield what became of each file that a run meant to remove, in the order of the run.

        With `directories`, also the empty directories that it removed. With `after`, the `cursor` of a record,
        what comes after that; however far that is, it costs the same.
        """

    def of_path(self, path: str) -> list[FileRecord]:
        """Return what runs did to what was at `path` (relative to the base path), the latest first.

        That is a file, a link, or an empty directory; or a directory above it that came back from the trash.
        """

    def latest_below(self, path: str) -> FileRecord | None:
        """Return the file below the directory at `path` (relative to the base path) that went last."""


class Slots(Protocol):
    """Which slots of the schedule somebody has taken. Moments in ns."""

    def claim(self, slot: int, *, at: int) -> bool:
        """Take a slot; False if somebody has it already. Of several callers, one gets True."""

    def begin(self, slot: int, *, at: int) -> None:
        """Let the schedule count from a slot, if none up to now (`at`) was ever taken."""

    def is_claimed(self, slot: int) -> bool:
        """Return whether a slot is taken."""

    def last(self, *, until: int | None = None) -> int | None:
        """Return the latest slot that was taken; of those up to `until`, if given."""


class Approvals(Protocol):
    """Plans that a person may approve, and what a plan is compared with."""

    def last_runs(self) -> dict[str, LastRun]:
        """Return what is remembered of each area that was ever cleaned."""

    def remember(self, areas: Mapping[str, LastRun]) -> None:
        """Record by what the next cleanups of areas are judged."""

    def offer(self, plan: OfferedPlan) -> None:
        """Record a plan that a person may approve; one that is recorded already stays as it is."""

    def offered(self, plan: str) -> OfferedPlan | None:
        """Return a plan that a person may approve, until it has served a run to its end."""

    def waiting(self, since: int) -> list[OfferedPlan]:
        """Return the plans made since a moment (ns) that have not served a run to its end, the latest first."""

    def approved_since(self, since: int) -> list[OfferedPlan]:
        """Return the plans approved from a moment (ns) on that have not served a run to its end; latest first."""

    def approve(self, plan: str, *, at: int) -> None:
        """Record that a person approved a plan at a moment (ns)."""

    def use(self, plan: str, run: int) -> None:
        """Record that an approved plan served a run to its end: it serves no other."""


class StorageIdentity(Protocol):
    """The UUID that the journal shares with its storage."""

    @property
    def is_blank(self) -> bool:
        """Whether the journal knows of no run and no hold."""

    def current(self) -> str | None:
        """Return the UUID, if there is one."""

    def claim(self, identity: str) -> str:
        """Give the journal a UUID, unless it has one; return the one that it has."""

    def forget(self) -> None:
        """Take back the UUID: the storage could not be marked with it."""


class Journal(Protocol):
    """The journal of one storage, open: its books, and what concerns all of them."""

    @property
    def runs(self) -> RunBook:
        """The beginning and the end of each run."""

    @property
    def history(self) -> History:
        """What happened."""

    @property
    def removals(self) -> Removals:
        """What is about to be removed, and what became of it."""

    @property
    def files(self) -> FileHistory:
        """What became of single files."""

    @property
    def slots(self) -> Slots:
        """Which slots of the schedule are taken."""

    @property
    def approvals(self) -> Approvals:
        """Plans that a person may approve."""

    @property
    def identity(self) -> StorageIdentity:
        """The UUID that the journal shares with its storage."""

    @property
    def holds(self) -> HoldBook:
        """What people pinned."""

    @property
    def alerts(self) -> AlertBook:
        """What people were told."""

    @property
    def events(self) -> EventBook:
        """What changed, in the order in which it was recorded."""

    @property
    def tokens(self) -> TokenBook:
        """Who may what, over HTTP."""

    @property
    def acts(self) -> ActBook:
        """Who did what."""

    @property
    def replies(self) -> ReplyBook:
        """What requests with a key were answered."""

    @property
    def usage(self) -> UsageBook:
        """How much there was."""

    @property
    def trash(self) -> TrashBook:
        """What waits in the trash."""

    @property
    def tallies(self) -> TallyBook:
        """What all ended runs add up to."""

    @property
    def pressure(self) -> PressureBook:
        """What looks at disks that are too full tell later ones."""

    @property
    def is_outdated(self) -> bool:
        """Whether somebody else wrote the journal in a way that this one does not see.

        So it is where this one had to go on in memory because the disk was full, and there was room again for
        another process: it may have added a hold.
        """

    def watch_holds(self, *, clock: Callable[[], int]) -> HoldWatch:
        """Return the active holds, kept up to date."""

    def trim(self, *, runs_before: int, files_before: int, max_bytes: int) -> None:
        """Forget runs before `runs_before`, and files: of runs before `files_before`, and beyond `max_bytes`.

        Moments are in ns, `max_bytes` is the size of the database; the oldest files go first. A run that is going
        on is never forgotten, nor are the totals.
        """
