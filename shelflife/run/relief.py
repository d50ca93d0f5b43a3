"""The strategy of a run that makes room on one file system.

Its plan is chosen by need instead of age (`shelflife.policy.pressure`). First the trash goes, then what is
expired, then a small portion of what is oldest in areas with a priority, and when that shows the rest. What goes,
goes for good: moved into a trash it would free nothing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shelflife.policy.gain import ReliefStep, Remembered
from shelflife.policy.limits import Allowance, Extent, doubt_about_relief, interval_of, unasked
from shelflife.policy.load import NOTHING, Load, total
from shelflife.policy.plan import Plan
from shelflife.policy.pressure import ANY_NUMBER, Candidate, Empty, Need, ReliefPlan, Withheld, choose_cutoffs
from shelflife.records.history import RunState
from shelflife.remove.report import AreaReport, RunReport
from shelflife.remove.throttle import Throttle
from shelflife.run.planning import refresh_areas
from shelflife.run.pressure_monitor import PressureMonitor
from shelflife.run.reclaim import Reclaimable
from shelflife.run.relief_task import ReliefOutcome, ReliefTask
from shelflife.scan.context import Stopped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shelflife.records.journal import Journal
    from shelflife.remove.root import Options
    from shelflife.run.run import LockedStorage
    from shelflife.scan.context import Context

logger = logging.getLogger(__name__)

NO_ROOM: Final = (
    "what was removed gave no room: it may still be open, be part of a snapshot, or be written as fast as it is "
    "removed; nothing unexpired goes until the disk shows it, or you say so with "
    "`shelflife cleanup --pressure --insist`"
)

_DOUBT: Final = 2
"""How much more there may be than the index says. Where even that would not do, nothing more is measured: a disk
that others have filled would else be read through at every look."""


class Relieving:
    """The strategy of a run whose plan is chosen by need, on one file system."""

    def __init__(self, task: ReliefTask) -> None:
        """Take what is to be done; what is found out is put there."""
        self._task = task
        self._wanted = NOTHING
        self._expired: dict[str, int] = {}
        self._remembered = Remembered(file_system=task.disk.file_system)
        self._otherwise = ReliefOutcome.NOT_ENOUGH
        self._asks: list[str] = []
        self._doubts: list[str] = []

    def choose(self, session: LockedStorage) -> Plan | None:
        """See `Strategy`: what must go, with the areas in the order in which they give."""
        task, context = self._task, session.context
        now = context.freshness.now
        areas = {name: session.work.areas[name] for name in task.disk.areas}
        refresh_areas(context, areas.values())
        with Reclaimable(context, task.disk, areas, session.work.records.state) as held:
            usage = held.usage()
            if task.tries == 1 and not task.passed.are_passed(usage):
                task.conclude(ReliefOutcome.RELIEVED)  # while it waited for another cleanup
                return None
            self._remembered = task.recall(session.journal, usage, now)
            need = Need.of(task.passed, usage, self._remembered.expected, task.missing)
            if need.enough == NOTHING:  # all of it is on its way
                task.conclude(*_on_its_way(task.passed.are_passed(usage)))
                self._keep_in_mind(session.journal)
                return None
            self._wanted = need.enough.less(task.missing)
            trash = total(load for _, _, load in held.trash())
            candidates = self._candidates(session, held, need, trash)
            task.relief = choose_cutoffs(candidates, need, trash=trash, now=now)
            self._foresee(need, task.relief)
            empty = dict(task.relief.empty)
            plan = Plan(
                made=now,
                areas=tuple(
                    held.area_plan(areas[name], cutoff, empty.get(name))
                    for name, cutoff in task.relief.cutoffs
                ),
            )
            if trash != NOTHING or any(area.due for area in plan.areas):
                return plan
            outcome = self._otherwise if task.tries == 1 else task.outcome
            task.conclude(outcome, self._reasons(held, outcome))
        task.may_try_again = False
        self._keep_in_mind(session.journal)
        return None

    def _foresee(self, need: Need, relief: ReliefPlan) -> None:
        """Find out what it means if what goes is not enough."""
        self._asks = [*self._doubts, *(_asks(withheld) for withheld in relief.withheld)]
        if relief.is_hopeless:
            self._otherwise = ReliefOutcome.HOPELESS
        elif not relief.is_enough and not need.may_take_unexpired:
            self._otherwise = ReliefOutcome.NO_GAIN

    def _reasons(self, held: Reclaimable, outcome: ReliefOutcome) -> list[str]:
        """Return in words why it is as it is now."""
        if outcome is ReliefOutcome.NO_GAIN:
            return [NO_ROOM]
        if outcome in (ReliefOutcome.NOT_ENOUGH, ReliefOutcome.HOPELESS):
            return [*self._asks, *held.fills(self._task.passed)]
        return []

    def _candidates(
        self, session: LockedStorage, held: Reclaimable, need: Need, trash: Load
    ) -> list[Candidate]:
        """Return what the areas could give, each as far as it may go unasked."""
        now = session.context.freshness.now
        areas = [session.work.areas[name] for name in self._task.disk.areas]
        empty = {area.name: held.empty(area, now) for area in areas if need.enough.files}
        estimate = held.estimate(now).plus(Load(files=sum(one.all for one in empty.values())))
        could = trash.plus(estimate).times(_DOUBT).covers(need.least)
        found = []
        for area in areas:
            candidate = held.candidate(area, now, ranked=could and need.may_take_unexpired)
            candidate = replace(candidate, empty=empty.get(area.name, Empty()))
            allowance = self._allowance(session, candidate, held)
            if allowance.doubt is not None:
                candidate = replace(candidate, empty=Empty(candidate.empty.expired))
            if allowance.expired:
                found.append(replace(candidate, unasked=allowance.unexpired))
        self._expired = {candidate.area.name: candidate.expired.files for candidate in found}
        return found

    def _allowance(self, session: LockedStorage, candidate: Candidate, held: Reclaimable) -> Allowance:
        """Return how much of an area may go before a person has looked at it."""
        if self._task.insist:
            return Allowance(expired=True, unexpired=ANY_NUMBER)
        name, settings, now = candidate.area.name, session.work.settings, session.context.freshness.now
        last = session.journal.approvals.last_runs().get(name)
        doubt = doubt_about_relief(settings, name, last, now, interval=interval_of(settings, now))
        expired = Extent(candidate.expired.files, candidate.expired.bytes, held.scanned(candidate.area))
        allowance = unasked(expired, settings.limits, doubt, taken=self._remembered.taken.get(name, 0))
        if allowance.doubt is not None:
            what = "nothing that is not expired" if allowance.expired else "nothing but its trash"
            self._doubts.append(
                f"{name} gives {what} before a person has approved a cleanup, or one was ordinary: "
                f"{expired.files:,} of its files count as expired, and {allowance.doubt.reason}"
            )
            logger.warning("area %s", self._doubts[-1])
        return allowance

    def confirm(self, session: LockedStorage, plan: Plan) -> None:
        """See `Strategy`: nobody is asked, the need is the bound."""

    def carry_out(self, session: LockedStorage, options: Options, plan: Plan) -> RunReport:
        """See `Strategy`: the trash goes, then what is expired, then a first portion, then area after area."""
        task, context = self._task, session.context
        reports = {name: AreaReport(area=name) for name in task.disk.areas}
        for area_plan in plan.areas:
            reports[area_plan.area].scanned = area_plan.scanned
        areas = {name: replace(session.work.areas[name], trash=None) for name in task.disk.areas}
        with Reclaimable(context, task.disk, areas, session.work.records.state) as held:
            watch = PressureMonitor(
                held,
                list(reports.values()),
                inner=context.watch,
                marks=task.passed,
                expected=self._remembered.expected,
                patience=task.patience,
            )
            try:
                was_stopped = self._let_go(held, watch, context, options, reports)
            finally:
                options.recorder.flush()
                context.index.flush()
            outcome = self._outcome(watch, was_stopped=was_stopped)
            task.conclude(outcome, self._reasons(held, outcome))
        state = RunState.STOPPED if outcome is ReliefOutcome.STOPPED else RunState.DONE
        given = [
            one for one in reports.values() if one.scanned or one.purged or one.directories or one.errors
        ]
        report = RunReport(run=options.recorder.run, plan=plan.id, state=state, areas=given)
        task.reports.append(report)
        self._learn(session, watch, reports.values())
        return report

    def _let_go(
        self,
        held: Reclaimable,
        watch: PressureMonitor,
        context: Context,
        options: Options,
        reports: Mapping[str, AreaReport],
    ) -> bool:
        """Let go what must; return whether that was ended before all of it had gone."""
        relief = self._task.relief or ReliefPlan(is_enough=True)
        unhurried = replace(options, one_by_one=True, throttle=Throttle())
        try:
            held.carry_out(replace(context, watch=watch), unhurried, relief.stages, reports)
            watch.look()
        except Stopped:
            return True
        return False

    def _outcome(self, watch: PressureMonitor, *, was_stopped: bool) -> ReliefOutcome:
        """Return how it stands after what has gone."""
        is_as_planned = self._judge(watch)
        if watch.finding is not None:
            return ReliefOutcome.RELIEVED if watch.finding is ReliefStep.ENOUGH else ReliefOutcome.NO_GAIN
        if was_stopped:
            return ReliefOutcome.STOPPED
        # What was needed went: if it is not enough, others or our own records took some of it.
        return (
            ReliefOutcome.RELIEVED
            if is_as_planned and self._otherwise is ReliefOutcome.NOT_ENOUGH
            else self._otherwise
        )

    def remember(self, session: LockedStorage, plan: Plan, report: RunReport) -> None:
        """See `Strategy`: nothing, since this was no cleanup of any area."""

    def _learn(self, session: LockedStorage, watch: PressureMonitor, reports: Iterable[AreaReport]) -> None:
        """Leave to the looks that follow what is on its way, and what areas have given."""
        self._remembered = replace(self._remembered, expected=watch.on_its_way(session.work.clock()))
        for report in reports:
            unexpired = max(0, report.removed - self._expired.get(report.area, 0))
            self._remembered = self._remembered.give(report.area, unexpired)
        self._keep_in_mind(session.journal)

    def _keep_in_mind(self, journal: Journal) -> None:
        disk = self._task.disk
        before = journal.pressure.recall(disk.name, disk.file_system)
        if self._remembered != before:
            journal.pressure.remember(disk.name, self._remembered)

    def _judge(self, watch: PressureMonitor) -> bool:
        """Return whether what was planned went; see whether another run could make up for what did not."""
        task, released = self._task, watch.released()
        short = self._wanted.less(released)
        could = task.relief is not None and task.relief.is_enough
        task.may_try_again = could and NOTHING not in (short, released)
        task.missing = task.missing.plus(short)
        return could and short == NOTHING


def _on_its_way(is_too_full: bool) -> tuple[ReliefOutcome, list[str]]:
    """Return how it stands, and why, where all that is needed was released and does not show yet."""
    return (ReliefOutcome.NO_GAIN, [NO_ROOM]) if is_too_full else (ReliefOutcome.RELIEVED, [])


def _asks(withheld: Withheld) -> str:
    return (
        f"{withheld.files:,} more files of {withheld.area} would have to go than go unasked "
        "(limits.confirm_above); `shelflife cleanup --pressure --insist` lets them go"
    )
