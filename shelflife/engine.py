"""The engine: everything that can be done with a storage, behind one object.

An `Engine` holds settings and nothing else: each method opens what it needs and closes it, so one engine may be
used from several threads, before and after a fork. Methods block; each has an async twin, named with a leading
`a`, that runs in a worker thread.

What only some methods need is imported by them: a command line that cleans up does not wait for the forecast.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from shelflife.clock import SECOND, Clock
from shelflife.clock import now as system_clock
from shelflife.errors import CleanupDisabled, RecordsError, StorageError, UsageError
from shelflife.events import RunRefused, guarded
from shelflife.explain.log import RunLog
from shelflife.policy.holds import Holds
from shelflife.policy.plan import Plan
from shelflife.records.history import FileRecord, RunRecord, Totals, Trigger
from shelflife.records.marker import check_marker
from shelflife.records.statistics import Statistics, statistics_of
from shelflife.run import retention as steps
from shelflife.run.approval import offer, why_ask
from shelflife.run.lock import Holder, holder_of
from shelflife.run.run import Order, Strategy, run
from shelflife.run.sampling import take_sample
from shelflife.run.workplace import Workplace
from shelflife.scan.context import Stopped, StopWatch
from shelflife.scan.planner import PlannedFile, due_files
from shelflife.scan.root import AreaRoot
from shelflife.storage.areas import create_directories, hold_roots
from shelflife.storage.disks import disks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from shelflife.events import Listener
    from shelflife.explain.check import Finding
    from shelflife.explain.foresee import Forecast, WhatIf
    from shelflife.explain.status import Status
    from shelflife.explain.why import Answer
    from shelflife.policy.area import Area
    from shelflife.policy.holds import Hold
    from shelflife.policy.limits import LastRun
    from shelflife.records.alerts import ActiveAlert, AlertBook
    from shelflife.records.state import StateDirectory
    from shelflife.remove.report import RunReport
    from shelflife.run.pressure import DiskRelief
    from shelflife.run.restore import TrashedFile
    from shelflife.settings import Settings
    from shelflife.storage.disks import Disk

logger = logging.getLogger(__name__)

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


class Engine:
    """Plans and runs cleanups of one storage, and answers questions about it."""

    def __init__(
        self,
        settings: Settings,
        *,
        listeners: Iterable[Listener] = (),
        clock: Clock = system_clock,
    ) -> None:
        """Take `settings`; nothing is read or opened. `clock` returns ns since the epoch."""
        self.settings = settings
        self._listeners = tuple(listeners)
        self._listen = guarded((RunLog(), *self._listeners))
        self._clock = clock
        self._work = Workplace(settings=settings, listener=self._listen, clock=clock)

    def with_settings(self, settings: Settings) -> Engine:
        """Return an engine for other settings, with the same listeners and clock."""
        return Engine(settings, listeners=self._listeners, clock=self._clock)

    def now(self) -> int:
        """Return the time by the engine's clock, in ns since the epoch."""
        return self._clock()

    # -- the storage

    @property
    def areas(self) -> dict[str, Area]:
        """The areas by name, in the order of the settings."""
        return dict(self._work.areas)

    @property
    def state(self) -> StateDirectory:
        """Where the records are. Raises StorageError when the base path is not there."""
        return self._work.records.state

    def create(self) -> dict[str, Path]:
        """Make the base path and the areas' directories where they are missing; return the latter by area.

        Raises OSError and StorageError as `create_directories` says.
        """
        return create_directories(self.settings.base_path, list(self._work.areas.values()))

    def require_areas(self, areas: Iterable[str] | None = None) -> None:
        """See that no area's directory is a file or leads elsewhere by a symbolic link.

        A run goes on without such an area, and reports it; whoever can ask a person first calls this before.
        Raises StorageError, UsageError for an unknown area.
        """
        with self._work.hold_base() as base:
            for name in self._choose(areas):
                with hold_roots(base, self._work.areas[name]):
                    pass

    def adopt(self) -> None:
        """Join this storage and its journal anew, after one of them was lost or replaced.

        Whatever holds the lost journal had are gone with it. Raises StorageError, RecordsError.
        """
        records = self._work.records
        with records.open_journal() as journal:
            check_marker(records.state, journal, adopt=True)

    # -- plan and execute

    def plan(self, areas: Iterable[str] | None = None, *, at: int | None = None) -> Plan:
        """Return what a cleanup of `areas` (all, if None) would do now, or at the moment `at` (ns).

        Changes nothing but the index, and not even that where it may not write.
        Raises UsageError for an unknown area, StorageError.
        """
        chosen = [self._work.areas[name] for name in self._choose(areas)]
        holds = self._holds()
        with self._work.context(holds=holds) as context:
            return steps.make_plan(context, chosen, at=context.freshness.now if at is None else at)

    def files(self, plan: Plan) -> Iterator[PlannedFile]:
        """Yield the files that a plan would remove, as they are now. Raises OSError, StorageError."""
        holds = self._holds()
        with self._work.hold_base() as base:
            for area_plan in plan.areas:
                area = self._work.areas[area_plan.area]
                if not area_plan.due:
                    continue
                with hold_roots(base, area) as (roots, _):
                    held = {directory: AreaRoot(area, directory, anchor) for directory, anchor in roots}
                    for due in area_plan.due:
                        if due.root in held:
                            with suppress(FileNotFoundError, NotADirectoryError):  # gone since it was planned
                                yield from due_files(held[due.root], area_plan.cutoffs, due, holds)

    def needs_approval(self, plan: Plan, *, offer_it: bool = True) -> list[str]:
        """Return why a person must confirm a plan before it may run unwatched; nothing when it may.

        Where there is a reason, the plan is remembered so that `approve` can run it – if that can be written, and
        unless it was made for a time to come: its cutoffs would take what is not expired yet. Without `offer_it`
        nothing is written, and it cannot be approved.
        Raises StorageError.
        """
        last_runs: dict[str, LastRun] = {}
        with suppress(RecordsError), self._work.records.read_journal() as journal:
            last_runs = journal.approvals.last_runs() if journal else {}
        reasons = why_ask(self._work, plan, last_runs)
        if reasons and offer_it and plan.made <= self._clock():
            with suppress(RecordsError), self._work.records.open_journal() as writable:
                offer(self._work, writable, plan)
        return reasons

    def execute(
        self, plan: Plan, *, trigger: Trigger = Trigger.PROGRAM, stop: threading.Event | None = None
    ) -> RunReport:
        """Carry out a plan: remove what is before its cutoffs, after looking at each file again.

        Raises CleanupBusy, CleanupDisabled where the settings allow dry runs only, NeedsApproval unless the
        trigger is a program's own call, UsageError for a plan that was made for a time to come, StorageError,
        RecordsError.
        """
        if plan.made > self._clock():
            raise UsageError(
                f"plan {plan.id} was made for a time to come: it can be looked at, not carried out"
            )
        return self._run(Order(trigger=trigger, stop=stop), steps.Retention.of(plan))

    def approve(
        self, plan: str, *, trigger: Trigger = Trigger.CLI, stop: threading.Event | None = None
    ) -> RunReport:
        """Run the plan of that id, which a person approves by this: its cutoffs, once, within 7 days.

        Raises UsageError when there is no such plan, it is too old, or the settings changed; and as `execute`.
        """
        return self._run(Order(trigger=trigger, stop=stop), steps.Approved(plan))

    def cleanup(
        self,
        areas: Iterable[str] | None = None,
        *,
        trigger: Trigger = Trigger.PROGRAM,
        stop: threading.Event | None = None,
        batch_size: int | None = None,
        slot: int | None = None,
    ) -> RunReport:
        """Plan and execute in one go, under one lock. Setting `stop` ends it at its next batch.

        With a `slot` of the schedule (ns) it is the run of that slot, which it takes under the lock.
        Raises as `plan` and `execute` do, and SlotTaken.
        """
        return self._run(
            Order(trigger=trigger, stop=stop, batch_size=batch_size, slot=slot),
            steps.Retention(areas=tuple(self._choose(areas))),
        )

    def relieve(
        self,
        *,
        trigger: Trigger = Trigger.PRESSURE,
        stop: threading.Event | None = None,
        wait: float | None = None,
        insist: bool = False,
    ) -> list[DiskRelief]:
        """Make room on each file system that is beyond a watermark of `pressure`; return how each one stands.

        Waits while another cleanup runs, for `wait` seconds at the most (None: for as long as it takes). With
        `insist`, a person has said to go on although what went before gave no room, and beyond what goes unasked.
        Raises UsageError where no watermarks are set, CleanupDisabled where the settings allow dry runs only,
        StorageError, RecordsError.
        """
        self._refuse_when_dry()
        from shelflife.run.pressure import relieve

        return relieve(self._work, trigger=trigger, stop=stop, wait=wait, insist=insist)

    # -- holds and trash

    def hold(self, path: str | os.PathLike[str], *, until: int | None = None, reason: str = "") -> Hold:
        """Hold a file, or a directory with all below it, until a moment (ns) or until `unhold`.

        Returns when no batch of a running cleanup can still ignore it.
        Raises UsageError when it lies in no area or is not there, RecordsError, StorageError.
        """
        from shelflife.run import holds as pinning

        return pinning.add_hold(self._work, os.fspath(path), until=until, reason=reason)

    def unhold(self, path: str | os.PathLike[str]) -> list[Hold]:
        """End the hold on a path; return what was ended. Raises UsageError when there is none."""
        from shelflife.run import holds as pinning

        return pinning.end_hold(self._work, os.fspath(path))

    def holds(self, *, ended: bool = False) -> list[Hold]:
        """Return the holds that are active, the latest first; with `ended`, all there ever were."""
        from shelflife.run import holds as pinning

        return pinning.list_holds(self._work, ended=ended)

    def trash(self, areas: Iterable[str] | None = None) -> Iterator[TrashedFile]:
        """Yield what waits in the trash, by area, the oldest first. Raises StorageError."""
        from shelflife.run import restore as restoring

        return restoring.trashed_files(self._work, [self._work.areas[name] for name in self._choose(areas)])

    def restore(self, target: str, *, to: str | None = None, hold: bool = True) -> list[str]:
        """Bring back from the trash a path, or all that a run put there, by its number; return the paths.

        Nothing is ever replaced. `to` is another path for it. Unless `hold` is False, what comes back is held
        for one retention. Raises UsageError, CleanupBusy, StorageError, RecordsError.
        """
        from shelflife.run import restore as restoring

        return restoring.restore(self._work, target, to=to, hold=hold)

    def empty_trash(self, areas: Iterable[str] | None = None, *, before: int | None = None) -> RunReport:
        """Remove for good what waits in the trash, or what went there before `before` (ns).

        Holds are respected. Raises CleanupBusy, StorageError, RecordsError.
        """
        from shelflife.run.empty import EmptyTrash

        strategy = EmptyTrash(areas=tuple(self._choose(areas)), before=before)
        return self._run(Order(trigger=Trigger.TRASH), strategy)

    # -- questions

    def refresh(self, *, stop: threading.Event | None = None) -> dict[str, list[str]]:
        """Bring the index up to date; return by area what could not be looked at. Raises StorageError.

        Setting `stop` ends it at the next directory, with nothing to report.
        """
        with self._work.context(watch=StopWatch(stop)) as context:
            try:
                return steps.refresh(context, self._work.areas.values())
            except Stopped:
                return {}

    def stats(self, *, refresh: bool = False) -> Statistics:
        """Return the storage in numbers, as of the last scan, or scanned now. Raises StorageError."""
        if refresh:
            with self._work.context() as context:
                errors = steps.refresh(context, self._work.areas.values())
                return statistics_of(self._work.areas.values(), context.index, errors)
        with self._work.records.read_index() as index:
            return statistics_of(self._work.areas.values(), index)

    def totals(self) -> Totals:
        """Return what all executed runs together did. Raises RecordsError, StorageError."""
        with self._work.records.read_journal() as journal:
            return journal.history.totals() if journal else Totals()

    def history(self, *, limit: int = 50, before: int | None = None) -> list[RunRecord]:
        """Return runs, the latest first; those before run number `before`. Raises as `totals`."""
        with self._work.records.read_journal() as journal:
            return journal.history.runs(limit=limit, before=before) if journal else []

    def run(self, number: int) -> RunRecord:
        """Return one run. Raises UsageError when there is none of that number."""
        with self._work.records.read_journal() as journal:
            record = journal.history.run(number) if journal else None
        if record is None:
            raise UsageError(f"there is no run {number}; `shelflife history` lists them")
        return record

    def run_files(self, number: int) -> Iterator[FileRecord]:
        """Yield what became of each file that a run meant to remove, as far as it is still remembered."""
        with self._work.records.read_journal() as journal:
            if journal is not None:
                yield from journal.files.of_run(number)

    def holder(self) -> Holder | None:
        """Return who runs a cleanup now, if anybody. Raises StorageError."""
        return holder_of(self.state)

    def why(self, path: str | os.PathLike[str]) -> Answer:
        """Return what will happen to a path, when and by which rule, or what happened to it.

        Raises UsageError for an empty path, StorageError when the base path is not there.
        """
        from shelflife.explain.why import explain

        return explain(
            os.fspath(path),
            settings=self.settings,
            areas=self._work.areas,
            records=self._work.records,
            now=self._clock(),
        )

    def check(self) -> list[Finding]:
        """Return whether the storage can be looked after as it is. Creates nothing; a fault is a finding."""
        try:
            records = self._work.records
        except StorageError:
            records = None
        from shelflife.explain.check import check_storage

        return check_storage(
            settings=self.settings, areas=self._work.areas, records=records, now=self._clock()
        )

    def status(self) -> Status:
        """Return how it stands: what is wrong, what waits for a person, what comes next. Changes nothing."""
        from shelflife.explain.status import status_of

        return status_of(self._work)

    def whatif(self, changes: Mapping[str, object]) -> WhatIf:
        """Return what other settings of areas would mean: `{"uploads.retention": "3d", "frames.quota": "50GB"}`.

        From the index and the journal alone, to the hour; nothing is changed.
        Raises UsageError for an unknown area, SettingsError, StorageError.
        """
        from shelflife.explain.foresee import what_if

        return what_if(self._work, self.settings.with_areas(changes))

    def forecast(self) -> Forecast:
        """Return what expires on the coming days, and when the disks will be full. Raises StorageError."""
        from shelflife.explain.foresee import forecast

        return forecast(self._work)

    def sample(self, *, at_most_every: float = 0.0) -> bool:
        """Record how much there is, for the forecast, unless that was done within so many seconds.

        Every run does it as well. Raises RecordsError, StorageError.
        """
        now = self._clock()
        with self._work.records.read_journal() as journal:
            if journal is not None and now - journal.usage.last() < at_most_every * SECOND:
                return False
        with self._work.hold_base() as base, self._work.records.read_index() as index:
            if index is None:
                return False
            with self._work.records.open_journal() as writable:
                take_sample(writable.usage, base, index, self._work.areas, now)
        return True

    def disks(self) -> list[Disk]:
        """Return the file systems that the areas are on, and how full they are. Raises StorageError."""
        with self._work.hold_base() as base:
            return disks_of(base, self._work.areas.values())

    # -- alerts

    @contextmanager
    def alert_book(self) -> Iterator[AlertBook]:
        """Open the book of what people were told, to write. Raises RecordsError, StorageError."""
        with self._work.records.open_journal() as journal:
            yield journal.alerts

    def alerts(self) -> list[ActiveAlert]:
        """Return the alerts that have not ended, the latest first. Raises RecordsError, StorageError."""
        with self._work.records.read_journal() as journal:
            return journal.alerts.active() if journal else []

    def message_delivered(self, message: int) -> None:
        """Record that a message to people was delivered. Raises RecordsError, StorageError."""
        with self.alert_book() as book:
            book.delivered(message, at=self._clock())

    # -- the schedule's records

    def claim_slot(self, slot: int) -> bool:
        """Take a slot of the schedule (ns) for this storage; False when somebody has it already."""
        with self._work.records.open_journal() as journal:
            return journal.slots.claim(slot, at=self._clock())

    def begin_slots(self, slot: int) -> None:
        """Let the schedule count from a slot (ns), when none up to now was ever taken."""
        with self._work.records.open_journal() as journal:
            journal.slots.begin(slot, at=self._clock())

    def is_claimed(self, slot: int) -> bool:
        """Return whether a slot is taken."""
        with self._work.records.read_journal() as journal:
            return journal is not None and journal.slots.is_claimed(slot)

    def last_slot(self, *, until: int | None = None) -> int | None:
        """Return the time (ns) of the latest slot that was taken; of those up to `until` (ns), if given."""
        with self._work.records.read_journal() as journal:
            return journal.slots.last(until=until) if journal else None

    def last_run_within(self, seconds: float) -> RunRecord | None:
        """Return the latest run that came to its end within the last `seconds`."""
        with self._work.records.read_journal() as journal:
            since = self._clock() - int(seconds * SECOND)
            return journal.history.completed_since(since) if journal else None

    def refuse(self, reason: str, *, trigger: Trigger) -> int:
        """Record that a run that was due did not start, and why; return its number."""
        self._listen(RunRefused(reason=reason))
        with self._work.records.open_journal() as journal:
            return journal.runs.refuse(
                trigger=trigger, host=socket.gethostname(), pid=os.getpid(), at=self._clock(), reason=reason
            )

    # -- async twins

    async def aplan(self, areas: Iterable[str] | None = None, *, at: int | None = None) -> Plan:
        """Do `plan` in a worker thread."""
        return await _in_thread(self.plan, areas, at=at)

    async def aexecute(self, plan: Plan, *, trigger: Trigger = Trigger.PROGRAM) -> RunReport:
        """Do `execute` in a worker thread; cancelled, the run ends at its next batch."""
        with _stopped_when_cancelled() as stop:
            return await _in_thread(self.execute, plan, trigger=trigger, stop=stop)

    async def acleanup(
        self, areas: Iterable[str] | None = None, *, trigger: Trigger = Trigger.PROGRAM
    ) -> RunReport:
        """Do `cleanup` in a worker thread; cancelled, the run ends at its next batch."""
        with _stopped_when_cancelled() as stop:
            return await _in_thread(self.cleanup, areas, trigger=trigger, stop=stop)

    async def arelieve(self) -> list[DiskRelief]:
        """Do `relieve` in a worker thread; cancelled, it ends at its next batch."""
        with _stopped_when_cancelled() as stop:
            return await _in_thread(self.relieve, stop=stop)

    async def awhatif(self, changes: Mapping[str, object]) -> WhatIf:
        """Do `whatif` in a worker thread."""
        return await _in_thread(self.whatif, changes)

    async def aforecast(self) -> Forecast:
        """Do `forecast` in a worker thread."""
        return await _in_thread(self.forecast)

    async def astats(self, *, refresh: bool = False) -> Statistics:
        """Do `stats` in a worker thread."""
        return await _in_thread(self.stats, refresh=refresh)

    def running(self, *, load: Callable[[], Settings] | None = None) -> AbstractAsyncContextManager[object]:
        """Keep the schedule while an application runs: `async with engine.running():` (extra `schedule`).

        For those who compose lifespans by hand; `shelflife.web.router` brings a lifespan of its own. It is
        `shelflife.schedule.running.running`, where the rest is said.
        """
        # The one way up: the name is promised here, and what it means is looked for when somebody asks.
        schedule = import_module("shelflife.schedule.running")
        return cast("AbstractAsyncContextManager[object]", schedule.running(self, load=load))

    # -- inside

    def _choose(self, areas: Iterable[str] | None) -> list[str]:
        """Return the keys of the areas that are named, each once; of all, if None."""
        if areas is None:
            return list(self._work.areas)
        return list(dict.fromkeys(self.settings.area_name(name) for name in areas))

    def _holds(self) -> Holds:
        """Return the holds for a preview, which who may not read the journal gets without them."""
        try:
            with self._work.records.read_journal() as journal:
                return journal.holds.active(self._clock()) if journal else Holds()
        except RecordsError as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            logger.warning("%s; the preview leaves out what is held", error)
            return Holds()

    def _run(self, order: Order, strategy: Strategy) -> RunReport:
        self._refuse_when_dry()
        report = run(self._work, order, strategy)
        assert report is not None  # noqa: S101 - these strategies always have something to record
        return report

    def _refuse_when_dry(self) -> None:
        if self.settings.cleanup.dry_run:
            raise CleanupDisabled("only dry runs are allowed: cleanup.dry_run is true in the configuration")


async def _in_thread(work: Callable[_Given, _Found], *args: _Given.args, **kwargs: _Given.kwargs) -> _Found:
    import asyncio  # by then it is loaded: a command line need not wait for it

    return await asyncio.to_thread(work, *args, **kwargs)


@contextmanager
def _stopped_when_cancelled() -> Iterator[threading.Event]:
    """Give the event that stops a run, set when the task that waits for the run is cancelled."""
    stop = threading.Event()
    try:
        yield stop
    finally:  # a run that came to its end does not look any more
        stop.set()
