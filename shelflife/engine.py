"""The engine: everything that can be done with a storage, behind one object.

An `Engine` holds settings and nothing else: each method opens what it needs and closes it, so one engine may be
used from several threads, before and after a fork. Methods block; each has an async twin, named with a leading
`a`, that runs in a worker thread.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shelflife.errors import CleanupDisabled, StorageError, UsageError
from shelflife.events import RunFinished, RunRefused, RunStarted, guarded
from shelflife.execute import cleanup as steps
from shelflife.execute.executor import Recorder, Stopped
from shelflife.execute.lock import Holder, Lock, cleanup_lock, holder_of
from shelflife.execute.planner import PlannedFile, due_files
from shelflife.execute.recovery import Recovery
from shelflife.execute.storage import create_directories, hold_base, hold_roots
from shelflife.explain.check import check_storage
from shelflife.explain.why import explain
from shelflife.policy.area import Area, areas_of
from shelflife.policy.plan import Plan
from shelflife.records.index import open_index, read_index
from shelflife.records.journal import (
    FileRecord,
    Journal,
    RunRecord,
    RunState,
    Totals,
    Trigger,
    open_journal,
    read_journal,
)
from shelflife.records.refresh import freshness_at
from shelflife.records.state import Owner, StateDirectory
from shelflife.records.statistics import Statistics, statistics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from shelflife.events import Listener
    from shelflife.execute.report import RunReport
    from shelflife.explain.check import Finding
    from shelflife.explain.why import Answer
    from shelflife.settings import Settings


class Engine:
    """Plans and runs cleanups of one storage, and answers questions about it."""

    def __init__(
        self,
        settings: Settings,
        *,
        listeners: Iterable[Listener] = (),
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take `settings`; nothing is read or opened. `clock` returns ns since the epoch."""
        self.settings = settings
        self.areas = areas_of(settings)
        self._listen = guarded(tuple(listeners))
        self._clock = clock

    # -- the storage

    def create(self) -> dict[str, Path]:
        """Make the base path and the areas' directories where they are missing; return the latter by area.

        Raises OSError and StorageError as `create_directories` says.
        """
        return create_directories(self.settings.base_path, list(self.areas.values()))

    @property
    def state(self) -> StateDirectory:
        """Where the records are. Raises StorageError when the base path is not there."""
        with hold_base(self.settings.base_path):
            return StateDirectory(self.settings.state_path, Owner.of(self.settings.base_path))

    # -- plan and execute

    def plan(self, areas: Iterable[str] | None = None, *, at: int | None = None) -> Plan:
        """Return what a cleanup of `areas` (all, if None) would do now, or at the moment `at` (ns).

        Changes nothing but the index, and not even that where it may not write.
        Raises UsageError for an unknown area, StorageError.
        """
        chosen = self._choose(areas)
        with self._context() as context:
            return steps.make_plan(context, chosen, at=context.freshness.now if at is None else at)

    def files(self, plan: Plan) -> Iterator[PlannedFile]:
        """Yield the files that a plan would remove, as they are now. Raises OSError."""
        with hold_base(self.settings.base_path) as base:
            for area_plan in plan.areas:
                area, cutoff = self.areas[area_plan.area], area_plan.cutoff
                with hold_roots(base, area) as (roots, _):
                    anchors = dict(roots)
                    for due in area_plan.due:
                        if cutoff is not None and due.root in anchors:
                            yield from due_files(anchors[due.root], area, cutoff, due)

    def execute(
        self, plan: Plan, *, trigger: Trigger = Trigger.PROGRAM, stop: threading.Event | None = None
    ) -> RunReport:
        """Carry out a plan: remove what is before its cutoffs, after looking at each file again.

        Raises CleanupBusy, CleanupDisabled where the settings allow dry runs only, StorageError, RecordsError.
        """
        return self._run(lambda _context: plan, trigger, stop, fresh=False)

    def cleanup(
        self,
        areas: Iterable[str] | None = None,
        *,
        trigger: Trigger = Trigger.PROGRAM,
        stop: threading.Event | None = None,
        batch_size: int | None = None,
    ) -> RunReport:
        """Plan and execute in one go, under one lock. Setting `stop` ends it at its next batch.

        Raises as `plan` and `execute` do.
        """
        chosen = self._choose(areas)
        return self._run(
            lambda context: steps.make_plan(context, chosen, at=context.freshness.now),
            trigger,
            stop,
            fresh=True,
            batch_size=batch_size,
        )

    # -- questions

    def refresh(self) -> dict[str, list[str]]:
        """Bring the index up to date; return by area what could not be looked at. Raises StorageError."""
        with self._context() as context:
            return steps.refresh(context, self.areas.values())

    def stats(self, *, refresh: bool = False) -> Statistics:
        """Return the storage in numbers, as of the last scan, or scanned now. Raises StorageError."""
        if refresh:
            with self._context() as context:
                errors = steps.refresh(context, self.areas.values())
                return statistics_of(self.areas.values(), context.index, errors)
        with read_index(self.state) as index:
            return statistics_of(self.areas.values(), index)

    def totals(self) -> Totals:
        """Return what all executed runs together did. Raises RecordsError, StorageError."""
        with read_journal(self.state) as journal:
            return journal.totals() if journal else Totals()

    def history(self, *, limit: int = 50, before: int | None = None) -> list[RunRecord]:
        """Return runs, the latest first; those before run number `before`. Raises as `totals`."""
        with read_journal(self.state) as journal:
            return journal.runs(limit=limit, before=before) if journal else []

    def run(self, number: int) -> RunRecord:
        """Return one run. Raises UsageError when there is none of that number."""
        with read_journal(self.state) as journal:
            record = journal.run(number) if journal else None
        if record is None:
            raise UsageError(f"there is no run {number}; `shelflife history` lists them")
        return record

    def run_files(self, number: int) -> Iterator[FileRecord]:
        """Yield what became of each file that a run meant to remove, as far as it is still remembered."""
        with read_journal(self.state) as journal:
            if journal is not None:
                yield from journal.files(number)

    def holder(self) -> Holder | None:
        """Return who runs a cleanup now, if anybody. Raises StorageError."""
        return holder_of(self.state)

    def why(self, path: str | os.PathLike[str]) -> Answer:
        """Return what will happen to a path, when and by which rule, or what happened to it.

        Raises UsageError for an empty path, StorageError when the base path is not there.
        """
        return explain(
            os.fspath(path), settings=self.settings, areas=self.areas, state=self.state, now=self._clock()
        )

    def check(self) -> list[Finding]:
        """Return whether the storage can be looked after as it is. Creates nothing; what is wrong is a finding."""
        try:
            state = self.state
        except StorageError:
            state = None
        return check_storage(settings=self.settings, areas=self.areas, state=state, now=self._clock())

    # -- the schedule's records

    def claim_slot(self, slot: int) -> bool:
        """Take a slot of the schedule (ns) for this storage; False when somebody has it already."""
        with open_journal(self.state) as journal:
            return journal.claim_slot(slot, at=self._clock())

    def is_claimed(self, slot: int) -> bool:
        """Return whether a slot is taken."""
        with read_journal(self.state) as journal:
            return journal is not None and journal.is_claimed(slot)

    def last_slot(self) -> int | None:
        """Return the time (ns) of the latest slot that was taken."""
        with read_journal(self.state) as journal:
            return journal.last_slot() if journal else None

    def last_run_within(self, seconds: float) -> RunRecord | None:
        """Return the latest run that came to its end within the last `seconds`."""
        with read_journal(self.state) as journal:
            since = self._clock() - int(seconds * 1e9)
            return journal.last_run_since(since) if journal else None

    def refuse(self, reason: str, *, trigger: Trigger) -> int:
        """Record that a run that was due did not start, and why; return its number."""
        self._listen(RunRefused(reason=reason))
        with open_journal(self.state) as journal:
            return journal.refuse(
                trigger=trigger, host=socket.gethostname(), pid=os.getpid(), at=self._clock(), reason=reason
            )

    # -- async twins

    async def aplan(self, areas: Iterable[str] | None = None, *, at: int | None = None) -> Plan:
        """Do `plan` in a worker thread."""
        return await asyncio.to_thread(self.plan, areas, at=at)

    async def aexecute(self, plan: Plan, *, trigger: Trigger = Trigger.PROGRAM) -> RunReport:
        """Do `execute` in a worker thread; cancelled, the run ends at its next batch."""
        with _stopped_when_cancelled() as stop:
            return await asyncio.to_thread(self.execute, plan, trigger=trigger, stop=stop)

    async def acleanup(
        self, areas: Iterable[str] | None = None, *, trigger: Trigger = Trigger.PROGRAM
    ) -> RunReport:
        """Do `cleanup` in a worker thread; cancelled, the run ends at its next batch."""
        with _stopped_when_cancelled() as stop:
            return await asyncio.to_thread(self.cleanup, areas, trigger=trigger, stop=stop)

    async def astats(self, *, refresh: bool = False) -> Statistics:
        """Do `stats` in a worker thread."""
        return await asyncio.to_thread(self.stats, refresh=refresh)

    # -- inside

    def _choose(self, areas: Iterable[str] | None) -> list[Area]:
        if areas is None:
            return list(self.areas.values())
        names = dict.fromkeys(self.settings.area_name(name) for name in areas)
        return [self.areas[name] for name in names]

    @contextmanager
    def _context(
        self, *, between: Callable[[], None] = lambda: None, batch_size: int | None = None
    ) -> Iterator[steps.Context]:
        settings = self.settings
        with hold_base(settings.base_path) as base, open_index(self.state) as index:
            yield steps.Context(
                base=base,
                index=index,
                freshness=freshness_at(
                    self._clock(), settle=settings.index.settle, rescan_after=settings.index.rescan_after
                ),
                owner=Owner.of(settings.base_path),
                listener=self._listen,
                batch_size=batch_size or settings.cleanup.batch_size,
                between=between,
            )

    def _run(
        self,
        make_plan: Callable[[steps.Context], Plan],
        trigger: Trigger,
        stop: threading.Event | None,
        *,
        fresh: bool,
        batch_size: int | None = None,
    ) -> RunReport:
        if self.settings.cleanup.dry_run:
            raise CleanupDisabled("only dry runs are allowed: cleanup.dry_run is true in the configuration")
        state = self.state
        with cleanup_lock(state, f"cleanup by {trigger}") as lock, open_journal(state) as journal:
            with self._context(between=_beater(lock, stop), batch_size=batch_size) as context:
                self._recover(journal, context)
                try:
                    plan = make_plan(context)
                except Stopped:
                    plan = Plan(made=context.freshness.now, areas=())
                return self._carry_out(journal, context, plan, trigger, fresh=fresh)

    def _recover(self, journal: Journal, context: steps.Context) -> None:
        Recovery(
            journal,
            context.base,
            self.areas,
            owner=context.owner,
            listener=self._listen,
            clock=self._clock,
        ).run()

    def _carry_out(
        self, journal: Journal, context: steps.Context, plan: Plan, trigger: Trigger, *, fresh: bool
    ) -> RunReport:
        number = journal.begin(
            plan=plan.id,
            trigger=trigger,
            host=socket.gethostname(),
            pid=os.getpid(),
            at=self._clock(),
            cutoffs=_cutoffs(plan),
        )
        self._listen(RunStarted(run=number, plan=plan.id, files=plan.files, bytes=plan.bytes))
        recorder = Recorder(journal, number, clock=self._clock)
        try:
            report = steps.carry_out(context, plan, self.areas, recorder, fresh=fresh)
        except BaseException as error:
            self._finish(journal, number, RunState.FAILED, {}, reason=f"{type(error).__name__}: {error}")
            raise
        self._finish(journal, number, RunState(report.state), report.as_json())
        self._trim(journal)
        return report

    def _finish(
        self, journal: Journal, number: int, state: RunState, report: dict[str, Any], *, reason: str = ""
    ) -> None:
        journal.finish(number, at=self._clock(), state=state, report=report, reason=reason)
        self._listen(
            RunFinished(
                run=number,
                state=state,
                removed=report.get("removed", 0),
                failed=report.get("failed", 0),
                bytes=report.get("bytes", 0),
            )
        )

    def _trim(self, journal: Journal) -> None:
        limits, now = self.settings.journal, self._clock()
        journal.trim(
            runs_before=now - limits.keep * 10**9,
            files_before=now - limits.keep_files * 10**9,
            max_bytes=limits.max_bytes,
        )


def _beater(lock: Lock, stop: threading.Event | None) -> Callable[[], None]:
    """Return what is called between batches: it shows progress, and ends the run when asked to stop."""

    def between() -> None:
        lock.beat()
        if stop is not None and stop.is_set():
            raise Stopped

    return between


def _cutoffs(plan: Plan) -> dict[str, Any]:
    return {
        area.area: {"at": area.cutoff.at, "cause": area.cutoff.cause} for area in plan.areas if area.cutoff
    }


@contextmanager
def _stopped_when_cancelled() -> Iterator[threading.Event]:
    """Give the event that stops a run, set when the task that waits for the run is cancelled."""
    stop = threading.Event()
    try:
        yield stop
    except asyncio.CancelledError:
        stop.set()
        raise
