"""Approval: when a run waits for a person, what it offers him, and what he approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.errors import NeedsApproval, UsageError
from shelflife.events import RunRefused
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.limits import APPROVAL_LASTS, LastRun, reasons_to_ask, settings_of
from shelflife.policy.schedule import Schedule
from shelflife.records.history import OfferedPlan, Trigger
from shelflife.run.run import cutoffs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.policy.plan import Plan
    from shelflife.records.journal import Journal
    from shelflife.run.run import Session
    from shelflife.run.workplace import Workplace


def why_ask(work: Workplace, plan: Plan, last_runs: Mapping[str, LastRun]) -> list[str]:
    """Return why a person must confirm a plan; nothing when it may run."""
    settings = work.settings
    schedule = Schedule.of(settings.cleanup)
    following = schedule.next_after(plan.made)
    after_that = schedule.next_after(following) if following is not None else None
    interval = after_that - following if following is not None and after_that is not None else None
    return reasons_to_ask(plan, work.areas, last_runs, settings.limits, interval=interval)


def offer(work: Workplace, journal: Journal, plan: Plan) -> None:
    """Record a plan, so that a person may approve it."""
    cutoffs = cutoffs_of(plan)
    settings = {name: settings_of(work.areas[name]) for name in cutoffs}
    everything = {area.area: cutoffs.get(area.area) for area in plan.areas}
    journal.approvals.offer(OfferedPlan(plan.id, plan.made, everything, settings))


def confirm(session: Session, plan: Plan) -> None:
    """Return when a plan may be carried out unwatched.

    Raises NeedsApproval, and offers the plan, when a person must confirm it first.
    """
    work, journal, trigger = session.work, session.journal, session.order.trigger
    if trigger is Trigger.PROGRAM:
        return
    reasons = why_ask(work, plan, journal.approvals.last_runs())
    if not reasons:
        return
    offer(work, journal, plan)
    refusal = NeedsApproval(plan.id, reasons)
    work.listener(RunRefused(reason=str(refusal)))
    raise refusal


def approved(session: Session, number: str) -> tuple[int, dict[str, Cutoffs]]:
    """Return when an approved plan was made (ns), and its cutoffs. Raises UsageError when it is none."""
    work = session.work
    offered = session.journal.approvals.offered(number)
    if offered is None:
        raise UsageError(f"there is no plan {number} to approve; a refused cleanup names its plan")
    refuse_future(work, offered.made)
    if work.clock() - offered.made > APPROVAL_LASTS:
        raise UsageError(f"plan {number} is older than 7 days; make a new one with `shelflife plan`")
    current = {name: settings_of(work.areas[name]) for name in offered.settings if name in work.areas}
    if current != offered.settings:
        raise UsageError(f"the settings have changed since plan {number} was made; make a new one")
    return offered.made, {name: Cutoffs.of_record(record) for name, record in offered.cutoffs.items()}


def refuse_future(work: Workplace, made: int) -> None:
    """Refuse what was planned for a later moment: what is expired then need not be so now."""
    if made > work.clock():
        raise UsageError("the plan was made for a moment that has not come yet; make a new one")
