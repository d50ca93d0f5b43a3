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
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from shelflife.errors import CleanupBusy, RecordsError, UsageError
from shelflife.policy.gain import Remembered, expected_of
from shelflife.policy.limits import doubt_about_expired
from shelflife.policy.load import NOTHING, Load, total
from shelflife.policy.plan import Plan
from shelflife.policy.pressure import ANY_NUMBER, Candidate, Need, Relief, Withheld, choose_cutoffs
from shelflife.policy.watermark import Watermarks
from shelflife.records.history import RunState, Trigger
from shelflife.records.sqlite.journal_file import open_journal, read_journal
from shelflife.remove.report import AreaReport, RunReport
from shelflife.remove.throttle import Throttle
from shelflife.run.pressure_monitor import Enough, NoGain, PressureMonitor
from shelflife.run.reclaim import Reclaimable
from shelflife.run.retention import refresh
from shelflife.run.run import Order, Run, Workplace, run
from shelflife.scan.context import Stopped
from shelflife.storage.disks import Disk, disks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shelflife.policy.watermark import Usage
    from shelflife.records.sqlite.journal import Journal
    from shelflife.remove.recorder import Means
    from shelflife.run.lock import Lock
    from shelflife.scan.context import Context

logger = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that a file system may take to show what was released: XFS was seen to need one."""

_WAIT: Final = 1.0
"""Seconds between two looks at whether the lock is free."""

_NO_ROOM: Final = (
    "what was removed gave no room: it may still be open, be part of a snapshot, or be written as fast as it is "
    "removed; nothing unexpired goes until the disk shows it, or you say so (shelflife cleanup --pressure --insist)"
)

_DOUBT: Final = 2
"""How much more there may be than the index says. Where even that would not do, nothing more is measured: a disk
that others have filled would else be read through at every look."""

_OURS: Final = 4 * 1024 * 1024
"""Bytes that our own records may take on the same disk, for which a second run makes room."""

_OURS_INODES: Final = 16
"""Likewise."""

_ALL: Final = 100
"""Percent."""

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


class _NothingToDo(Exception):  # noqa: N818
    """There is nothing that may go."""


def relieve(
    work: Workplace,
    *,
    trigger: Trigger = Trigger.PRESSURE,
    stop: threading.Event | None = None,
    wait: float | None = None,
    insist: bool = False,
    patience: float = PATIENCE,
) -> list[DiskRelief]:
    """Make room on each file system that is beyond a watermark; return how each one stands.

    Waits while another cleanup runs, for `wait` seconds at the most (None: for as long as it takes). With
    `insist`, a person has said to go on although what went before gave no room, and beyond what goes unasked.
    Raises UsageError where no watermarks are set, StorageError, RecordsError.
    """
    settings = work.settings.pressure
    if settings is None:
        raise UsageError(
            "no watermarks are set; set `pressure` in the configuration, as `pressure: {high: 90%}`"
        )
    with work.hold_base() as base:
        disks = disks_of(base, work.areas.values())
    order = Order(trigger=trigger, stop=stop)
    until = None if wait is None else time.monotonic() + wait
    marks = Watermarks.of(settings)
    tasks = [_Task(disk=disk, marks=marks, patience=patience, until=until, insist=insist) for disk in disks]
    return [_relieve(work, order, task) for task in tasks]


def _relieve(work: Workplace, order: Order, task: _Task) -> DiskRelief:
    disk, after = task.disk, task.disk.usage
    if not task.passed.any:
        _note_calm(work, disk)
    else:
        while True:
            task.tries += 1
            _wait_and_run(work, order, task)
            after = _measure(work, disk) or after
            if task.tries == _MOST_RUNS or not task.is_worth_another(after):
                break
    fills = () if task.outcome is Outcome.RELIEVED else tuple(task.fills)
    found = DiskRelief(disk=disk, after=after, outcome=task.outcome, runs=tuple(task.reports), fills=fills)
    _log(found, task.passed)
    return found


def _note_calm(work: Workplace, disk: Disk) -> None:
    """Forget what areas gave the last time, and what was on its way and shows by now."""
    with suppress(RecordsError), read_journal(work.state) as journal:
        before = None if journal is None else journal.pressure.recall(disk.name, disk.file_system)
    if before is None or before.is_empty:
        return
    expected = expected_of(before.expected, disk.usage, work.clock())
    now = replace(before, expected=expected, taken={})
    if now != before:
        with suppress(RecordsError), open_journal(work.state) as journal:
            journal.pressure.remember(disk.name, now)


def _wait_and_run(work: Workplace, order: Order, task: _Task) -> None:
    waits = order.stop or threading.Event()
    task.is_concluded = False
    while True:
        try:
            run(work, order, partial(_ReliefRun, task))
        except (_NothingToDo, Stopped):
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


def _log(found: DiskRelief, passed: Watermarks) -> None:
    if found.outcome is Outcome.CALM:
        return
    freed = sum(report.total("freed") for report in found.runs)
    level = logging.INFO if found.outcome is Outcome.RELIEVED else logging.WARNING
    logger.log(
        level,
        "the disk of %s was at %.1f %%, %s: %d bytes released, now at %.1f %% (%s)%s",
        found.disk.name,
        found.disk.usage.share,
        ", ".join(passed.beyond(found.disk.usage)),
        freed,
        found.after.share,
        found.outcome,
        "".join(f"; {text}" for text in found.fills),
    )


@dataclass(slots=True, kw_only=True)
class _Task:
    """Room to be made on one file system, in one run or in several."""

    disk: Disk
    marks: Watermarks
    patience: float
    until: float | None = None
    """When to wait no longer for the lock, by the monotonic clock."""
    insist: bool = False
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
    passed: Watermarks = field(init=False)
    """The watermarks that it is about."""

    def __post_init__(self) -> None:
        self.passed = self.marks.passed(self.disk.usage)

    def conclude(self, outcome: Outcome, fills: Sequence[str] = ()) -> None:
        """Take how it stands, and why."""
        self.outcome = outcome
        self.fills = list(fills)
        self.is_concluded = True

    def is_worth_another(self, now: Usage) -> bool:
        """Return whether to run once more: something was kept, or our own records took what was missing."""
        if self.outcome is Outcome.NOT_ENOUGH:
            return self.may_try_again
        excess = self.passed.above_low(now)
        few = excess.allocated <= _OURS and excess.files <= _OURS_INODES
        return self.outcome is Outcome.RELIEVED and excess != NOTHING and few

    def recall(self, journal: Journal, usage: Usage, now: int) -> Remembered:
        """Return what earlier looks left, as it stands now; nothing where a person says to go on."""
        before = journal.pressure.recall(self.disk.name, self.disk.file_system)
        if self.insist and self.tries == 1:
            return Remembered(file_system=self.disk.file_system)
        return replace(before, expected=expected_of(before.expected, usage, now))


class _ReliefRun(Run):
    """A run whose plan is chosen by need, on one file system."""

    def __init__(self, task: _Task, work: Workplace, order: Order, lock: Lock, journal: Journal) -> None:
        super().__init__(work, order, lock, journal)
        self._task = task
        self._wanted = NOTHING
        self._expired: dict[str, int] = {}
        self._remembered = Remembered(file_system=task.disk.file_system)
        self._otherwise = Outcome.NOT_ENOUGH
        self._reasons: list[str] = []

    def choose(self, context: Context) -> Plan:
        """Return what must go, with the areas in the order in which they give."""
        task, now = self._task, context.freshness.now
        areas = {name: self._work.areas[name] for name in task.disk.areas}
        refresh(context, areas.values())
        with Reclaimable(context, task.disk, areas) as held:
            usage = held.usage()
            if task.tries == 1 and not task.passed.are_passed(usage):
                task.conclude(Outcome.RELIEVED)  # while it waited for another cleanup
                raise _NothingToDo
            self._remembered = task.recall(self._journal, usage, now)
            need = Need.of(task.passed, usage, self._remembered.expected, task.missing)
            if need.enough == NOTHING:
                task.conclude(Outcome.NO_GAIN, [_NO_ROOM])
                raise _NothingToDo
            self._wanted = need.enough.less(task.missing)
            trash = total(load for _, _, _, load in held.trash())
            task.relief = choose_cutoffs(self._candidates(held, need, trash, now), need, trash=trash, now=now)
            self._explain(held, need, task.relief)
            plan = Plan(
                made=now,
                areas=tuple(held.area_plan(areas[name], cutoff) for name, cutoff in task.relief.cutoffs),
            )
        if trash == NOTHING and not any(area.due for area in plan.areas):
            task.may_try_again = False
            task.conclude(self._otherwise if task.tries == 1 else task.outcome, self._reasons)
            self._keep_in_mind()
            raise _NothingToDo
        return plan

    def _explain(self, held: Reclaimable, need: Need, relief: Relief) -> None:
        """Find out what it would mean if what goes is not enough, and why that is so."""
        if relief.is_enough:
            return
        self._reasons = held.fills(self._task.passed)
        if relief.is_hopeless:
            self._otherwise = Outcome.HOPELESS
        elif not need.may_take_unexpired:
            self._otherwise, self._reasons = Outcome.NO_GAIN, [_NO_ROOM]
        self._reasons = [*(_asks(withheld) for withheld in relief.withheld), *self._reasons]

    def _candidates(self, held: Reclaimable, need: Need, trash: Load, now: int) -> list[Candidate]:
        """Return what the areas could give, each as far as it may go unasked."""
        could = trash.plus(held.estimate(now)).times(_DOUBT).covers(need.least)
        found = []
        for name in self._task.disk.areas:
            area = self._work.areas[name]
            candidate = held.candidate(area, now, ranked=could and need.may_take_unexpired)
            if not self._is_doubtful(candidate, held, now):
                found.append(replace(candidate, unasked=self._unasked(candidate, held.scanned(area))))
        self._expired = {candidate.area.name: candidate.expired.files for candidate in found}
        return found

    def _unasked(self, candidate: Candidate, scanned: int) -> int:
        """Return how many files of an area that are not expired may go before a person was asked."""
        share = self._work.settings.limits.confirm_above
        if self._task.insist or share == _ALL:
            return ANY_NUMBER
        taken = self._remembered.taken.get(candidate.area.name, 0)
        unexpired = scanned - candidate.expired.files + taken
        return max(0, share * unexpired // 100 - taken)

    def _is_doubtful(self, candidate: Candidate, held: Reclaimable, now: int) -> bool:
        """Return whether an area is left out until a person has looked at what counts as expired there."""
        area, limits = candidate.area, self._work.settings.limits
        last = self._journal.last_runs().get(area.name)
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

    def ask(self, plan: Plan) -> None:
        """Ask nobody: the need is the bound."""

    def act(self, context: Context, means: Means, plan: Plan) -> RunReport:
        """Let the trash go, then what is expired, then a first portion, then area after area."""
        task = self._task
        reports = {name: AreaReport(area=name) for name in task.disk.areas}
        for area_plan in plan.areas:
            reports[area_plan.area].scanned = area_plan.scanned
        areas = {name: replace(self._work.areas[name], trash=None) for name in task.disk.areas}
        relief = task.relief or Relief(is_enough=True)
        state = RunState.DONE
        with Reclaimable(context, task.disk, areas) as held:
            watch = PressureMonitor(
                held,
                list(reports.values()),
                marks=task.passed,
                expected=self._remembered.expected,
                patience=task.patience,
                stop=self._order.stop,
            )
            watched = replace(context, between=watch.after(context.between))
            outcome, reasons = self._otherwise, self._reasons
            try:
                held.carry_out(
                    watched,
                    replace(means, one_by_one=True, throttle=Throttle()),
                    (*relief.expired, *relief.first, *relief.cutoffs),
                    reports,
                )
                watch.look()
            except Enough:
                outcome = Outcome.RELIEVED
            except NoGain:
                outcome, reasons = Outcome.NO_GAIN, [_NO_ROOM]
            except Stopped:
                state, outcome = RunState.STOPPED, Outcome.STOPPED
            finally:
                means.recorder.flush()
                context.index.flush()
            if self._judge(watch) and outcome is Outcome.NOT_ENOUGH:
                outcome = Outcome.RELIEVED  # what was needed went; others, or our records, took some of it
        given = [report for report in reports.values() if report.scanned or report.purged or report.errors]
        report = RunReport(run=means.recorder.run, plan=plan.id, state=state, areas=given)
        task.conclude(outcome, reasons)
        task.reports.append(report)
        self._learn(watch, reports.values())
        return report

    def remember(self, plan: Plan, report: RunReport) -> None:
        """Remember nothing: this was no cleanup of any area."""

    def _learn(self, watch: PressureMonitor, reports: Iterable[AreaReport]) -> None:
        """Leave to the looks that follow what is on its way, and what areas have given."""
        self._remembered = replace(self._remembered, expected=watch.on_its_way(self._work.clock()))
        for report in reports:
            unexpired = max(0, report.removed - self._expired.get(report.area, 0))
            self._remembered = self._remembered.give(report.area, unexpired)
        self._keep_in_mind()

    def _keep_in_mind(self) -> None:
        disk = self._task.disk
        before = self._journal.pressure.recall(disk.name, disk.file_system)
        if self._remembered != before:
            self._journal.pressure.remember(disk.name, self._remembered)

    def _judge(self, watch: PressureMonitor) -> bool:
        """Return whether what was planned went; see whether another run could make up for what did not."""
        task, released = self._task, watch.released()
        short = self._wanted.less(released)
        could = task.relief is not None and task.relief.is_enough
        task.may_try_again = could and NOTHING not in (short, released)
        task.missing = task.missing.plus(short)
        return could and short == NOTHING


def _asks(withheld: Withheld) -> str:
    return (
        f"{withheld.files:,} more files of {withheld.area} would have to go than go unasked "
        "(limits.confirm_above); `shelflife cleanup --pressure --insist` lets them go"
    )
