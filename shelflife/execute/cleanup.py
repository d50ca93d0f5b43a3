"""Refresh, plan and act, area by area: the two halves that every cleanup is made of.

`make_plan` looks and changes nothing but the index; `carry_out` removes. Whoever wants only to see what would
happen calls the first and not the second: there is no dry-run flag anywhere below.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.events import AreaFinished
from shelflife.execute.executor import AreaExecutor, AreaLost, Stopped
from shelflife.execute.planner import due_directories
from shelflife.execute.purge import purge
from shelflife.execute.report import AreaReport, Failure, RunReport
from shelflife.execute.storage import hold_roots
from shelflife.execute.units import UnitExecutor
from shelflife.policy.cutoff import by_retention
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan
from shelflife.records.journal import RunState
from shelflife.records.refresh import Refresh, Refreshed
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shelflife.execute.context import Context, Means
    from shelflife.files.anchor import Anchor
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff


@dataclass(slots=True)
class _Found:
    """What looking at an area found."""

    due: list[DueDirectory] = field(default_factory=list)
    scanned: int = 0
    errors: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def make_plan(context: Context, areas: Iterable[Area], *, at: int) -> Plan:
    """Bring the index up to date and return what would go from `areas` at the moment `at` (ns).

    Raises Stopped.
    """
    plans = []
    for area in areas:
        cutoff = by_retention(area, at)
        found = _look(context, area, cutoff, planning=True)
        plans.append(
            AreaPlan(
                area=area.name,
                cutoff=cutoff,
                scanned=found.scanned,
                due=tuple(found.due),
                errors=tuple(found.errors),
            )
        )
    return Plan(made=at, areas=tuple(plans))


def refresh(context: Context, areas: Iterable[Area]) -> dict[str, list[str]]:
    """Bring the index up to date; return by area what could not be looked at. Raises as `make_plan`."""
    return {area.name: _look(context, area, None, planning=False).errors for area in areas}


def carry_out(
    context: Context, means: Means, plan: Plan, areas: Mapping[str, Area], *, fresh: bool
) -> RunReport:
    """Remove what is before the plan's cutoffs; `fresh` says that the index was brought up to date just now.

    Never raises Stopped: the report says that the run was stopped, and what it did until then.
    """
    reports: list[AreaReport] = []
    state = RunState.DONE
    try:
        context.between()  # a run that was stopped while it planned has an empty plan, and is not done
        for area_plan in plan.areas:
            if area_plan.cutoff is None:
                continue
            report = AreaReport(area=area_plan.area, scanned=area_plan.scanned)
            report.errors.extend(area_plan.errors)
            reports.append(report)
            area = areas[area_plan.area]
            if not fresh:
                found = _look(context, area, None, planning=False)
                report.scanned, report.errors = found.scanned, found.errors
            _act(context, means, area, area_plan.cutoff, report)
    except Stopped:
        state = RunState.STOPPED
    finally:
        means.recorder.flush()
        context.index.flush()
    if means.recorder.unwritten:
        reports[-1].errors.append(
            f"what became of {means.recorder.unwritten} files found no room in the journal"
        )
    return RunReport(run=means.recorder.run, plan=plan.id, state=state, areas=tuple(reports))


def _look(context: Context, area: Area, cutoff: Cutoff | None, *, planning: bool) -> _Found:
    found = _Found()
    try:
        with hold_roots(context.base, area) as (roots, faults):
            found.errors.extend(faults)
            for directory, anchor in roots:
                _look_at_root(context, area, directory, anchor, cutoff, found, planning=planning)
            if roots and not faults:
                _forget_others(context, area, {directory for directory, _ in roots})
    except StorageError as error:  # this area leads away: nothing of it is touched, and the others go on
        found.errors.append(str(error))
    return found


def _look_at_root(
    context: Context,
    area: Area,
    directory: str,
    anchor: Anchor,
    cutoff: Cutoff | None,
    found: _Found,
    *,
    planning: bool,
) -> None:
    try:
        refreshed = _refresh_root(context, anchor, area, directory, cutoff)
        found.errors.extend(_errors(directory, refreshed))
        found.scanned += context.index.totals(directory).readable_files
        if planning and cutoff is not None:
            found.due.extend(
                due_directories(context.index, anchor, area, directory, cutoff, refreshed, context.holds())
            )
    except OSError as error:
        found.errors.append(f"{directory}: {error.strerror}")


def _forget_others(context: Context, area: Area, there: set[str]) -> None:
    """Forget those of an area's directories that are gone while another one is there.

    An area without any directory keeps its last known numbers: its volume may come back.
    """
    for directory in area.directories:
        if directory not in there and context.index.totals(directory).as_of:
            root = context.index.root(directory)
            context.index.drop(root, "")
            context.index.complete(root, as_of=0)


def _refresh_root(
    context: Context, anchor: Anchor, area: Area, directory: str, cutoff: Cutoff | None
) -> Refreshed:
    return Refresh(
        context.index,
        anchor,
        area,
        directory,
        freshness=context.freshness,
        cutoff=cutoff,
        listener=context.listener,
        between=context.between,
    ).run()


def _errors(directory: str, refreshed: Refreshed) -> list[str]:
    return [f"{directory}/{found.path}: {os.strerror(found.errno)}" for found in refreshed.unreadable] + [
        f"{directory}/{path}: a file system is mounted there; it is not entered" for path in refreshed.mounts
    ]


def _act(context: Context, means: Means, area: Area, cutoff: Cutoff, report: AreaReport) -> None:
    try:
        with hold_roots(context.base, area) as (roots, _):
            for directory, anchor in roots:
                _act_on_root(context, means, area, directory, anchor, cutoff, report)
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


def _act_on_root(
    context: Context,
    means: Means,
    area: Area,
    directory: str,
    anchor: Anchor,
    cutoff: Cutoff,
    report: AreaReport,
) -> None:
    executor = AreaExecutor(context, means, anchor, area, directory, cutoff, report)
    try:
        purge(
            context, means, anchor, area, directory, report
        )  # first: it makes room for the trash of this run
        if area.expire is Expire.FILE:
            executor.run()
        else:
            executor.run_in("")
            UnitExecutor(context, means, anchor, area, directory, cutoff, report).run()
    except AreaLost as lost:
        report.errors.append(str(lost))
    finally:
        executor.close()
        context.index.complete(context.index.root(directory), as_of=None)
