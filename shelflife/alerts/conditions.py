"""What needs a person: read from the records and the disks, each time anew.

So it does not matter which process finds it, nor whether one that should have found it has died.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shelflife.clock import DAY, HOUR, SECOND, as_datetime
from shelflife.explain.foresee import forecast
from shelflife.formats import counted, visible
from shelflife.policy.schedule import Schedule
from shelflife.policy.watermark import Watermarks
from shelflife.records.alerts import ActiveAlert, Condition
from shelflife.records.history import RunState
from shelflife.run.lock import holder_of
from shelflife.run.making_room import ReliefOutcome
from shelflife.storage.disks import disks_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.records.history import RunRecord
    from shelflife.records.journal import History
    from shelflife.run.making_room import DiskRelief
    from shelflife.run.workplace import Workplace
    from shelflife.storage.disks import Disk


class AlertKind(StrEnum):
    """What may be the matter."""

    PRESSURE = "pressure"
    """A disk is above the high watermark."""
    NO_ROOM = "no room"
    """Room could not be made there."""
    FULL_SOON = "full soon"
    """A disk may be full within `alerts.full_within`."""
    REFUSED = "refused"
    """A run did not start: it waits for approval, or its configuration is broken."""
    FAILED = "failed"
    """A run ended with an error."""
    FAILURES = "failures"
    """Of an area, something could not be removed, or looked at, in the last run over it."""
    STUCK = "stuck"
    """A running cleanup makes no progress."""
    OVERDUE = "overdue"
    """No cleanup has run although two were due."""
    DISPLACED = "displaced"
    """Files that could not be put back wait in the trash."""


ENDED: Final = {
    AlertKind.PRESSURE: "the disk is below the high watermark again",
    AlertKind.NO_ROOM: "there is room again",
    AlertKind.FULL_SOON: "the disk is no longer expected to be full soon",
    AlertKind.REFUSED: "a cleanup has run since",
    AlertKind.FAILED: "a cleanup has come to its end since",
    AlertKind.FAILURES: "a run over the area went without failures",
    AlertKind.STUCK: "the cleanup makes progress again, or has ended",
    AlertKind.OVERDUE: "a cleanup has run",
    AlertKind.DISPLACED: "no such file was reported for a week",
}
"""What is said when it is over."""

_FAILURES: Final = (ReliefOutcome.NOT_ENOUGH, ReliefOutcome.HOPELESS, ReliefOutcome.NO_GAIN)
_UNDECIDED: Final = (ReliefOutcome.BUSY, ReliefOutcome.STOPPED)
_EXAMPLES: Final = 3
"""Failures that a text names."""
_MOST_RUNS: Final = 500
"""Runs that are looked back at."""
_GRACE: Final = HOUR
"""How late (ns) a cleanup may be before that is told."""
_WEEK: Final = 7 * DAY


def conditions_of(
    work: Workplace, now: int, active: Sequence[ActiveAlert], relieved: Sequence[DiskRelief] | None = None
) -> list[Condition]:
    """Return what needs a person at `now` (ns). Raises StorageError, RecordsError.

    `active` is what is told already. `relieved` is what was just done about the disks; without it, what could
    not be done before stands as long as the disk is as full.
    """
    with work.records.read_journal() as journal:
        runs = list(_runs_of(journal.history)) if journal else []
    return [
        *_of_disks(work, active, relieved),
        *_of_forecast(work),
        *_of_last_cleanup(runs),
        *_of_displaced(runs, now),
        *_of_failures(work, runs),
        *_of_holder(work, now),
        *_of_schedule(work, runs, now),
    ]


def alerts_now(work: Workplace) -> list[ActiveAlert]:
    """Return what needs a person as it is now, the latest first, whether or not anybody was told.

    What was found before has begun then; the rest begins now, or when what it is about happened.
    Raises StorageError, RecordsError.
    """
    now = work.clock()
    with work.records.read_journal() as journal:
        known = {alert.key: alert for alert in journal.alerts.active()} if journal else {}
    found = [
        ActiveAlert(
            kind=condition.kind,
            key=condition.key,
            text=condition.text,
            stage=condition.stage,
            since=known[condition.key].since if condition.key in known else condition.since or now,
        )
        for condition in conditions_of(work, now, list(known.values()))
    ]
    return sorted(found, key=lambda alert: alert.since, reverse=True)


def _runs_of(history: History) -> Iterator[RunRecord]:
    """Yield the latest runs, the latest first, and the last cleanup, however far back it is."""
    runs = history.runs(limit=_MOST_RUNS)
    yield from runs
    last = history.last_cleanup()
    if last is not None and runs and last.id < runs[-1].id:
        yield last


def _is_cleanup(run: RunRecord) -> bool:
    return run.is_cleanup and not RunState(run.state).is_going_on


def _of_disks(
    work: Workplace, active: Sequence[ActiveAlert], relieved: Sequence[DiskRelief] | None
) -> Iterator[Condition]:
    settings = work.settings.pressure
    if settings is None:
        return
    marks = Watermarks.of(settings)
    before = {alert.key: alert for alert in active}
    results = {found.disk.name: found for found in relieved or ()}
    with work.hold_base() as base:
        disks = disks_of(base, work.areas.values())
    for disk in disks:
        if not (beyond := marks.beyond(disk.usage)):
            continue
        yield Condition(
            kind=AlertKind.PRESSURE,
            key=f"{AlertKind.PRESSURE}:{disk.name}",
            text=f"the disk of {', '.join(disk.areas)} is at {_share(disk)}, {', '.join(beyond)}",
        )
        result, key = results.get(disk.name), f"{AlertKind.NO_ROOM}:{disk.name}"
        if result is not None and result.outcome in _FAILURES:
            yield Condition(
                kind=AlertKind.NO_ROOM, key=key, text=_no_room(result), stage=result.outcome.value
            )
        elif (result is None or result.outcome in _UNDECIDED) and (alert := before.get(key)) is not None:
            yield Condition(kind=alert.kind, key=key, text=alert.text, stage=alert.stage)


def _share(disk: Disk) -> str:
    usage = disk.usage
    if usage.inodes.share > usage.space.share:
        return f"{usage.inodes.share:.1f} % of its inodes"
    return f"{usage.space.share:.1f} %"


def _no_room(found: DiskRelief) -> str:
    reasons = "; ".join(found.fills) or found.outcome.value
    return f"room could not be made on the disk of {', '.join(found.disk.areas)}: {reasons}"


def _of_forecast(work: Workplace) -> Iterator[Condition]:
    within = work.settings.alerts.full_within * SECOND // DAY
    for disk in forecast(work).outlook.disks:
        earliest = disk.full.earliest
        if earliest is not None and earliest <= within:
            yield Condition(
                kind=AlertKind.FULL_SOON,
                key=f"{AlertKind.FULL_SOON}:{disk.disk.name}",
                text=f"the disk of {', '.join(disk.disk.areas)} may be full: {disk.full}",
                stage=next((f"within {days} days" for days in (0, 1, 3) if earliest <= days), ""),
            )


def _of_last_cleanup(runs: Sequence[RunRecord]) -> Iterator[Condition]:
    """Tell of the last cleanup; a later one that ran to its end makes it good."""
    last = next(filter(_is_cleanup, runs), None)
    if last is not None and last.is_refused:
        yield Condition(
            kind=AlertKind.REFUSED,
            key=AlertKind.REFUSED,
            text=last.reason,
            stage=last.reason,
            since=last.started,
        )
    elif last is not None and last.state == RunState.FAILED:
        text = f"run {last.id} failed: {last.reason}"
        yield Condition(
            kind=AlertKind.FAILED, key=AlertKind.FAILED, text=text, stage=last.reason, since=last.started
        )


def _of_displaced(runs: Sequence[RunRecord], now: int) -> Iterator[Condition]:
    for run in runs:
        if run.report.get("displaced") and now - run.started < _WEEK:
            yield Condition(
                kind=AlertKind.DISPLACED,
                key=f"{AlertKind.DISPLACED}:{run.id}",
                text=f"run {run.id}: {run.report['displaced']} files changed while they were removed and could "
                "not be put back; they wait in the trash (`shelflife trash list`)",
                since=run.started,
            )


def _of_failures(work: Workplace, runs: Sequence[RunRecord]) -> Iterator[Condition]:
    """Tell of what failed in the last run over each area, until one goes without failures."""
    seen: set[str] = set()
    for run in runs:
        for area, counts in run.report.get("areas", {}).items():
            if area in seen or area not in work.areas:
                continue
            seen.add(area)
            failed, errors = counts.get("failed", 0), counts.get("errors", [])
            if failed or errors:
                yield Condition(
                    kind=AlertKind.FAILURES,
                    key=f"{AlertKind.FAILURES}:{area}",
                    text=_failures(work, run, area, failed, errors),
                    stage=f"{len(str(failed))} {bool(errors)}",  # ten times as many are told again
                    since=run.started,
                )


def _failures(work: Workplace, run: RunRecord, area: str, failed: int, errors: Sequence[str]) -> str:
    named = [
        f"{visible(failure['path'])}: {failure['error']}"
        for failure in run.report.get("failures", [])
        if work.areas[area].find(failure["path"]) is not None
    ]
    first = [*errors, *named][:_EXAMPLES]
    what = (
        f"could not remove {counted(failed, 'file', 'files')} of {area}"
        if failed
        else f"could not read all of {area}"
    )
    return f"run {run.id} {what}" + (f": {'; '.join(first)}" if first else "")


def _of_holder(work: Workplace, now: int) -> Iterator[Condition]:
    holder = holder_of(work.records.state)
    timeout = work.settings.cleanup.lock_timeout
    if holder is not None and holder.is_stuck(as_datetime(now), timeout):
        yield Condition(
            kind=AlertKind.STUCK,
            key=AlertKind.STUCK,
            text=f"the running cleanup made no progress for {timeout} s: {holder}; end that process if it hangs",
            stage=f"{holder.host}:{holder.pid}",
        )


def _of_schedule(work: Workplace, runs: Sequence[RunRecord], now: int) -> Iterator[Condition]:
    """Tell when two slots have passed since the last cleanup, however it ended."""
    if not work.settings.cleanup.enabled or work.settings.cleanup.dry_run:
        return
    last = next((run.started for run in runs if run.is_cleanup), None)
    schedule = Schedule.of(work.settings.cleanup)
    first = schedule.next_after(last) if last is not None else None
    second = schedule.next_after(first) if first is not None else None
    if last is not None and second is not None and now > second + _GRACE:
        when = as_datetime(last // SECOND * SECOND).isoformat()
        yield Condition(
            kind=AlertKind.OVERDUE,
            key=AlertKind.OVERDUE,
            text=f"no cleanup has run since {when}, although two were due: does the service, or its timer, run?",
        )
