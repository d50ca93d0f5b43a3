"""Previews: what a cleanup would do, and whether a person would have to confirm it. Nothing is removed."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import RecordsError
from shelflife.policy.holds import Holds
from shelflife.run.approval import approved, look_closer, offer, why_ask
from shelflife.run.leases import leased
from shelflife.run.planning import make_plan
from shelflife.scan.planner import PlannedFile, due_files
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shelflife.policy.limits import LastRun
    from shelflife.policy.plan import AreaPlan, DueDirectory, Plan
    from shelflife.run.workplace import Workplace

logger = logging.getLogger(__name__)


def preview(work: Workplace, areas: Sequence[str], *, at: int | None = None) -> Plan:
    """Return what a cleanup of `areas` would do now, or at the moment `at` (ns).

    Changes nothing but the index, and not even that where it may not write. Raises StorageError.
    """
    with work.context(holds=holds_of(work)) as context:
        chosen = [work.areas[name] for name in areas]
        plan = make_plan(context, chosen, at=context.freshness.now if at is None else at)
        return look_closer(context, work, plan, _last_runs(work))


def offered(work: Workplace, number: str) -> Plan:
    """Return what a plan that waits for approval would remove by now: what is before its cutoffs.

    Raises UsageError when there is no such plan, or it may not be carried out any more, StorageError.
    """
    with work.records.read_journal() as journal:
        made, cutoffs = approved(work, journal, number)
    with work.context(holds=holds_of(work)) as context:
        areas = [work.areas[name] for name in cutoffs]
        return make_plan(context, areas, at=made, cutoffs=cutoffs)


def planned_files(work: Workplace, plan: Plan) -> Iterator[PlannedFile]:
    """Yield the files that a plan would remove, as they are now. Raises OSError, StorageError."""
    for _, files in by_directory(work, plan.areas):
        yield from files


def by_directory(
    work: Workplace, areas: Iterable[AreaPlan]
) -> Iterator[tuple[DueDirectory, Iterator[PlannedFile]]]:
    """Yield the due directories of some areas, each with its files that would go, as they are now.

    The files are read when they are asked for, before the next directory is. Raises OSError, StorageError.
    """
    holds = holds_of(work)
    with work.hold_base() as base:
        for area_plan in areas:
            area = work.areas[area_plan.area]
            if not area_plan.due:
                continue
            with hold_roots(base, area) as (roots, _):
                held = {root.directory: root for root in roots}
                for due in area_plan.due:
                    if due.root in held:
                        yield due, _still_there(due_files(held[due.root], area_plan.cutoffs, due, holds))


def _still_there(files: Iterator[PlannedFile]) -> Iterator[PlannedFile]:
    with suppress(FileNotFoundError, NotADirectoryError):  # gone since it was planned
        yield from files


def needs_approval(work: Workplace, plan: Plan, *, offer_it: bool) -> list[str]:
    """Return why a person must confirm a plan; with `offer_it`, it is remembered so that it can be approved.

    A plan for a time to come is not: its cutoffs would take what is not expired yet. Raises StorageError.
    """
    reasons = why_ask(work, plan, _last_runs(work))
    if reasons and offer_it and plan.made <= work.clock():
        with suppress(RecordsError), work.records.open_journal() as writable:
            offer(work, writable, plan)
    return reasons


def _last_runs(work: Workplace) -> dict[str, LastRun]:
    """Return what is remembered of the areas' last cleanups; nothing where it cannot be read."""
    with suppress(RecordsError), work.records.read_journal() as journal:
        return journal.approvals.last_runs() if journal else {}
    return {}


def holds_of(work: Workplace) -> Holds:
    """Return the holds and leases; whoever may not read the journal gets a preview without them."""
    try:
        with work.records.read_journal() as journal:
            holds = journal.holds.active(work.clock()) if journal else Holds()
        return holds.with_leases(leased(work.records.state, work.clock()))
    except RecordsError as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
        logger.warning("%s; the preview leaves out what is held", error)
        return Holds()
