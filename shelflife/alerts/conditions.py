"""What needs a person: read from the records and the disks, each time anew.

So it does not matter which process finds it, nor whether one that should have found it has died.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shelflife.clock import DAY, HOUR, SECOND, as_datetime
from shelflife.policy.schedule import Schedule
from shelflife.policy.watermark import Watermarks
from shelflife.records.alerts import Condition
from shelflife.records.history import RunState, Trigger
from shelflife.run.pressure import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.engine import Engine
    from shelflife.records.alerts import ActiveAlert
    from shelflife.records.history import RunRecord
    from shelflife.run.pressure import DiskRelief
    from shelflife.storage.disks import Disk


class Kind(StrEnum):
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
    STUCK = "stuck"
    """A running cleanup makes no progress."""
    OVERDUE = "overdue"
    """No cleanup has run although two were due."""
    DISPLACED = "displaced"
    """Files that could not be put back wait in the trash."""


ENDED: Final = {
    Kind.PRESSURE: "the disk is below the high watermark again",
    Kind.NO_ROOM: "there is room again",
    Kind.FULL_SOON: "the disk is no longer expected to be full soon",
    Kind.REFUSED: "a cleanup has run since",
    Kind.FAILED: "a cleanup has come to its end since",
    Kind.STUCK: "the cleanup makes progress again, or has ended",
    Kind.OVERDUE: "a cleanup has run",
    Kind.DISPLACED: "no such file was reported for a week",
}
"""What is said when it is over."""

_FAILURES: Final = (Outcome.NOT_ENOUGH, Outcome.HOPELESS, Outcome.NO_GAIN)
_UNDECIDED: Final = (Outcome.BUSY, Outcome.STOPPED)
_RUNS: Final = 50
_GRACE: Final = HOUR
"""How late (ns) a cleanup may be before that is told."""
_CLEANUPS: Final = (Trigger.SCHEDULE, Trigger.CLI, Trigger.API, Trigger.PROGRAM)


def conditions_of(
    engine: Engine, now: int, active: Sequence[ActiveAlert], relieved: Sequence[DiskRelief] | None
) -> list[Condition]:
    """Return what needs a person at `now` (ns). Raises StorageError, RecordsError.

    `relieved` is what was just done about the disks; without it, what could not be done before stands as long
    as the disk is as full.
    """
    runs = engine.history(limit=_RUNS)
    return [
        *_of_disks(engine, active, relieved),
        *_of_forecast(engine),
        *_of_runs(runs, now),
        *_of_holder(engine, now),
        *_of_schedule(engine, runs, now),
    ]


def _of_disks(
    engine: Engine, active: Sequence[ActiveAlert], relieved: Sequence[DiskRelief] | None
) -> Iterator[Condition]:
    settings = engine.settings.pressure
    if settings is None:
        return
    marks = Watermarks.of(settings)
    before = {alert.key: alert for alert in active}
    results = {found.disk.name: found for found in relieved or ()}
    for disk in engine.disks():
        if not (beyond := marks.beyond(disk.usage)):
            continue
        yield Condition(
            kind=Kind.PRESSURE,
            key=f"{Kind.PRESSURE}:{disk.name}",
            text=f"the disk of {', '.join(disk.areas)} is at {_share(disk)}, {', '.join(beyond)}",
        )
        result, key = results.get(disk.name), f"{Kind.NO_ROOM}:{disk.name}"
        if result is not None and result.outcome in _FAILURES:
            yield Condition(kind=Kind.NO_ROOM, key=key, text=_no_room(result), stage=result.outcome.value)
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


def _of_forecast(engine: Engine) -> Iterator[Condition]:
    within = engine.settings.alerts.full_within * SECOND // DAY
    for disk in engine.forecast().outlook.disks:
        earliest = disk.full.earliest
        if earliest is not None and earliest <= within:
            yield Condition(
                kind=Kind.FULL_SOON,
                key=f"{Kind.FULL_SOON}:{disk.disk.name}",
                text=f"the disk of {', '.join(disk.disk.areas)} may be full: {disk.full}",
                stage=next((f"within {days} days" for days in (0, 1, 3) if earliest <= days), ""),
            )


def _of_runs(runs: Sequence[RunRecord], now: int) -> Iterator[Condition]:
    """Tell of the last cleanup; a later one that ran to its end makes it good."""
    cleanups = [run for run in runs if run.trigger in _CLEANUPS and not RunState(run.state).is_going_on]
    if cleanups:
        last = cleanups[0]
        if last.state == RunState.REFUSED:
            yield Condition(kind=Kind.REFUSED, key=Kind.REFUSED, text=last.reason, stage=last.reason)
        elif last.state == RunState.FAILED:
            yield Condition(
                kind=Kind.FAILED,
                key=Kind.FAILED,
                text=f"run {last.id} failed: {last.reason}",
                stage=last.reason,
            )
    for run in runs:
        if run.report.get("displaced") and now - run.started < 7 * DAY:
            yield Condition(
                kind=Kind.DISPLACED,
                key=f"{Kind.DISPLACED}:{run.id}",
                text=f"run {run.id}: {run.report['displaced']} files changed while they were removed and could "
                "not be put back; they wait in the trash (`shelflife trash list`)",
            )


def _of_holder(engine: Engine, now: int) -> Iterator[Condition]:
    holder = engine.holder()
    timeout = engine.settings.cleanup.lock_timeout
    if holder is not None and holder.is_stuck(as_datetime(now), timeout):
        yield Condition(
            kind=Kind.STUCK,
            key=Kind.STUCK,
            text=f"the running cleanup made no progress for {timeout} s: {holder}; end that process if it hangs",
            stage=f"{holder.host}:{holder.pid}",
        )


def _of_schedule(engine: Engine, runs: Sequence[RunRecord], now: int) -> Iterator[Condition]:
    """Tell when two slots have passed since the last cleanup, however it ended."""
    if not engine.settings.cleanup.enabled or engine.settings.cleanup.dry_run:
        return
    last = next((run.started for run in runs if run.trigger in _CLEANUPS), None)
    schedule = Schedule.of(engine.settings.cleanup)
    first = schedule.next_after(last) if last is not None else None
    second = schedule.next_after(first) if first is not None else None
    if last is not None and second is not None and now > second + _GRACE:
        when = as_datetime(last // SECOND * SECOND).isoformat()
        yield Condition(
            kind=Kind.OVERDUE,
            key=Kind.OVERDUE,
            text=f"no cleanup has run since {when}, although two were due: does the service, or its timer, run?",
        )
