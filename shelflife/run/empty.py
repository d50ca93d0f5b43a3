"""Emptying the trash: the strategy of a run that removes for good what waits there, when a person asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.policy.cutoff import KEEP_ALL
from shelflife.policy.plan import AreaPlan, Plan
from shelflife.records.history import RunState
from shelflife.remove.purge import purge
from shelflife.remove.report import AreaReport, RunReport
from shelflife.remove.root import AreaLost, Root
from shelflife.scan.context import Stopped
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from shelflife.remove.root import Options
    from shelflife.run.run import LockedStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyTrash:
    """The strategy of a run that empties the trash of areas. Holds are respected."""

    areas: tuple[str, ...]

    before: int | None = None
    """Only what went there before that (ns)."""

    def choose(self, session: LockedStorage) -> Plan:
        """See `Strategy`: there is no cutoff."""
        plans = [AreaPlan(area=name, cutoffs=KEEP_ALL) for name in self.areas]
        return Plan(made=session.context.freshness.now, areas=tuple(plans))

    def confirm(self, session: LockedStorage, plan: Plan) -> None:
        """See `Strategy`: who asks for it means it."""

    def carry_out(self, session: LockedStorage, options: Options, plan: Plan) -> RunReport:
        """See `Strategy`."""
        limit = session.work.clock() + 1 if self.before is None else self.before
        reports: list[AreaReport] = []
        state = RunState.DONE
        try:
            for name in self.areas:
                reports.append(AreaReport(area=name))
                self._empty(session, options, reports[-1], limit)
        except Stopped:
            state = RunState.STOPPED
        finally:
            options.recorder.flush()
        return RunReport(run=options.recorder.run, plan=plan.id, state=state, areas=tuple(reports))

    @staticmethod
    def _empty(session: LockedStorage, options: Options, report: AreaReport, limit: int) -> None:
        context, area = session.context, session.work.areas[report.area]
        with hold_roots(context.base, area) as (roots, _):
            for place in roots:
                root = Root.at(place, context, options, report)
                try:
                    purge(root, before=limit)
                except AreaLost as lost:
                    report.errors.append(str(lost))

    def remember(self, session: LockedStorage, plan: Plan, report: RunReport) -> None:
        """See `Strategy`: nothing."""
