"""Status: how things stand with a storage, on one screen – what is wrong, what needs a person, what comes next.

Everything here is told elsewhere in full (`check`, `alerts`, `forecast`, `history`); this brings together what
somebody asks who has a minute. It looks and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.errors import RecordsError, ShelflifeError, StorageError
from shelflife.explain.check import Finding, Level, check_storage
from shelflife.explain.foresee import forecast
from shelflife.policy.schedule import Schedule
from shelflife.records.history import RunState
from shelflife.run.lock import holder_of
from shelflife.run.trashed import trashed_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.explain.foresee import DiskOutlook
    from shelflife.records.alerts import ActiveAlert
    from shelflife.records.history import RunRecord
    from shelflife.records.journal import Journal
    from shelflife.records.records import Records
    from shelflife.run.lock import Holder
    from shelflife.run.workplace import Workplace

__all__ = ["Health", "PendingApproval", "Status", "TrashSummary", "status_of"]

_MOST_TRASH: Final = 100_000
"""Files in the trash that are counted one by one."""


class Health(StrEnum):
    """How it stands with a storage, in a word."""

    GOOD = "good"
    """Cleanups work, and nobody has to do anything."""
    CARE = "care"
    """Something waits for a person, or files failed in the last run."""
    BAD = "bad"
    """Cleanups do not work as it is, or not everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingApproval:
    """A cleanup that waits until a person approves it."""

    run: int
    """The run that was refused."""
    plan: str
    """What to approve; empty where the run was refused for another reason."""
    since: int
    """When it was refused, in ns since the epoch."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashSummary:
    """What waits in the trash."""

    files: int = 0
    bytes: int = 0
    is_all: bool = True
    """False where there is more than was counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How it stands with a storage. Times in ns since the epoch."""

    base_path: str
    at: int
    """When it was looked at."""
    findings: tuple[Finding, ...]
    """Errors and warnings of a check."""
    alerts: tuple[ActiveAlert, ...] = ()
    """What needs a person now."""
    waiting: PendingApproval | None = None
    holder: Holder | None = None
    """Who runs a cleanup now."""
    disks: tuple[DiskOutlook, ...] = ()
    next_run: int | None = None
    """None: nothing runs by itself."""
    last_run: RunRecord | None = None
    """The last cleanup that was carried out, or failed."""
    trash: TrashSummary = TrashSummary()
    holds: int = 0

    @property
    def health(self) -> Health:
        """How it stands, in a word."""
        if any(finding.level is Level.ERROR for finding in self.findings):
            return Health.BAD
        failed = self.last_run is not None and (
            self.last_run.report.get("failed", 0) or self.last_run.state == RunState.FAILED
        )
        return Health.CARE if self.waiting or self.alerts or failed else Health.GOOD


def status_of(work: Workplace, alerts: Sequence[ActiveAlert]) -> Status:
    """Return how it stands with a storage. Never raises for what is wrong with it: that is a finding.

    `alerts` is what needs a person now.
    """
    now, settings = work.clock(), work.settings
    try:
        records: Records | None = work.records
    except StorageError:
        records = None
    findings = check_storage(settings=settings, areas=work.areas, records=records, now=now)
    told = tuple(finding for finding in findings if finding.level is not Level.OK)
    base = str(settings.base_path)
    if records is None:
        return Status(base_path=base, at=now, findings=told)
    found = _recorded(records, now)
    return Status(
        base_path=base,
        at=now,
        findings=told,
        alerts=tuple(alerts),
        waiting=_waiting(found.last),
        holder=holder_of(records.state),
        disks=_disks(work),
        next_run=Schedule.of(settings.cleanup).next_after(now) if settings.cleanup.enabled else None,
        last_run=found.started,
        trash=_trash(work),
        holds=found.holds,
    )


class _Recorded(NamedTuple):
    """What the journal knows."""

    last: RunRecord | None = None
    """The last cleanup, also if it was refused."""
    started: RunRecord | None = None
    """The last one that started."""
    holds: int = 0


def _recorded(records: Records, now: int) -> _Recorded:
    try:
        with records.read_journal() as journal:
            return _read(journal, now) if journal else _Recorded()
    except RecordsError:  # which the check says
        return _Recorded()


def _read(journal: Journal, now: int) -> _Recorded:
    holds = sum(1 for hold in journal.holds.all() if hold.is_active(now))
    return _Recorded(journal.history.last_cleanup(), journal.history.last_started(), holds)


def _waiting(last: RunRecord | None) -> PendingApproval | None:
    """Return the last cleanup, if it was refused: a later one that was carried out makes it good."""
    if last is None or not last.is_refused:
        return None
    return PendingApproval(run=last.id, plan=last.offered, since=last.started, reason=last.reason)


def _disks(work: Workplace) -> tuple[DiskOutlook, ...]:
    try:
        return forecast(work).outlook.disks
    except ShelflifeError:  # which the check says
        return ()


def _trash(work: Workplace) -> TrashSummary:
    files = size = 0
    try:
        for file in islice(trashed_files(work, work.areas.values()), _MOST_TRASH):
            files, size = files + 1, size + file.size
    except StorageError:  # which the check says
        return TrashSummary(files=files, bytes=size, is_all=False)
    return TrashSummary(files=files, bytes=size, is_all=files < _MOST_TRASH)
