"""Relief: making room on a file system that is too full, before it is full.

It is a run like any other, by the same executor, with the same checks and records; only its plan is chosen
by need instead of age (`shelflife.policy.pressure`). First the trash goes, then what is expired, then what is
oldest in areas with a priority. What goes, goes for good: moved into a trash it would free nothing.

The plan names cutoffs that free what is needed and no more. While it is carried out, the disk is measured again
between batches, and it ends at the first of: the disk is below the low watermark; we have released what was
needed, whether it shows or not; we have released something and nothing shows – because the files are still
open, or in a snapshot, or somebody writes as fast as we remove. More removal would not help then.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shelflife.errors import CleanupBusy, RecordsError, UsageError
from shelflife.policy.limits import doubt_about_expired
from shelflife.policy.load import NOTHING, Load, total
from shelflife.policy.plan import Plan
from shelflife.policy.pressure import Candidate, Relief, choose_cutoffs
from shelflife.records.history import RunState, Trigger
from shelflife.remove.report import AreaReport, RunReport
from shelflife.remove.throttle import Throttle
from shelflife.run.pressure_monitor import Finding, PressureMonitor
from shelflife.run.reclaim import Reclaimable
from shelflife.run.retention import refresh
from shelflife.run.run import Order, run
from shelflife.scan.context import Stopped
from shelflife.storage.disks import Disk, disks_of

if TYPE_CHECKING:
    from shelflife.policy.pressure import Usage
    from shelflife.remove.root import Options
    from shelflife.run.run import Session
    from shelflife.run.workplace import Workplace
    from shelflife.settings import PressureSettings

logger = logging.getLogger(__name__)

PATIENCE: Final = 1.0
"""Seconds that a file system may take to show what was released: XFS was seen to need one."""

_LOOK: Final = 0.02
"""Seconds between two looks at whether it shows."""

_WAIT: Final = 1.0
"""Seconds between two looks at whether the lock is free."""

_NO_ROOM: Final = (
    "what was removed gave no room: it may still be open, be part of a snapshot, or be written as fast as it is "
    "removed"
)

_DOUBT: Final = 2
"""How much more there may be than the index says. Where even that would not do, nothing more is measured: a disk
that others have filled would else be read through at every look."""

_OURS: Final = 4 * 1024 * 1024
"""Bytes that our own records may take on the same disk, for which a second run makes room."""

_OURS_INODES: Final = 16
"""Likewise."""

_MOST_RUNS: Final = 5
"""Runs of one look: further ones make up for files that were in use or changed."""


class Outcome(StrEnum):
    """How it stands with a file system that was too full."""

    CALM = "calm"
    """It is not above the high watermark: nothing was done."""
    RELIEVED = "relieved"
    """It was, and is below the low one, or what was released will bring it there."""
    NOT_ENOUGH = "not enough"
    """All that may go is gone, and that was not enough."""
    HOPELESS = "hopeless"
    """All that could go would not be enough, so only trash and expired files went."""
    NO_GAIN = "no gain"
    """What was released gave no room: it is open, in a snapshot, or is written as fast as it is removed."""
    BUSY = "busy"
    """Another cleanup was running all the time that was given for waiting."""
    STOPPED = "stopped"
    """It was asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRelief:
    """What was done about one file system."""

    disk: Disk
    """As it was found."""

    after: Usage
    """How full it was in the end."""

    outcome: Outcome

    runs: tuple[RunReport, ...] = ()
    """What went."""

    fills: tuple[str, ...] = ()
    """What fills it, in words, where room could not be made."""


def relieve(
    work: Workplace,
    *,
    trigger: Trigger = Trigger.PRESSURE,
    stop: threading.Event | None = None,
    wait: float | None = None,
    patience: float = PATIENCE,
) -> list[DiskRelief]:
    """Make room on each file system that is above `pressure.high`; return how each one stands.

    Waits while another cleanup runs, for `wait` seconds at the most (None: for as long as it takes).
    Raises UsageError where no watermarks are set, StorageError, RecordsError.
    """
    marks = work.settings.pressure
    if marks is None:
        raise UsageError(
            "no watermarks are set; set `pressure` in the configuration, as `pressure: {high: 90%}`"
        )
    with work.hold_base() as base:
        disks = disks_of(base, work.areas.values())
    order = Order(trigger=trigger, stop=stop)
    until = None if wait is None else time.monotonic() + wait
    tasks = [_Task(disk=disk, marks=marks, patience=patience, until=until) for disk in disks]
    return [_relieve(work, order, task) for task in tasks]


def _relieve(work: Workplace, order: Order, task: _Task) -> DiskRelief:
    disk, marks = task.disk, task.marks
    after = disk.usage
    if disk.usage.above(marks.high):
        while True:
            task.tries += 1
            _wait_and_run(work, order, task)
            after = _measure(work, disk) or after
            if task.tries == _MOST_RUNS or not task.is_worth_another(after):
                break
        after = _wait_for_room(work, task, after, order.stop or threading.Event())
    found = DiskRelief(
        disk=disk, after=after, outcome=task.outcome, runs=tuple(task.reports), fills=tuple(task.fills)
    )
    _log(found, marks)
    return found


def _wait_for_room(work: Workplace, task: _Task, after: Usage, stop: threading.Event) -> Usage:
    """Wait a little until what was released shows; where it does not, say so."""
    until = time.monotonic() + task.patience
    while task.outcome is Outcome.RELIEVED and after.above(task.marks.high):
        if time.monotonic() >= until or stop.wait(_LOOK):
            task.outcome, task.fills = Outcome.NO_GAIN, [_NO_ROOM]
        after = _measure(work, task.disk) or after
    return after


def _wait_and_run(work: Workplace, order: Order, task: _Task) -> None:
    waits = order.stop or threading.Event()
    task.is_concluded = False
    while True:
        try:
            run(work, order, _Relieving(task))
        except Stopped:
            return
        except CleanupBusy:
            if task.until is not None and time.monotonic() >= task.until:
                task.outcome = Outcome.BUSY
                return
            if waits.wait(_WAIT):
                task.outcome = Outcome.STOPPED
                return
        except RecordsError as error:
            if not task.is_concluded:
                raise
            logger.warning("%s", error)  # whether there is room was found out all the same
            return
        else:
            return


def _measure(work: Workplace, disk: Disk) -> Usage | None:
    with work.hold_base() as base:
        for now in disks_of(base, work.areas.values()):
            if now.device == disk.device:
                return now.usage
    return None


def _log(found: DiskRelief, marks: PressureSettings) -> None:
    if found.outcome is Outcome.CALM:
        return
    freed = sum(report.total("freed") for report in found.runs)
    level = logging.INFO if found.outcome is Outcome.RELIEVED else logging.WARNING
    logger.log(
        level,
        "the disk of %s was at %.1f %%, above %d %%: %d bytes released, now at %.1f %% (%s)%s",
        found.disk.name,
        max(found.disk.usage.space.share, found.disk.usage.inodes.share),
        marks.high,
        freed,
        max(found.after.space.share, found.after.inodes.share),
        found.outcome,
        "".join(f"; {text}" for text in found.fills),
    )


@dataclass(slots=True, kw_only=True)
class _Task:
    """Room to be made on one file system, in one run or in several."""

    disk: Disk
    marks: PressureSettings
    patience: float
    until: float | None = None
    """When to wait no longer for the lock, by the monotonic clock."""
    tries: int = 0
    missing: Load = NOTHING
    """What earlier runs had counted on in vain."""
    relief: Relief | None = None
    outcome: Outcome = Outcome.CALM
    is_concluded: bool = False
    """Whether the run at hand has found out how it stands."""
    reports: list[RunReport] = field(default_factory=list)
    fills: list[str] = field(default_factory=list)
    may_try_again: bool = False
    """Whether another run could make up for what this one had counted on in vain."""

    def conclude(self, outcome: Outcome) -> None:
        """Take how it stands."""
        self.outcome = outcome
        self.is_concluded = True

    def is_worth_another(self, now: Usage) -> bool:
        """Return whether to run once more: something was kept, or our own records took what was missing."""
        if self.outcome is Outcome.NOT_ENOUGH:
            return self.may_try_again
        excess = now.like(self.usage.pressing(self.marks.high)).excess(self.marks.low)
        few = excess.allocated <= _OURS and excess.files <= _OURS_INODES
        return self.outcome is Outcome.RELIEVED and excess != NOTHING and few

    @property
    def usage(self) -> Usage:
        """What is too full, as it was found."""
        return self.disk.usage

    @property
    def is_hopeless(self) -> bool:
        return self.relief is not None and self.relief.is_hopeless


class _Relieving:
    """The strategy of a run whose plan is chosen by need, on one file system."""

    def __init__(self, task: _Task) -> None:
        self._task = task
        self._expected = NOTHING

    def choose(self, session: Session) -> Plan | None:
        """See `Strategy`: what must go, with the areas in the order in which they give."""
        task, context = self._task, session.context
        now = context.freshness.now
        areas = {name: session.work.areas[name] for name in task.disk.areas}
        refresh(context, areas.values())
        with Reclaimable(context, task.disk, areas) as held:
            usage = held.usage().like(task.usage.pressing(task.marks.high))
            if task.tries == 1 and not usage.above(task.marks.high):
                task.conclude(Outcome.RELIEVED)  # while it waited for another cleanup
                return None
            trash = total(load for _, _, _, load in held.trash())
            could = trash.plus(held.estimate(now)).times(_DOUBT).covers(usage.excess(task.marks.high))
            candidates = [
                candidate
                for area in areas.values()
                if not self._is_doubtful(session, candidate := held.candidate(area, now, ranked=could), held)
            ]
            task.relief = choose_cutoffs(
                candidates,
                usage,
                trash=trash,
                high=task.marks.high,
                low=task.marks.low,
                now=now,
                missing=task.missing,
            )
            if not task.relief.is_enough:
                task.fills = held.fills()
            plan = Plan(
                made=now,
                areas=tuple(held.area_plan(areas[name], cutoff) for name, cutoff in task.relief.cutoffs),
            )
            if trash == NOTHING and not any(area.due for area in plan.areas):
                if task.tries == 1:
                    task.conclude(Outcome.HOPELESS if task.is_hopeless else Outcome.NOT_ENOUGH)
                task.may_try_again = False
                task.is_concluded = True
                return None
            self._expected = usage.excess(task.marks.low)
        return plan

    @staticmethod
    def _is_doubtful(session: Session, candidate: Candidate, held: Reclaimable) -> bool:
        """Return whether an area is left out until a person has looked at what counts as expired there."""
        area, limits, now = candidate.area, session.work.settings.limits, session.context.freshness.now
        last = session.journal.approvals.last_runs().get(area.name)
        files = candidate.expired.files
        doubt = doubt_about_expired(area, files, held.scanned(area), last, now, limits)
        if doubt is not None:
            logger.warning(
                "area %s gives no room before a person has approved a cleanup: %d files count as expired, and %s",
                area.name,
                files,
                doubt,
            )
        return doubt is not None

    def confirm(self, session: Session, plan: Plan) -> None:
        """See `Strategy`: nobody is asked, the need is the bound."""

    def carry_out(self, session: Session, options: Options, plan: Plan) -> RunReport:
        """See `Strategy`: the trash goes, then area after area, until there is room."""
        task, context = self._task, session.context
        reports = {name: AreaReport(area=name) for name in task.disk.areas}
        for area_plan in plan.areas:
            reports[area_plan.area].scanned = area_plan.scanned
        areas = {name: replace(session.work.areas[name], trash=None) for name in task.disk.areas}
        state = RunState.DONE
        with Reclaimable(context, task.disk, areas) as held:
            watch = PressureMonitor(
                lambda: held.usage().like(task.usage.pressing(task.marks.high)),
                list(reports.values()),
                inner=context.watch,
                low=task.marks.low,
                patience=task.patience,
                stop=session.order.stop,
            )
            watched = replace(context, watch=watch)
            outcome = Outcome.HOPELESS if task.is_hopeless else Outcome.NOT_ENOUGH
            try:
                held.carry_out(watched, replace(options, one_by_one=True, throttle=Throttle()), plan, reports)
                watch.look()
            except Stopped:
                if watch.finding is None:
                    state, outcome = RunState.STOPPED, Outcome.STOPPED
                elif watch.finding is Finding.ENOUGH:
                    outcome = Outcome.RELIEVED
                else:
                    outcome, task.fills = Outcome.NO_GAIN, [_NO_ROOM]
            finally:
                options.recorder.flush()
                context.index.flush()
            if self._judge(watch) and outcome is Outcome.NOT_ENOUGH:
                outcome = (
                    Outcome.RELIEVED
                )  # as much as was needed went; others, or our records, took some of it
        given = [report for report in reports.values() if report.scanned or report.purged or report.errors]
        report = RunReport(run=options.recorder.run, plan=plan.id, state=state, areas=given)
        task.conclude(outcome)
        task.reports.append(report)
        return report

    def remember(self, session: Session, plan: Plan, report: RunReport) -> None:
        """See `Strategy`: nothing, since this was no cleanup of any area."""

    def _judge(self, watch: PressureMonitor) -> bool:
        """Return whether what was planned went; see whether another run could make up for what did not."""
        task, released = self._task, watch.released()
        short = self._expected.less(released)
        could = task.relief is not None and task.relief.is_enough
        task.may_try_again = could and NOTHING not in (short, released)
        task.missing = task.missing.plus(short)
        return could and short == NOTHING
