"""Pressure: looking at the file systems of a storage, and making room on those that are too full.

A relief is a run like any other (`shelflife.run.relief`), with the same checks and records. The plan names
cutoffs that free what is needed and no more. While it is carried out, the disk is measured again between batches;
it ends when there is room, or when what we released does not show (`shelflife.policy.gain`). What a look has
learned it leaves to those that follow, in the journal.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shelflife.errors import CleanupBusy, RecordsError, UsageError
from shelflife.policy.gain import expected_of
from shelflife.policy.watermark import RoomLevel, Watermark, Watermarks
from shelflife.records.history import Trigger
from shelflife.run.pressure_monitor import Patience
from shelflife.run.relief import Relieving
from shelflife.run.relief_task import DiskRelief, ReliefOutcome, ReliefTask
from shelflife.run.run import RunRequest, refuse_when_dry, run
from shelflife.scan.context import Stopped
from shelflife.settings import PressureSettings
from shelflife.storage.disks import Disk, disks_of

if TYPE_CHECKING:
    from shelflife.policy.load import Load
    from shelflife.policy.watermark import Usage
    from shelflife.run.workplace import Workplace

__all__ = ["DiskRelief", "ReliefOutcome", "relieve"]

logger = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that a file system may take to show what was released: XFS was seen to need one."""

_WAIT: Final = 1.0
"""Seconds between two looks at whether the lock is free."""

_MOST_RUNS: Final = 5
"""Runs of one look: further ones make up for files that were in use or changed."""


def relieve(
    work: Workplace,
    *,
    trigger: Trigger = Trigger.PRESSURE,
    stop: threading.Event | None = None,
    wait: float | None = None,
    insist: bool = False,
    patience: float = PATIENCE,
) -> list[DiskRelief]:
    """Make room on each file system that is beyond a watermark; return how each one stands.

    Waits while another cleanup runs, for `wait` seconds at the most (None: for as long as it takes). With
    `insist`, a person has said to go on although what went before gave no room, and beyond what goes unasked.
    Raises UsageError where no watermarks are set, CleanupDisabled where only dry runs are allowed, StorageError,
    RecordsError.
    """
    refuse_when_dry(work)
    settings = work.settings.pressure
    if settings is None:
        raise UsageError(
            "no watermarks are set; set `pressure` in the configuration, as `pressure: {high: 90%}`"
        )
    with work.hold_base() as base:
        disks = disks_of(base, work.areas.values())
    order = RunRequest(trigger=trigger, stop=stop)
    until = None if wait is None else time.monotonic() + wait
    marks = Watermarks.of(settings)
    waits = Patience(patience, stop or threading.Event())
    tasks = [ReliefTask(disk=disk, marks=marks, patience=waits, until=until, insist=insist) for disk in disks]
    return [_relieve(work, order, task) for task in tasks]


def make_room(work: Workplace, device: int, free: Load, *, wait: float = PATIENCE) -> None:
    """Make room until so much is free on the file system of that number: inodes as files, bytes as allocated.

    As `relieve`, with what is needed now as the watermark: in the same order, no more than goes unasked. Gives
    up where that does not help, or another cleanup runs for longer than `wait` seconds: whoever asks looks again.
    Raises CleanupDisabled where only dry runs are allowed, StorageError, RecordsError.
    """
    refuse_when_dry(work)
    level = RoomLevel(free.allocated)
    marks = Watermarks(space=(Watermark(level, level),), inodes=Watermarks.of(PressureSettings()).inodes)
    with work.hold_base() as base:
        disks = [disk for disk in disks_of(base, work.areas.values()) if disk.device == device]
    order, until = RunRequest(trigger=Trigger.PRESSURE), time.monotonic() + wait
    patience = Patience(PATIENCE, threading.Event())
    for disk in disks:
        _relieve(
            work, order, ReliefTask(disk=disk, marks=marks, patience=patience, until=until, insist=False)
        )


def _relieve(work: Workplace, order: RunRequest, task: ReliefTask) -> DiskRelief:
    disk, after = task.disk, task.disk.usage
    if not task.passed.any:
        _note_calm(work, disk)
    else:
        while True:
            task.tries += 1
            _wait_and_run(work, order, task)
            after = _measure(work, disk) or after
            if task.tries == _MOST_RUNS or not task.is_worth_another(after):
                break
    fills = () if task.outcome is ReliefOutcome.RELIEVED else tuple(task.fills)
    found = DiskRelief(disk=disk, after=after, outcome=task.outcome, runs=tuple(task.reports), fills=fills)
    _log(found, task.passed)
    return found


def _note_calm(work: Workplace, disk: Disk) -> None:
    """Forget what areas gave the last time, and what was on its way and shows by now."""
    with suppress(RecordsError), work.records.read_journal() as journal:
        before = None if journal is None else journal.pressure.recall(disk.name, disk.file_system)
    if before is None or before.is_empty:
        return
    expected = expected_of(before.expected, disk.with_records(work.records.state), work.clock())
    now = replace(before, expected=expected, taken={})
    if now != before:
        with suppress(RecordsError), work.records.open_journal() as journal:
            journal.pressure.remember(disk.name, now)


def _wait_and_run(work: Workplace, order: RunRequest, task: ReliefTask) -> None:
    waits = order.stop or threading.Event()
    task.is_concluded = False
    while True:
        try:
            run(work, order, Relieving(task))
        except Stopped:
            return
        except CleanupBusy:
            if task.until is not None and time.monotonic() >= task.until:
                task.outcome = ReliefOutcome.BUSY
                return
            if waits.wait(_WAIT):
                task.outcome = ReliefOutcome.STOPPED
                return
        except RecordsError as error:
            if not task.is_concluded:
                raise
            logger.warning("%s", error)  # whether there is room was found out all the same
            return
        else:
            return


def _measure(work: Workplace, disk: Disk) -> Usage | None:
    with work.hold_base() as base:
        for now in disks_of(base, work.areas.values()):
            if now.device == disk.device:
                return now.usage
    return None


def _log(found: DiskRelief, passed: Watermarks) -> None:
    if found.outcome is ReliefOutcome.CALM:
        return
    freed = sum(report.total("freed") for report in found.runs)
    level = logging.INFO if found.outcome is ReliefOutcome.RELIEVED else logging.WARNING
    logger.log(
        level,
        "the disk of %s was at %.1f %%, %s: %d bytes released, now at %.1f %% (%s)%s",
        found.disk.name,
        found.disk.usage.share,
        ", ".join(passed.beyond(found.disk.usage)),
        freed,
        found.after.share,
        found.outcome,
        "".join(f"; {text}" for text in found.fills),
    )
