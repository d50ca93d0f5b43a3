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
from shelflife.policy.choose import by_quota, by_retention
from shelflife.policy.cutoff import Cutoff
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan
from shelflife.records.history import RunState
from shelflife.remove.careful import AreaExecutor
from shelflife.remove.directories import UnitExecutor
from shelflife.remove.purge import purge
from shelflife.remove.report import AreaReport, Failure, RunReport
from shelflife.remove.root import AreaLost, Root
from shelflife.run.approval import approved, confirm, refuse_future, remember
from shelflife.scan.context import Stopped
from shelflife.scan.measure import candidates_of, measure_of, size_of
from shelflife.scan.planner import due_directories
from shelflife.scan.refresh import Refresh, Refreshed
from shelflife.settings import Expire
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.policy.area import Area
    from shelflife.remove.root import Options
    from shelflife.run.run import Session
    from shelflife.scan.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The strategy of a cleanup: what is before the cutoffs of its areas goes."""

    areas: tuple[str, ...] = ()
    """What to plan and carry out."""

    cutoffs: Mapping[str, Cutoff | None] | None = None
    """Cutoffs that were chosen before, instead of those of now; `areas` are those that have one."""

    made: int | None = None
    """When they were chosen (ns)."""

    @classmethod
    def of(cls, plan: Plan) -> Retention:
        """Return what carries out a plan that was made before, with what is before its cutoffs by now."""
        return cls(made=plan.made, cutoffs={area.area: area.cutoff for area in plan.areas})

    def choose(self, session: Session) -> Plan:
        """See `Strategy`."""
        made = session.context.freshness.now
        if self.made is not None:
            refuse_future(session.work, made := self.made)
        try:
            areas = [session.work.areas[name] for name in self.cutoffs or self.areas]
            return make_plan(session.context, areas, at=made, cutoffs=self.cutoffs)
        except Stopped:
            begun = [AreaPlan(area=name, cutoff=cutoff) for name, cutoff in (self.cutoffs or {}).items()]
            return Plan(made=made, areas=tuple(begun))

    def confirm(self, session: Session, plan: Plan) -> None:
        """See `Strategy`."""
        confirm(session, plan)

    def carry_out(self, session: Session, options: Options, plan: Plan) -> RunReport:
        """See `Strategy`."""
        return carry_out(session.context, options, plan, session.work.areas)

    def remember(self, session: Session, plan: Plan, report: RunReport) -> None:
        """See `Strategy`: by what the next cleanup of these areas is judged."""
        if report.state == RunState.DONE:
            remember(session, plan, report, arrivals={})


@dataclass(frozen=True, slots=True)
class Approved:
    """The strategy of a cleanup that a person approved: its plan's cutoffs, and nobody is asked again.

    The approval stands until a run of it was complete: one that is stopped or killed is carried on.
    """

    plan: str
    """Id of the plan."""

    def choose(self, session: Session) -> Plan:
        """See `Strategy`. Raises UsageError when there is no such plan, or it may not be carried out any more."""
        made, cutoffs = approved(session, self.plan)
        session.journal.approvals.approve(self.plan, at=session.work.clock())
        return Retention(made=made, cutoffs=cutoffs).choose(session)

    def confirm(self, session: Session, plan: Plan) -> None:
        """See `Strategy`: a person did."""

    def carry_out(self, session: Session, options: Options, plan: Plan) -> RunReport:
        """See `Strategy`."""
        return carry_out(session.context, options, plan, session.work.areas)

    def remember(self, session: Session, plan: Plan, report: RunReport) -> None:
        """See `Strategy`."""
        if report.state == RunState.DONE:
            approvals = session.journal.approvals
            offered = approvals.offered(self.plan)
            remember(session, plan, report, arrivals=offered.arrivals if offered else {})
            approvals.use(self.plan, report.run)


@dataclass(slots=True)
class _Found:
    """What looking at an area found."""

    cutoff: Cutoff | None = None
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
    cutoffs: Mapping[str, Cutoff | None] | None = None,
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
            found = _look(context, area, at=None, cutoff=cutoffs[area.name])
        plans.append(
            AreaPlan(
                area=area.name,
                cutoff=found.cutoff,
                scanned=found.scanned,
                special=found.special,
                due=tuple(found.due),
                errors=tuple(found.errors),
            )
        )
    return Plan(made=at, areas=tuple(plans))


def refresh(context: Context, areas: Iterable[Area]) -> dict[str, list[str]]:
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
            if area_plan.cutoff is None:
                continue
            report = AreaReport(area=area_plan.area, scanned=area_plan.scanned, special=area_plan.special)
            report.errors.extend(area_plan.errors)
            reports.append(report)
            _act(context, options, areas[area_plan.area], area_plan.cutoff, report)
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


def _look(context: Context, area: Area, *, at: int | None, cutoff: Cutoff | None = None) -> _Found:
    """Bring the index up to date for an area, and find what is before the cutoff that is chosen at `at` (ns).

    Without `at`, before `cutoff`; without either, nothing is looked for.
    """
    found = _Found(cutoff=cutoff if at is None else by_retention(area, at))
    try:
        with hold_roots(context.base, area) as (roots, faults):
            found.errors.extend(faults)
            looked = {
                directory: _refresh(context, anchor, area, directory, found) for directory, anchor in roots
            }
            if roots and not faults:
                _forget_others(context, area, set(looked))
            if found.cutoff is not None:
                _find_due(context, area, roots, looked, found, at)
    except StorageError as error:  # this area leads away: nothing of it is touched, and the others go on
        found.errors.append(str(error))
    return found


def _refresh(context: Context, anchor: Anchor, area: Area, directory: str, found: _Found) -> Refreshed | None:
    """Bring the index up to date for one of an area's directories; None when it cannot be read."""
    try:
        refreshed = Refresh(
            context.index,
            anchor,
            area,
            directory,
            freshness=context.freshness,
            cutoff=found.cutoff,
            listener=context.listener,
            between=context.between,
            pool=context.pool,
            listings=context.listings,
        ).run()
    except OSError as error:
        found.errors.append(f"{directory}: {error.strerror}")
        return None
    found.errors.extend(_errors(directory, refreshed))
    totals = context.index.totals(directory)
    found.scanned += totals.scanned
    found.special += totals.special
    return refreshed


def _find_due(
    context: Context,
    area: Area,
    roots: Sequence[tuple[str, Anchor]],
    looked: Mapping[str, Refreshed | None],
    found: _Found,
    at: int | None,
) -> None:
    """Find what is before the area's cutoff, which is chosen at `at` (ns) unless that is None."""
    counted = found.cutoff
    readable = [(directory, anchor) for directory, anchor in roots if looked[directory] is not None]
    cutoff = counted if at is None else _cutoff_of(context, area, readable, at)
    assert cutoff is not None  # noqa: S101 - who calls this has seen to it
    found.cutoff = cutoff
    for directory, anchor in readable:
        refreshed = looked[directory]
        if refreshed is None or cutoff != counted:
            refreshed = Refreshed()  # what was counted as due, was counted before another cutoff
        try:
            found.due.extend(due_directories(context, anchor, area, directory, cutoff, refreshed))
        except OSError as error:
            found.errors.append(f"{directory}: {error.strerror}")


def _cutoff_of(context: Context, area: Area, roots: Sequence[tuple[str, Anchor]], at: int) -> Cutoff:
    """Return the cutoff of an area that is not indefinite: by its quota, where that asks for more."""
    cutoff = by_retention(area, at)
    if area.quota is not None or area.max_files is not None:
        directories = [directory for directory, _ in roots]
        measure = measure_of(context, area, roots)
        cutoff = by_quota(
            area,
            at,
            size_of(context.index, directories),
            candidates_of(context, area, roots, before=at - area.min_age, measure=measure),
            measure,
        )
    assert cutoff is not None  # noqa: S101 - the area has a retention
    return cutoff


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


def _act(context: Context, options: Options, area: Area, cutoff: Cutoff, report: AreaReport) -> None:
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
                act_on_root(root, cutoff)
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


def act_on_root(root: Root, cutoff: Cutoff) -> None:
    """Remove from one of an area's directories what is before a cutoff, and from its trash what waited."""
    executor = AreaExecutor(root, cutoff)
    try:
        purge(root)  # first: it makes room for the trash of this run
        if root.area.expire is Expire.FILE:
            executor.run()
        else:
            executor.run_in("")
            UnitExecutor(root, cutoff).run()
    except AreaLost as lost:
        root.report.errors.append(str(lost))
    finally:
        executor.close()
        index = root.context.index
        index.complete(index.root(root.directory), as_of=None)
