"""Retention: refresh, plan and act, area by area – the strategy of every ordinary cleanup, and its two halves.

`make_plan` looks and changes nothing but the index; `carry_out` removes. Whoever wants only to see what would
happen calls the first and not the second: there is no dry-run flag anywhere below.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.events import AreaFinished
from shelflife.policy.choose import by_quota, by_retention_of_classes
from shelflife.policy.cutoff import KEEP_ALL, Cutoffs
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan
from shelflife.records.history import RunState
from shelflife.remove.careful import AreaExecutor
from shelflife.remove.directories import UnitExecutor
from shelflife.remove.purge import purge
from shelflife.remove.report import AreaReport, Failure, RunReport
from shelflife.remove.root import AreaLost, Root
from shelflife.run.approval import approved, confirm, interrupted, refuse_future, remember
from shelflife.scan.context import Stopped
from shelflife.scan.measure import size_of, stocks_of
from shelflife.scan.newest import keeping_newest
from shelflife.scan.planner import due_directories
from shelflife.scan.refresh import Refresh, Refreshed
from shelflife.scan.root import AreaRoot
from shelflife.settings import Expire
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shelflife.policy.area import Area
    from shelflife.remove.root import Options
    from shelflife.run.run import LockedStorage
    from shelflife.scan.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The strategy of a cleanup: what is before the cutoffs of its areas goes."""

    areas: tuple[str, ...] = ()
    """What to plan and carry out."""

    cutoffs: Mapping[str, Cutoffs] | None = None
    """Cutoffs that were chosen before, instead of those of now; `areas` are those that have one."""

    made: int | None = None
    """When they were chosen (ns)."""

    @classmethod
    def of(cls, plan: Plan) -> Retention:
        """Return what carries out a plan that was made before, with what is before its cutoffs by now."""
        return cls(made=plan.made, cutoffs={area.area: area.cutoffs for area in plan.areas})

    def choose(self, session: LockedStorage) -> Plan:
        """See `Strategy`."""
        made = session.context.freshness.now
        if self.made is not None:
            refuse_future(session.work, made := self.made)
        try:
            areas = [session.work.areas[name] for name in self.cutoffs or self.areas]
            plan = make_plan(session.context, areas, at=made, cutoffs=self.cutoffs)
            if self.cutoffs is None and (number := interrupted(session, plan)) is not None:
                return Approved(number).choose(session)
            return plan
        except Stopped:
            begun = [AreaPlan(area=name, cutoffs=cutoffs) for name, cutoffs in (self.cutoffs or {}).items()]
            return Plan(made=made, areas=tuple(begun))

    def confirm(self, session: LockedStorage, plan: Plan) -> None:
        """See `Strategy`."""
        confirm(session, plan)

    def carry_out(self, session: LockedStorage, options: Options, plan: Plan) -> RunReport:
        """See `Strategy`."""
        return carry_out(session.context, options, plan, session.work.areas)

    def remember(self, session: LockedStorage, plan: Plan, report: RunReport) -> None:
        """See `Strategy`: by what the next cleanup of these areas is judged."""
        if report.state == RunState.DONE:
            remember(session, plan, report)


@dataclass(frozen=True, slots=True)
class Approved:
    """The strategy of a cleanup that a person approved: its plan's cutoffs, and nobody is asked again.

    The approval stands until a run of it was complete: one that is stopped or killed is carried on.
    """

    plan: str
    """Id of the plan."""

    def choose(self, session: LockedStorage) -> Plan:
        """See `Strategy`. Raises UsageError when there is no such plan, or it may not be carried out any more."""
        made, cutoffs = approved(session.work, session.journal, self.plan)
        session.journal.approvals.approve(self.plan, at=session.work.clock())
        return Retention(made=made, cutoffs=cutoffs).choose(session)

    def confirm(self, session: LockedStorage, plan: Plan) -> None:
        """See `Strategy`: a person did."""

    def carry_out(self, session: LockedStorage, options: Options, plan: Plan) -> RunReport:
        """See `Strategy`."""
        return carry_out(session.context, options, plan, session.work.areas)

    def remember(self, session: LockedStorage, plan: Plan, report: RunReport) -> None:
        """See `Strategy`."""
        Retention().remember(session, plan, report)


@dataclass(slots=True)
class _Found:
    """What looking at an area found."""

    cutoffs: Cutoffs = KEEP_ALL
    due: list[DueDirectory] = field(default_factory=list)
    scanned: int = 0
    special: int = 0
    errors: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def make_plan(
    context: Context,
    areas: Iterable[Area],
    *,
    at: int,
    cutoffs: Mapping[str, Cutoffs] | None = None,
) -> Plan:
    """Bring the index up to date and return what would go from `areas` at the moment `at` (ns).

    With `cutoffs` by area's name, what is before these, instead of those that are due at that moment.
    Raises Stopped.
    """
    plans = []
    for area in areas:
        if cutoffs is None:
            found = _look(context, area, at=at)
        else:
            found = _look(context, area, at=None, cutoffs=cutoffs[area.name])
        plans.append(
            AreaPlan(
                area=area.name,
                cutoffs=found.cutoffs,
                scanned=found.scanned,
                special=found.special,
                due=tuple(found.due),
                errors=tuple(found.errors),
            )
        )
    return Plan(made=at, areas=tuple(plans))


def refresh_areas(context: Context, areas: Iterable[Area]) -> dict[str, list[str]]:
    """Bring the index up to date; return by area what could not be looked at. Raises as `make_plan`."""
    return {area.name: _look(context, area, at=None).errors for area in areas}


def carry_out(context: Context, options: Options, plan: Plan, areas: Mapping[str, Area]) -> RunReport:
    """Remove what is before the plan's cutoffs. The index was brought up to date for it just now.

    Never raises Stopped: the report says that the run was stopped, and what it did until then.
    """
    reports: list[AreaReport] = []
    state = RunState.DONE
    try:
        context.between()  # a run that was stopped while it planned has an empty plan, and is not done
        for area_plan in plan.areas:
            if not area_plan.cutoffs:
                continue
            report = AreaReport(area=area_plan.area, scanned=area_plan.scanned, special=area_plan.special)
            report.errors.extend(area_plan.errors)
            reports.append(report)
            _act(context, options, areas[area_plan.area], area_plan.cutoffs, report)
    except Stopped:
        state = RunState.STOPPED
    finally:
        options.recorder.flush()
        context.index.flush()
    if options.recorder.unwritten:
        reports[-1].errors.append(
            f"what became of {options.recorder.unwritten} files found no room in the journal"
        )
    return RunReport(run=options.recorder.run, plan=plan.id, state=state, areas=tuple(reports))


def _look(context: Context, area: Area, *, at: int | None, cutoffs: Cutoffs = KEEP_ALL) -> _Found:
    """Bring the index up to date for an area, and find what is before the cutoffs that are chosen at `at` (ns).

    Without `at`, before `cutoffs`; without either, nothing is looked for.
    """
    found = _Found(cutoffs=cutoffs if at is None else by_retention_of_classes(area, at))
    try:
        with hold_roots(context.base, area) as (roots, faults):
            found.errors.extend(faults)
            looked = {
                AreaRoot(area, directory, anchor): _refresh(context, AreaRoot(area, directory, anchor), found)
                for directory, anchor in roots
            }
            if roots and not faults:
                _forget_others(context, area, {root.directory for root in looked})
            if found.cutoffs:
                _find_due(context, area, looked, found, at)
    except StorageError as error:  # this area leads away: nothing of it is touched, and the others go on
        found.errors.append(str(error))
    return found


def _refresh(context: Context, root: AreaRoot, found: _Found) -> Refreshed | None:
    """Bring the index up to date for one of an area's directories; None when it cannot be read."""
    try:
        refreshed = Refresh(
            context.index,
            root,
            freshness=context.freshness,
            cutoffs=found.cutoffs,
            listener=context.listener,
            between=context.between,
            pool=context.pool,
            listings=context.listings,
        ).run()
    except OSError as error:
        found.errors.append(f"{root.directory}: {error.strerror}")
        return None
    found.errors.extend(_errors(root.directory, refreshed))
    totals = context.index.totals(root.directory)
    found.scanned += totals.scanned
    found.special += totals.special
    return refreshed


def _find_due(
    context: Context,
    area: Area,
    looked: Mapping[AreaRoot, Refreshed | None],
    found: _Found,
    at: int | None,
) -> None:
    """Find what is before the area's cutoffs, which are chosen at `at` (ns) unless that is None."""
    counted = found.cutoffs
    readable = {root: refreshed for root, refreshed in looked.items() if refreshed is not None}
    if at is not None:
        found.cutoffs = _cutoffs_of(context, area, list(readable), at)
    found.cutoffs = keeping_newest(context, area, list(readable), found.cutoffs)
    for root, refreshed in readable.items():
        # what was counted before other cutoffs says nothing
        due = refreshed.due if found.cutoffs == counted else {}
        try:
            found.due.extend(due_directories(context, root, found.cutoffs, due))
        except OSError as error:
            found.errors.append(f"{root.directory}: {error.strerror}")


def _cutoffs_of(context: Context, area: Area, roots: Sequence[AreaRoot], at: int) -> Cutoffs:
    """Return the cutoffs of an area: by its quota, where that asks for more than its retentions."""
    if area.quota is None and area.max_files is None:
        return by_retention_of_classes(area, at)
    size = size_of(context.index, [root.directory for root in roots])
    return by_quota(area, at, size, stocks_of(context, area, roots, before=at - area.min_age))


def _forget_others(context: Context, area: Area, there: set[str]) -> None:
    """Forget those of an area's directories that are gone while another one is there.

    An area without any directory keeps its last known numbers: its volume may come back.
    """
    for directory in area.directories:
        if directory not in there and context.index.totals(directory).as_of:
            root = context.index.root(directory)
            context.index.drop(root, "")
            context.index.complete(root, as_of=0)


def _errors(directory: str, refreshed: Refreshed) -> list[str]:
    return [f"{directory}/{found.path}: {os.strerror(found.errno)}" for found in refreshed.unreadable] + [
        f"{directory}/{path}: a volume of its own (a mount or a subvolume); it is not entered"
        for path in refreshed.mounts
    ]


def _act(context: Context, options: Options, area: Area, cutoffs: Cutoffs, report: AreaReport) -> None:
    try:
        with hold_roots(context.base, area) as (roots, _):
            for directory, anchor in roots:
                root = Root(
                    context=context,
                    options=options,
                    anchor=anchor,
                    area=area,
                    directory=directory,
                    report=report,
                )
                act_on_root(root, cutoffs)
    except StorageError as error:
        if str(error) not in report.errors:  # it was said when the area was looked at
            report.errors.append(str(error))
    context.listener(
        AreaFinished(
            area=area.name,
            scanned=report.scanned,
            removed=report.removed,
            failed=report.failed,
            bytes=report.bytes,
            errors=tuple(report.errors),
        )
    )


def act_on_root(root: Root, cutoffs: Cutoffs) -> None:
    """Remove from one of an area's directories what is before the cutoffs, and from its trash what waited."""
    executor = AreaExecutor(root, cutoffs)
    try:
        purge(root)  # first: it makes room for the trash of this run
        if root.area.expire is not Expire.DIRECTORY:
            executor.run()
        else:
            executor.run_in("")
            UnitExecutor(root, cutoffs).run()
    except AreaLost as lost:
        root.report.errors.append(str(lost))
    finally:
        executor.close()
        index = root.context.index
        index.complete(index.root(root.directory), as_of=None)
