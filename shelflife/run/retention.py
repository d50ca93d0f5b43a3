"""Retention: refresh, plan and act, area by area – the strategy of every ordinary cleanup, and its second half.

The first half, which looks and changes nothing but the index, is `shelflife.run.planning`. Whoever wants only to
see what would happen calls that and not `carry_out`: there is no dry-run flag anywhere below.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.events import AreaFinished
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.plan import AreaPlan, Plan
from shelflife.records.history import RunState
from shelflife.remove.careful import AreaExecutor
from shelflife.remove.directories import UnitExecutor
from shelflife.remove.pruning import Pruner
from shelflife.remove.purge import purge
from shelflife.remove.report import AreaReport, RunReport
from shelflife.remove.root import AreaLost, Root
from shelflife.run.approval import approved, confirm, interrupted, refuse_future, remember
from shelflife.run.planning import make_plan
from shelflife.scan.context import Stopped
from shelflife.settings import Expire
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def _act(context: Context, options: Options, area: Area, cutoffs: Cutoffs, report: AreaReport) -> None:
    try:
        with hold_roots(context.base, area) as (roots, _):
            for place in roots:
                act_on_root(Root.at(place, context, options, report), cutoffs)
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
    with _completing(root), closing(AreaExecutor(root, cutoffs)) as executor:
        purge(root)  # first: it makes room for the trash of this run
        if root.area.expire is not Expire.DIRECTORY:
            executor.run()
        else:
            executor.run_in("")
            UnitExecutor(root, cutoffs).run()


def prune_root(root: Root, cutoffs: Cutoffs) -> None:
    """Remove from one of an area's directories the empty ones that are before the cutoffs, and nothing else."""
    with _completing(root):
        Pruner(root).prune_all(cutoffs)


@contextmanager
def _completing(root: Root) -> Iterator[None]:
    """Surround the work in one directory: a disk that fails ends it with an error; the index has what went."""
    try:
        yield
    except AreaLost as lost:
        root.report.errors.append(str(lost))
    finally:
        index = root.context.index
        index.complete(index.root(root.directory), as_of=None)
