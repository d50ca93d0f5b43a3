"""Approval: when a run waits for a person, what is offered for approval, and what was approved."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from shelflife.errors import NeedsApproval, StorageError, UsageError
from shelflife.events import RunRefused
from shelflife.policy.causes import records_of
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.limits import (
    APPROVAL_LASTS,
    Extent,
    LastRun,
    arrived_share,
    cutoffs_to_remember,
    deciding_settings,
    doubt_about_purge,
    due_before,
    interval_of,
    is_large,
    is_under,
    reasons_to_ask,
)
from shelflife.records.history import OfferedPlan, Trigger
from shelflife.scan.arrivals import count_before
from shelflife.scan.trash import due_in_trash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shelflife.policy.plan import AreaPlan, Plan
    from shelflife.records.journal import Journal
    from shelflife.remove.report import RunReport
    from shelflife.run.run import LockedStorage
    from shelflife.run.workplace import Workplace
    from shelflife.scan.context import Context

_FUTURE: Final = "the plan was made for a moment that has not come yet; make a new one"


def look_closer(context: Context, work: Workplace, plan: Plan, last_runs: Mapping[str, LastRun]) -> Plan:
    """Return a plan that says what must be known where there may be doubt.

    That is how much of each large part of it arrived when it was due already, and what would be purged from a
    trash whose settings have changed. What cannot be counted is not known, and fails when it is to go.
    """
    interval = interval_of(work.settings, plan.made)
    areas = []
    for area_plan in plan.areas:
        area, last = work.areas[area_plan.area], last_runs.get(area_plan.area)
        arrived, purge = area_plan.arrived, area_plan.purge
        cutoffs = due_before(area_plan, last)
        if cutoffs and is_large(Extent.of(area_plan), work.settings.limits):
            with suppress(OSError, StorageError):
                arrived = count_before(context, area, cutoffs)
        if area_plan.cutoffs and doubt_about_purge(work.settings, area.name, last, plan.made, interval):
            purge = due_in_trash(context.base, area, plan.made)
        areas.append(replace(area_plan, arrived=arrived, purge=purge))
    return replace(plan, areas=tuple(areas))


def why_ask(work: Workplace, plan: Plan, last_runs: Mapping[str, LastRun]) -> list[str]:
    """Return why a person must confirm a plan; nothing when it may run."""
    return reasons_to_ask(plan, work.settings, last_runs, interval=interval_of(work.settings, plan.made))


def offer(work: Workplace, journal: Journal, plan: Plan) -> None:
    """Record a plan, so that a person may approve it."""
    cutoffs = records_of(plan, work.areas)
    settings = {name: deciding_settings(work.settings, name) for name in cutoffs}
    everything = {area.area: cutoffs.get(area.area) for area in plan.areas}
    arrivals = {area.area: arrived_share(area) for area in plan.areas if area.arrived}
    journal.approvals.offer(OfferedPlan(plan.id, plan.made, everything, settings, arrivals))


def confirm(session: LockedStorage, plan: Plan) -> None:
    """Return when a plan may be carried out unwatched.

    Raises NeedsApproval, and offers the plan, when a person must confirm it first.
    """
    work, journal, trigger = session.work, session.journal, session.order.trigger
    if trigger is Trigger.PROGRAM or plan.id in _standing(session):
        return
    last_runs = journal.approvals.last_runs()
    plan = look_closer(session.context, work, plan, last_runs)
    reasons = why_ask(work, plan, last_runs)
    if not reasons:
        return
    offer(work, journal, plan)
    refusal = NeedsApproval(plan.id, reasons, _would_remove(plan))
    work.listener(RunRefused(reason=str(refusal)))
    raise refusal


def _would_remove(plan: Plan) -> dict[str, Any]:
    """Return what a plan would take, and of the trash what was counted, by area and in all."""
    areas = {
        area.area: {"files": area.files, "bytes": area.bytes} | _purged([area])
        for area in plan.areas
        if area.files or area.purge.files
    }
    return {"files": plan.files, "bytes": plan.bytes, **_purged(plan.areas), "areas": areas}


def _purged(areas: Sequence[AreaPlan]) -> dict[str, int]:
    files, size = sum(area.purge.files for area in areas), sum(area.purge.bytes for area in areas)
    return {"purged": files, "purged_bytes": size} if files else {}


def interrupted(session: LockedStorage, plan: Plan) -> str | None:
    """Return the id of a plan that a person approved, whose run was begun for these areas and did not end.

    None where nothing of the sort stands, or nobody need be asked about the new plan anyway.
    """
    names = {area.area for area in plan.areas}
    standing = [number for number, areas in _standing(session).items() if areas <= names]
    if session.order.trigger is Trigger.PROGRAM or not standing:
        return None
    last_runs = session.journal.approvals.last_runs()
    plan = look_closer(session.context, session.work, plan, last_runs)
    return standing[0] if why_ask(session.work, plan, last_runs) else None


def _standing(session: LockedStorage) -> dict[str, set[str]]:
    """Return the plans that were approved and have not been carried out to the end, with their areas."""
    now = session.work.clock()
    return {
        offered.id: set(offered.cutoffs)
        for offered in session.journal.approvals.approved_since(now - APPROVAL_LASTS)
        if why_not(session.work, offered) is None
    }


def why_not(work: Workplace, offered: OfferedPlan) -> str | None:
    """Return why a plan that was offered may not be carried out any more; None when it may."""
    if offered.made > work.clock():
        return _FUTURE
    if work.clock() - offered.made > APPROVAL_LASTS:
        return f"plan {offered.id} is older than 7 days; make a new one with `shelflife plan`"
    current = {
        name: deciding_settings(work.settings, name) for name in offered.settings if name in work.areas
    }
    if not is_under(offered.settings, current):
        return f"the settings have changed since plan {offered.id} was made; make a new one"
    return None


def approved(work: Workplace, journal: Journal | None, number: str) -> tuple[int, dict[str, Cutoffs]]:
    """Return when a plan to be approved was made (ns), and its cutoffs. Raises UsageError when it is none."""
    offered = journal.approvals.offered(number) if journal else None
    if offered is None:
        raise UsageError(f"there is no plan {number} to approve; a refused cleanup names its plan")
    if reason := why_not(work, offered):
        raise UsageError(reason)
    return offered.made, {name: Cutoffs.of_record(record) for name, record in offered.cutoffs.items()}


def waiting(work: Workplace) -> list[OfferedPlan]:
    """Return the plans that a person may approve, the latest first."""
    with work.records.read_journal() as journal:
        found = journal.approvals.waiting(work.clock() - APPROVAL_LASTS) if journal else []
    return [offered for offered in found if why_not(work, offered) is None]


def refuse_future(work: Workplace, made: int) -> None:
    """Refuse what was planned for a later moment: what is expired then need not be so now."""
    if made > work.clock():
        raise UsageError(_FUTURE)


def remember(session: LockedStorage, plan: Plan, report: RunReport) -> None:
    """Record by what the next cleanups are judged, after one that came to its end. Its approval has served."""
    approvals, settings = session.journal.approvals, session.work.settings
    offered = approvals.offered(plan.id) if plan.id in _standing(session) else None
    arrivals = offered.arrivals if offered else {}
    before, now = approvals.last_runs(), session.work.clock()
    reports = {area.area: area for area in report.areas}
    areas = {}
    for area in plan.areas:
        if area.area not in reports:
            continue
        last, done = before.get(area.area), reports[area.area]
        gone = done.removed + done.trashed
        areas[area.area] = LastRun(
            at=now,
            settings=deciding_settings(settings, area.area),
            cutoffs=cutoffs_to_remember(area.cutoffs),
            left=max(0, area.files - gone),
            has_lost=gone > 0 or (last is not None and last.has_lost),
            arrivals=max(arrivals.get(area.area, 0), last.arrivals if last else 0),
        )
    approvals.remember(areas)
    if offered is not None:
        approvals.use(plan.id, report.run)
