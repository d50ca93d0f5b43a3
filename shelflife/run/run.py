"""A run, from the lock to the record: the same steps, whatever is to be done.

    lock → records → recovery → choose → confirm → carry out → record

Under the lock: see that the journal belongs to this storage, complete what a killed run left open, take the slot
of the schedule. What then goes, who is asked, and how it is carried out is the business of a `Strategy`:
retention, pressure, purge, restore. Whatever it does is in the journal before its first effect, and so is its
end.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from shelflife.clock import SECOND
from shelflife.errors import CleanupDisabled, NeedsApproval, SlotTaken, StorageError, UsageError
from shelflife.events import RunBegun, RunFinished, RunStarted, guarded
from shelflife.files.trash import TrashName
from shelflife.policy.causes import records_of
from shelflife.records.history import RunState, Trigger
from shelflife.records.marker import check_marker
from shelflife.records.state import Owner
from shelflife.remove.recorder import Recorder
from shelflife.remove.root import Options
from shelflife.remove.throttle import Throttle
from shelflife.run.leases import HoldsInForce
from shelflife.run.leftovers import sweep_leftovers
from shelflife.run.lock import cleanup_lock
from shelflife.run.progress import ProgressRecorder
from shelflife.run.recovery import Recovery
from shelflife.run.sampling import take_sample
from shelflife.run.settings_seen import see_settings
from shelflife.run.trash_count import count_trash
from shelflife.scan.context import Context, Stopped
from shelflife.storage.preconditions import require_records

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from shelflife.policy.plan import Plan
    from shelflife.records.journal import Journal
    from shelflife.remove.report import RunReport
    from shelflife.run.lock import Lock
    from shelflife.run.workplace import Workplace

logger = logging.getLogger(__name__)

_ASK_EVERY: Final = 0.25
"""Seconds between two looks at whether somebody in another process asks a run to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """By whom a run is asked for, and on what conditions."""

    trigger: Trigger = Trigger.PROGRAM
    """Who asks. A program's own call is an explicit act: it needs no approval."""

    stop: threading.Event | None = None
    """Set, it ends the run at its next batch."""

    batch_size: int | None = None

    slot: int | None = None
    """The slot of the schedule that this is the run of, in ns since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedStorage:
    """A storage under the lock: what the steps of one run work with."""

    work: Workplace
    order: RunRequest
    journal: Journal
    context: Context
    run: int = 0
    """Its number, once it has one."""


class Strategy(Protocol):
    """What a run does. Its steps are called once each, in this order, all under the lock."""

    def choose(self, session: LockedStorage) -> Plan | None:
        """Return what is to be done; None where nothing is, and then no run is recorded."""

    def confirm(self, session: LockedStorage, plan: Plan) -> None:
        """Return when it may be done. Raises NeedsApproval, the plan being offered, when a person must."""

    def carry_out(self, session: LockedStorage, options: Options, plan: Plan) -> RunReport:
        """Do it. A run that is stopped gives a report of what it did until then; it does not raise Stopped."""

    def remember(self, session: LockedStorage, plan: Plan, report: RunReport) -> None:
        """Record what later runs are judged by: the run is over, and in the journal."""


def run(work: Workplace, order: RunRequest, strategy: Strategy) -> RunReport | None:
    """Run a strategy and return what it did; None when there was nothing to do.

    Raises CleanupBusy, SlotTaken, NeedsApproval, StorageError, RecordsError, UsageError.
    """
    try:
        if order.trigger is not Trigger.RESTORE:
            refuse_when_dry(work)
        records = work.records
        require_records(records)
        with (
            cleanup_lock(records.state, _called(order.trigger)) as lock,
            records.open_journal() as journal,
        ):
            check_marker(records.state, journal)
            progress = ProgressRecorder(journal, clock=work.clock)
            followed = replace(work, listener=guarded((work.listener, progress)))
            watch = _RunWatch(lock, journal, order.stop, progress)
            holds = HoldsInForce(journal.watch_holds(clock=work.clock), records.state, clock=work.clock)
            with followed.context(holds=holds, watch=watch) as context:
                session = LockedStorage(work=followed, order=order, journal=journal, context=context)
                return _run(session, strategy, watch)
    except OSError as error:  # of a file or directory it is an outcome; this one is of the storage as a whole
        raise StorageError(f"the storage {work.settings.base_path} fails: {error}") from error


def _called(trigger: Trigger) -> str:
    return "restoring from the trash" if trigger is Trigger.RESTORE else f"cleanup by {trigger}"


def _run(session: LockedStorage, strategy: Strategy, watch: _RunWatch) -> RunReport | None:
    slot, clock, journal = session.order.slot, session.work.clock, session.journal
    if slot is not None and not journal.slots.claim(slot, at=clock()):
        raise SlotTaken("another process has taken this slot of the schedule")
    owner = Owner.of(session.work.settings.base_path)
    recovery = Recovery(journal, session.context, session.work.areas, owner=owner, clock=clock)
    recovery.run()
    started = clock()
    see_settings(journal, session.work.settings, at=started)
    trigger = session.order.trigger
    number = journal.runs.begin(trigger=trigger, host=os.uname().nodename, pid=os.getpid(), at=started)
    watch.follow(number)
    session.work.listener(RunBegun(run=number))
    plan = _plan(replace(session, run=number), strategy)
    if plan is None:
        return None
    journal.runs.carry_out(number, plan=plan.id, cutoffs=records_of(plan, session.work.areas))
    session.work.listener(
        RunStarted(
            run=number,
            plan=plan.id,
            files=plan.files,
            bytes=plan.bytes,
            restores=trigger is Trigger.RESTORE,
        )
    )
    try:
        report = strategy.carry_out(
            session, _options(session, watch, TrashName(number, started), owner), plan
        )
    except BaseException as error:
        record = journal.history.run(number)
        done = recovery.close(record) if record is not None else {}
        _finish(session, number, RunState.FAILED, done, reason=f"{type(error).__name__}: {error}")
        raise
    _finish(session, number, RunState(report.state), report.as_json())
    strategy.remember(session, plan, report)
    _tidy_up(session, report)
    return report


def _plan(session: LockedStorage, strategy: Strategy) -> Plan | None:
    """Return what a run is to carry out, confirmed; None when there is nothing to do.

    From its beginning the run is in the journal, where others can follow and stop it. Whatever ends it here has
    changed nothing: it counts in no totals.
    """
    runs, at, plan = session.journal.runs, session.work.clock, ""
    try:
        chosen = strategy.choose(session)
        if chosen is None:
            runs.withdraw(session.run)
            return None
        plan = chosen.id
        strategy.confirm(session, chosen)
    except NeedsApproval as refusal:
        report = {"would_remove": dict(refusal.would_remove)}
        runs.drop(session.run, at=at(), state=RunState.REFUSED, plan=plan, reason=str(refusal), report=report)
        raise
    except UsageError:  # what was asked for does not exist: there is nothing to remember
        runs.withdraw(session.run)
        raise
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        runs.drop(session.run, at=at(), state=RunState.FAILED, plan=plan, reason=reason)
        raise
    return chosen


def _options(session: LockedStorage, watch: _RunWatch, trash_name: TrashName, owner: Owner) -> Options:
    cleanup = session.work.settings.cleanup
    return Options(
        recorder=Recorder(session.journal, trash_name.run, clock=session.work.clock),
        trash_name=trash_name,
        owner=owner,
        batch_size=session.order.batch_size or cleanup.batch_size,
        retries=cleanup.retries,
        throttle=Throttle(cleanup.max_per_second),
        gate=watch,
    )


def _finish(
    session: LockedStorage, number: int, state: RunState, report: dict[str, Any], *, reason: str = ""
) -> None:
    session.journal.runs.finish(number, at=session.work.clock(), state=state, report=report, reason=reason)
    session.work.listener(
        RunFinished(
            run=number,
            state=state,
            removed=report.get("removed", 0),
            failed=report.get("failed", 0),
            bytes=report.get("bytes", 0),
            restored=report.get("restored", 0),
        )
    )


def _tidy_up(session: LockedStorage, report: RunReport) -> None:
    """Take a sample for the forecast, and keep the journal within its limits."""
    work, journal, context = session.work, session.journal, session.context
    count_trash(journal.trash, context.base, work.areas, report)
    sweep_leftovers(context.base, work.areas.values(), work.records.state, work.clock())
    take_sample(journal.usage, context.base, context.index, work.areas, work.clock(), report)
    limits, now = work.settings.journal, work.clock()
    journal.trim(
        runs_before=now - limits.keep * SECOND,
        files_before=now - limits.keep_files * SECOND,
        max_bytes=limits.max_bytes,
    )
    work.records.state.keep_reserve()


class _RunWatch:
    """Shows progress, and ends a run that was asked to stop, or that does not see what others record."""

    def __init__(
        self, lock: Lock, journal: Journal, stop: threading.Event | None, progress: ProgressRecorder
    ) -> None:
        self._lock = lock
        self._journal = journal
        self._stop = stop
        self._progress = progress
        self._run = 0
        self._looked = 0.0

    def follow(self, run: int) -> None:
        """Record the progress of the run of that number, and end it also when somebody elsewhere asks it to."""
        self._run = run
        self._progress.follow(run)

    def look(self) -> None:
        """See `shelflife.scan.context.Watch`."""
        self._lock.beat()
        if self._stop is not None and self._stop.is_set():
            raise Stopped
        self._see_request()
        self._see_journal()

    def _see_request(self) -> None:
        now = time.monotonic()
        if self._run and now - self._looked >= _ASK_EVERY:
            self._looked = now
            if self._journal.events.is_asked_to_stop(self._run):
                raise Stopped

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Surround a batch, which begins with a look at the holds as they are now."""
        with self._lock.batch():
            self._see_journal()
            yield

    def _see_journal(self) -> None:
        """End the run when it does not see what others write into the journal: holds, above all."""
        if self._journal.is_outdated:
            logger.warning("the journal was written by somebody else meanwhile; the next run goes on")
            raise Stopped


def refuse_when_dry(work: Workplace) -> None:
    """Raise CleanupDisabled if the settings allow dry runs only."""
    if work.settings.cleanup.dry_run:
        raise CleanupDisabled("only dry runs are allowed: cleanup.dry_run is true in the configuration")
