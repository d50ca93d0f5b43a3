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
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from shelflife.errors import CleanupBusy, RecordsError, ShelflifeError, UsageError
from shelflife.execute.cleanup import act_on_root, refresh
from shelflife.execute.disks import Disk, disks_of, usage_of
from shelflife.execute.executor import AreaLost, Stopped
from shelflife.execute.measuring import histogram_of, measure_of, size_of
from shelflife.execute.planner import due_directories
from shelflife.execute.purge import purge_run, trash_load, trash_names
from shelflife.execute.report import AreaReport, RunReport
from shelflife.execute.run import Order, Run, Workplace, run
from shelflife.execute.storage import hold_roots
from shelflife.files.survey import FOREVER
from shelflife.policy.cutoff import by_retention
from shelflife.policy.load import HOUR, NOTHING, Load, before, total
from shelflife.policy.plan import AreaPlan, Plan
from shelflife.policy.pressure import Candidate, Relief, choose_cutoffs, still_needed, what_fills
from shelflife.records.journal import RunState, Trigger
from shelflife.records.refresh import Refreshed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shelflife.execute.context import Context, Means
    from shelflife.execute.lock import Lock
    from shelflife.files.anchor import Anchor
    from shelflife.files.trash import TrashName
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff
    from shelflife.policy.pressure import Usage
    from shelflife.records.journal import Journal
    from shelflife.settings import PressureSettings

logger = logging.getLogger(__name__)

PATIENCE: Final = 1.0
"""Seconds that a file system may take to show what was released: XFS was seen to need one."""

_LOOK: Final = 0.02
"""Seconds between two looks at whether it shows."""

_WAIT: Final = 1.0
"""Seconds between two looks at whether the lock is free."""

_SLACK: Final = 1024 * 1024
"""Bytes that must have been released before their absence means something: the journal writes meanwhile."""

_SLACK_INODES: Final = 8
"""Likewise."""

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


class _Enough(Exception):  # noqa: N818 - signals, not faults
    """There is room again."""


class _NoGain(Exception):  # noqa: N818
    """What was released gives no room."""


class _NothingToDo(Exception):  # noqa: N818
    """There is nothing that may go."""


def relieve(
    work: Workplace,
    *,
    trigger: Trigger = Trigger.PRESSURE,
    stop: threading.Event | None = None,
    patience: float = PATIENCE,
) -> list[DiskRelief]:
    """Make room on each file system that is above `pressure.high`; return how each one stands.

    Waits while another cleanup runs. Raises UsageError where no watermarks are set, StorageError, RecordsError.
    """
    marks = work.settings.pressure
    if marks is None:
        raise UsageError(
            "no watermarks are set; set `pressure` in the configuration, as `pressure: {high: 90%}`"
        )
    with work.hold_base() as base:
        disks = disks_of(base, work.areas.values())
    order = Order(trigger=trigger, stop=stop)
    return [_relieve(work, order, marks, disk, patience) for disk in disks]


def _relieve(
    work: Workplace, order: Order, marks: PressureSettings, disk: Disk, patience: float
) -> DiskRelief:
    task = _Task(disk=disk, marks=marks, patience=patience)
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
            run(work, order, partial(_ReliefRun, task))
        except (_NothingToDo, Stopped):
            return
        except CleanupBusy:
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


class _ReliefRun(Run):
    """A run whose plan is chosen by need, on one file system."""

    def __init__(self, task: _Task, work: Workplace, order: Order, lock: Lock, journal: Journal) -> None:
        super().__init__(work, order, lock, journal)
        self._task = task
        self._expected = NOTHING

    def choose(self, context: Context) -> tuple[Plan, bool]:
        """Return what must go, with the areas in the order in which they give."""
        task, now = self._task, context.freshness.now
        areas = {name: self._work.areas[name] for name in task.disk.areas}
        refresh(context, areas.values())
        with _Held(context, task.disk, areas) as held:
            usage = held.usage().like(task.usage.pressing(task.marks.high))
            if task.tries == 1 and not usage.above(task.marks.high):
                task.conclude(Outcome.RELIEVED)  # while it waited for another cleanup
                raise _NothingToDo
            trash = total(load for _, _, _, load in held.trash())
            could = trash.plus(held.estimate(now)).times(_DOUBT).covers(usage.excess(task.marks.high))
            candidates = [held.candidate(area, now, ranked=could) for area in areas.values()]
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
                raise _NothingToDo
            self._expected = usage.excess(task.marks.low)
        return plan, True

    def ask(self, plan: Plan) -> None:
        """Ask nobody: the need is the bound."""

    def act(self, context: Context, means: Means, plan: Plan, *, is_fresh: bool) -> RunReport:  # noqa: ARG002
        """Let the trash go, then area after area, until there is room."""
        task = self._task
        reports = {name: AreaReport(area=name) for name in task.disk.areas}
        for area_plan in plan.areas:
            reports[area_plan.area].scanned = area_plan.scanned
        areas = {name: replace(self._work.areas[name], trash=None) for name in task.disk.areas}
        state = RunState.DONE
        with _Held(context, task.disk, areas) as held:
            watch = _Watch(task, held.usage, list(reports.values()), self._order.stop)
            watched = replace(context, between=watch.after(context.between))
            outcome = Outcome.HOPELESS if task.is_hopeless else Outcome.NOT_ENOUGH
            try:
                held.carry_out(watched, means, plan, reports)
                watch.look()
            except _Enough:
                outcome = Outcome.RELIEVED
            except _NoGain:
                outcome = Outcome.NO_GAIN
                task.fills = [_NO_ROOM]
            except Stopped:
                state, outcome = RunState.STOPPED, Outcome.STOPPED
            finally:
                means.recorder.flush()
                context.index.flush()
            if self._judge(watch) and outcome is Outcome.NOT_ENOUGH:
                outcome = (
                    Outcome.RELIEVED
                )  # as much as was needed went; others, or our records, took some of it
        given = [report for report in reports.values() if report.scanned or report.purged or report.errors]
        report = RunReport(run=means.recorder.run, plan=plan.id, state=state, areas=given)
        task.conclude(outcome)
        task.reports.append(report)
        return report

    def remember(self, plan: Plan, report: RunReport) -> None:
        """Remember nothing: this was no cleanup of any area."""

    def _judge(self, watch: _Watch) -> bool:
        """Return whether what was planned went; see whether another run could make up for what did not."""
        task, released = self._task, watch.released()
        short = self._expected.less(released)
        could = task.relief is not None and task.relief.is_enough
        task.may_try_again = could and NOTHING not in (short, released)
        task.missing = task.missing.plus(short)
        return could and short == NOTHING


class _Watch:
    """Ends a run between two batches, when there is room again or no use in going on."""

    def __init__(
        self,
        task: _Task,
        usage: Callable[[], Usage],
        reports: list[AreaReport],
        stop: threading.Event | None,
    ) -> None:
        self._task = task
        self._counted = task.usage.pressing(task.marks.high)
        self._usage = usage
        self._reports = reports
        self._wait = (stop or threading.Event()).wait
        self._start = self._now()
        self._shown = self._start
        self._shown_at = NOTHING

    def after(self, between: Callable[[], None]) -> Callable[[], None]:
        """Return what looks, each time that `between` is called."""

        def look() -> None:
            between()
            self.look()

        return look

    def released(self) -> Load:
        """Return what this run has given back, by its own count."""
        return Load(
            files=sum(report.inodes + report.directories for report in self._reports),
            allocated=sum(report.freed for report in self._reports),
        )

    def look(self) -> None:
        """Raise _Enough or _NoGain, when it is time."""
        now, released = self._now(), self.released()
        if still_needed(self._start, now, released, self._task.marks.low) == NOTHING:
            raise _Enough
        if self._must_show(released) and not self._shows(now):
            raise _NoGain

    def _must_show(self, released: Load) -> bool:
        since = released.less(self._shown_at)
        by_bytes = self._counted.space.used and since.allocated >= _SLACK
        by_inodes = self._counted.inodes.used and since.files >= _SLACK_INODES
        return bool(by_bytes or by_inodes)

    def _shows(self, now: Usage) -> bool:
        """Return whether less is used than before; wait a little for that."""
        until = time.monotonic() + self._task.patience
        while not (now.space.used < self._shown.space.used or now.inodes.used < self._shown.inodes.used):
            if time.monotonic() >= until or self._wait(_LOOK):
                return False
            now = self._now()
        self._shown, self._shown_at = now, self.released()
        return True

    def _now(self) -> Usage:
        return self._usage().like(self._counted)


class _Held:
    """The directories of the areas on one file system, held open."""

    def __init__(self, context: Context, disk: Disk, areas: Mapping[str, Area]) -> None:
        self._context = context
        self._disk = disk
        self._areas = areas
        self._stack = ExitStack()
        self._roots: dict[str, list[tuple[str, Anchor]]] = {}

    def __enter__(self) -> _Held:
        for name, directories in self._disk.areas.items():
            try:
                roots, _ = self._stack.enter_context(hold_roots(self._context.base, self._areas[name]))
            except ShelflifeError:  # it leads away by now: nothing of it is touched
                continue
            self._roots[name] = [root for root in roots if root[0] in directories]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def usage(self) -> Usage:
        """Return how full the file system is now."""
        for roots in self._roots.values():
            for _, anchor in roots:
                return usage_of(anchor.fd)
        raise _NothingToDo

    def estimate(self, now: int) -> Load:
        """Return what all areas together could give, as the index has it."""
        load = NOTHING
        for area in self._areas.values():
            if area.retention is not None:
                young = area.retention if area.priority is None else min(area.retention, area.min_age)
                directories = [directory for directory, _ in self._roots.get(area.name, ())]
                load = load.plus(before(histogram_of(self._context.index, area, directories), now - young))
        return load

    def candidate(self, area: Area, now: int, *, ranked: bool) -> Candidate:
        """Return what an area could give, measured on the disk; what is not expired, only where `ranked`."""
        measure = measure_of(self._context, area, self._roots.get(area.name, ()))
        retention = by_retention(area, now)
        expired = total(measure(-FOREVER, retention.at, HOUR).values()) if retention else NOTHING
        ranked = ranked and area.priority is not None and area.retention is not None
        histogram = measure(-FOREVER, now - area.min_age, HOUR) if ranked else {}
        return Candidate(area=area, expired=expired, histogram=histogram, measure=measure)

    def trash(self) -> list[tuple[Area, tuple[str, Anchor], TrashName, Load]]:
        """Return what waits in the trash of the areas, the oldest first."""
        found = [
            (self._areas[name], root, trashed, trash_load(self._context, root[1], root[0], trashed))
            for name, roots in self._roots.items()
            for root in roots
            for trashed in trash_names(root[1])
        ]
        return sorted(found, key=lambda one: one[2].at)

    def area_plan(self, area: Area, cutoff: Cutoff) -> AreaPlan:
        """Return what of an area is before a cutoff."""
        context, index = self._context, self._context.index
        roots = self._roots.get(area.name, [])
        due = [
            found
            for directory, anchor in roots
            for found in due_directories(index, anchor, area, directory, cutoff, Refreshed(), context.holds())
        ]
        scanned = sum(index.totals(directory).readable_files for directory, _ in roots)
        return AreaPlan(area=area.name, cutoff=cutoff, scanned=scanned, due=tuple(due))

    def carry_out(
        self, context: Context, means: Means, plan: Plan, reports: Mapping[str, AreaReport]
    ) -> None:
        """Let go what must. Raises what `context.between` raises."""
        context.between()
        for area, (directory, anchor), name, _ in self.trash():
            try:
                purge_run(context, means, anchor, area, directory, name, reports[area.name])
            except AreaLost as lost:
                reports[area.name].errors.append(str(lost))
        for area_plan in plan.areas:
            if area_plan.cutoff is None:
                continue
            report = reports[area_plan.area]
            for directory, anchor in self._roots.get(area_plan.area, ()):
                context.between()
                area = self._areas[area_plan.area]
                act_on_root(context, means, area, directory, anchor, area_plan.cutoff, report)

    def fills(self) -> list[str]:
        """Return in words what the file system is full of."""
        usage, index = self.usage(), self._context.index
        holdings = [
            (area, size_of(index, [directory for directory, _ in self._roots.get(name, ())]))
            for name, area in self._areas.items()
        ]
        return what_fills(usage, holdings)
