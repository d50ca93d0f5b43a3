"""A run: one execution of a plan, from the lock to the record.

Under the lock: see that the journal belongs to this storage, complete what a killed run left open, take the
slot of the schedule, plan, ask for approval where the limits want one, remove, record.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shelflife.errors import NeedsApproval, SlotTaken, StorageError, UsageError
from shelflife.events import Listener, RunFinished, RunRefused, RunStarted
from shelflife.files.anchor import identity_of
from shelflife.files.mounts import NETWORK, file_system_of
from shelflife.files.trash import TrashName
from shelflife.files.worker_pool import WorkerPool
from shelflife.policy.area import Area, areas_of
from shelflife.policy.cutoff import Cause, Cutoff
from shelflife.policy.holds import Holds
from shelflife.policy.limits import (
    APPROVAL_LASTS,
    LastRun,
    interval_of,
    is_under,
    reasons_to_ask,
    settings_of,
)
from shelflife.policy.plan import AreaPlan, Plan
from shelflife.records.history import OfferedPlan, RunState, Trigger
from shelflife.records.marker import check_marker
from shelflife.records.sqlite.index_file import open_index
from shelflife.records.sqlite.journal import Journal
from shelflife.records.sqlite.journal_file import open_journal
from shelflife.records.state import Owner, StateDirectory
from shelflife.remove.recorder import Means, Recorder
from shelflife.remove.throttle import Throttle
from shelflife.run.lock import Lock, cleanup_lock
from shelflife.run.recovery import Recovery
from shelflife.run.retention import carry_out, make_plan
from shelflife.run.sampling import take_sample
from shelflife.scan.context import Context, Stopped
from shelflife.scan.refresh import freshness_at
from shelflife.storage.areas import hold_base

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from shelflife.remove.report import AreaReport, RunReport
    from shelflife.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What every operation on a storage starts from."""

    settings: Settings
    listener: Listener
    clock: Callable[[], int]
    areas: Mapping[str, Area] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "areas", areas_of(self.settings))

    @property
    def state(self) -> StateDirectory:
        """Where the records are. Raises StorageError when the base path is not there."""
        with self.hold_base():
            return StateDirectory(
                self.settings.state_path, self.settings.home_path, Owner.of(self.settings.base_path)
            )

    @contextmanager
    def hold_base(self) -> Iterator[int]:
        """Hold the base path open, as a context. Raises StorageError that says what is wrong with it."""
        with hold_base(self.settings.base_path, require_mount=self.settings.require_mount) as base:
            yield base

    @contextmanager
    def context(
        self,
        *,
        holds: Callable[[], Holds] = Holds,
        between: Callable[[], None] = lambda: None,
    ) -> Iterator[Context]:
        """Open the index, and give what looking needs. Raises StorageError, RecordsError."""
        index_settings = self.settings.index
        with (
            self.hold_base() as base,
            open_index(self.state) as index,
            WorkerPool(self.settings.cleanup.workers) as pool,
        ):
            yield Context(
                base=base,
                index=index,
                freshness=freshness_at(
                    self.clock(), settle=index_settings.settle, rescan_after=index_settings.rescan_after
                ),
                listener=self.listener,
                between=self._watching(base, between),
                holds=holds,
                pool=pool,
            )

    def _watching(self, base: int, between: Callable[[], None]) -> Callable[[], None]:
        """Return `between` with a look at whether the held base path is still what its path leads to."""
        held = identity_of(base)

        def look() -> None:
            between()
            try:
                status = os.stat(self.settings.base_path)
            except OSError as error:
                raise StorageError(f"the base path {self.settings.base_path}: {error.strerror}") from error
            if (status.st_dev, status.st_ino) != held:
                raise StorageError(f"the base path {self.settings.base_path} was moved or replaced meanwhile")

        return look


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run, by whom, and on what conditions."""

    areas: tuple[str, ...] = ()
    """What to plan and execute, unless there is a plan."""

    plan: Plan | None = None
    """A plan that was made before."""

    approved: str | None = None
    """Id of a plan that a person approved: its cutoffs are used."""

    trigger: Trigger = Trigger.PROGRAM
    """Who asks. A program's own call is an explicit act: it needs no approval."""

    stop: threading.Event | None = None
    """Set, it ends the run at its next batch."""

    batch_size: int | None = None

    slot: int | None = None
    """The slot of the schedule that this is the run of, in ns since the epoch."""


def run(work: Workplace, order: Order, kind: Callable[..., Run] | None = None) -> RunReport:
    """Execute an order, by another kind of run if one is given, and return what it did.

    Raises CleanupBusy, SlotTaken, NeedsApproval, StorageError, RecordsError, UsageError.
    """
    try:
        state = work.state
        _refuse_network(state)
        with cleanup_lock(state, f"cleanup by {order.trigger}") as lock, open_journal(state) as journal:
            check_marker(state, journal)
            return (kind or Run)(work, order, lock, journal).execute()
    except OSError as error:  # of a file or directory it is an outcome; this one is of the storage as a whole
        raise StorageError(f"the storage {work.settings.base_path} fails: {error}") from error


class Run:
    """One run, under the lock. Other kinds choose, carry out and remember in other ways."""

    def __init__(self, work: Workplace, order: Order, lock: Lock, journal: Journal) -> None:
        self._work = work
        self._order = order
        self._lock = lock
        self._journal = journal

    def execute(self) -> RunReport:
        """Plan, ask, remove, record; return what was done."""
        holds = self._journal.watch_holds(clock=self._work.clock)
        with self._work.context(holds=holds.current, between=self._between) as context:
            slot = self._order.slot
            if slot is not None and not self._journal.claim_slot(slot, at=self._work.clock()):
                raise SlotTaken("another process has taken this slot of the schedule")
            owner = Owner.of(self._work.settings.base_path)
            areas, clock = self._work.areas, self._work.clock
            recovery = Recovery(self._journal, context, areas, owner=owner, clock=clock)
            recovery.run()
            plan = self.choose(context)
            self.ask(plan)
            return self._carry_out(context, plan, owner, recovery)

    def _between(self) -> None:
        """Show progress, and end the run when it was asked to stop."""
        self._lock.beat()
        if self._order.stop is not None and self._order.stop.is_set():
            raise Stopped
        self._see_journal()

    @contextmanager
    def _gate(self) -> Iterator[None]:
        """Surround a batch, which begins with a look at the holds as they are now."""
        with self._lock.batch():
            self._see_journal()
            yield

    def _see_journal(self) -> None:
        """End the run when it does not see what others write into the journal: holds, above all."""
        if self._journal.is_outdated:
            logger.warning("the journal was written by somebody else meanwhile; the next run goes on")
            raise Stopped

    def choose(self, context: Context) -> Plan:
        """Return the plan: a new one, or one that was made before, with what is before its cutoffs now."""
        made, cutoffs = context.freshness.now, None
        if self._order.approved is not None:
            made, cutoffs = self._approved(self._order.approved)
        elif self._order.plan is not None:
            made = self._order.plan.made
            cutoffs = {area.area: area.cutoff for area in self._order.plan.areas}
            self._refuse_future(made)
        try:
            areas = [self._work.areas[name] for name in cutoffs or self._order.areas]
            return make_plan(context, areas, at=made, cutoffs=cutoffs)
        except Stopped:
            begun = [AreaPlan(area=name, cutoff=cutoff) for name, cutoff in (cutoffs or {}).items()]
            return Plan(made=made, areas=tuple(begun))

    def _refuse_future(self, made: int) -> None:
        """Refuse what was planned for a later moment: what is expired then need not be so now."""
        if made > self._work.clock():
            raise UsageError("the plan was made for a moment that has not come yet; make a new one")

    def _approved(self, number: str) -> tuple[int, dict[str, Cutoff | None]]:
        """Return when an approved plan was made (ns), and its cutoffs. Raises UsageError when it is none."""
        offered = self._journal.offered(number)
        if offered is None:
            raise UsageError(f"there is no plan {number} to approve; a refused cleanup names its plan")
        self._refuse_future(offered.made)
        if self._work.clock() - offered.made > APPROVAL_LASTS:
            raise UsageError(f"plan {number} is older than 7 days; make a new one with `shelflife plan`")
        current = {
            name: settings_of(self._work.settings, name)
            for name in offered.settings
            if name in self._work.areas
        }
        if not is_under(offered.settings, current):
            raise UsageError(f"the settings have changed since plan {number} was made; make a new one")
        return offered.made, {
            name: None if cutoff is None else Cutoff(at=cutoff["at"], cause=Cause(cutoff["cause"]))
            for name, cutoff in offered.cutoffs.items()
        }

    def act(self, context: Context, means: Means, plan: Plan) -> RunReport:
        """Carry out the plan."""
        return carry_out(context, means, plan, self._work.areas)

    def ask(self, plan: Plan) -> None:
        """Raise NeedsApproval, and record the refusal, when a person must confirm the plan."""
        if self._order.trigger is Trigger.PROGRAM or self._order.approved is not None:
            return
        reasons = why_ask(self._work, plan, self._journal.last_runs())
        if not reasons:
            return
        offer(self._work, self._journal, plan)
        refusal = NeedsApproval(plan.id, reasons)
        self._journal.refuse(
            trigger=self._order.trigger,
            host=socket.gethostname(),
            pid=os.getpid(),
            at=self._work.clock(),
            reason=str(refusal),
        )
        self._work.listener(RunRefused(reason=str(refusal)))
        raise refusal

    def _carry_out(self, context: Context, plan: Plan, owner: Owner, recovery: Recovery) -> RunReport:
        started = self._work.clock()
        number = self._journal.begin(
            plan=plan.id,
            trigger=self._order.trigger,
            host=socket.gethostname(),
            pid=os.getpid(),
            at=started,
            cutoffs=cutoffs_of(plan),
        )
        if self._order.approved is not None:
            self._journal.use_plan(self._order.approved, number)
        self._work.listener(RunStarted(run=number, plan=plan.id, files=plan.files, bytes=plan.bytes))
        cleanup = self._work.settings.cleanup
        means = Means(
            recorder=Recorder(self._journal, number, clock=self._work.clock),
            trash_name=TrashName(number, started),
            owner=owner,
            batch_size=self._order.batch_size or cleanup.batch_size,
            retries=cleanup.retries,
            throttle=Throttle(cleanup.max_per_second),
            gate=self._gate,
        )
        try:
            report = self.act(context, means, plan)
        except BaseException as error:
            record = self._journal.run(number)
            done = recovery.close(record) if record is not None else {}
            self._finish(number, RunState.FAILED, done, reason=f"{type(error).__name__}: {error}")
            raise
        self._finish(number, RunState(report.state), report.as_json())
        self.remember(plan, report)
        take_sample(
            self._journal.usage, context.base, context.index, self._work.areas, self._work.clock(), report
        )
        self._trim()
        self._work.state.keep_reserve()
        return report

    def _finish(self, number: int, state: RunState, report: dict[str, Any], *, reason: str = "") -> None:
        self._journal.finish(number, at=self._work.clock(), state=state, report=report, reason=reason)
        self._work.listener(
            RunFinished(
                run=number,
                state=state,
                removed=report.get("removed", 0),
                failed=report.get("failed", 0),
                bytes=report.get("bytes", 0),
            )
        )

    def remember(self, plan: Plan, report: RunReport) -> None:
        """Record what the next run is judged by."""
        if report.state == RunState.DONE:
            before, now = self._journal.last_runs(), self._work.clock()
            reports = {area.area: area for area in report.areas}
            self._journal.remember(
                {
                    area.area: _remembered(
                        area, reports[area.area], before.get(area.area), self._work.settings, now
                    )
                    for area in plan.areas
                    if area.area in reports
                }
            )

    def _trim(self) -> None:
        limits, now = self._work.settings.journal, self._work.clock()
        self._journal.trim(
            runs_before=now - limits.keep * 10**9,
            files_before=now - limits.keep_files * 10**9,
            max_bytes=limits.max_bytes,
        )


def why_ask(work: Workplace, plan: Plan, last_runs: Mapping[str, LastRun]) -> list[str]:
    """Return why a person must confirm a plan; nothing when it may run."""
    return reasons_to_ask(plan, work.settings, last_runs, interval=interval_of(work.settings, plan.made))


def _remembered(
    plan: AreaPlan, report: AreaReport, last: LastRun | None, settings: Settings, now: int
) -> LastRun:
    """Return what the next cleanup of an area is judged by, after one that came to its end."""
    gone = report.removed + report.trashed
    return LastRun(
        at=now,
        settings=settings_of(settings, plan.area),
        cutoffs={"0": plan.cutoff.at} if plan.cutoff else {},
        left=max(0, plan.files - gone),
        has_lost=gone > 0 or (last is not None and last.has_lost),
        arrivals=0 if last is None else last.arrivals,
    )


def offer(work: Workplace, journal: Journal, plan: Plan) -> None:
    """Record a plan, so that a person may approve it."""
    cutoffs = cutoffs_of(plan)
    settings = {name: settings_of(work.settings, name) for name in cutoffs}
    everything = {area.area: cutoffs.get(area.area) for area in plan.areas}
    journal.offer(OfferedPlan(plan.id, plan.made, everything, settings))


def cutoffs_of(plan: Plan) -> dict[str, Any]:
    """Return a plan's cutoffs as they are recorded: area → {at, cause}."""
    return {
        area.area: {"at": area.cutoff.at, "cause": str(area.cutoff.cause)}
        for area in plan.areas
        if area.cutoff is not None
    }


def _refuse_network(state: StateDirectory) -> None:
    path = state.path
    while not path.is_dir():
        path = path.parent
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        kind = file_system_of(fd)
    finally:
        os.close(fd)
    if kind in NETWORK:
        raise StorageError(
            f"the records cannot be kept in {state.path}: it is on a network file system ({kind}), where "
            "databases break; set `state_dir` to a local directory"
        )
