"""How things stand with a storage: what is wrong, what needs a person, what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from shelflife.explain.status import Health
from shelflife.formats import iso, iso_or_none, printable
from shelflife.shapes.alert import Alert, alert_as_json
from shelflife.shapes.check import Finding, finding_as_json
from shelflife.shapes.error import Holder, holder_as_json
from shelflife.shapes.outlook import DiskOutlook, disk_as_json
from shelflife.shapes.run import Run, run_as_json
from shelflife.shapes.schema import Count, Time, TypedDict, shape, words_of

if TYPE_CHECKING:
    from shelflife.explain.status import PendingApproval as PendingValue
    from shelflife.explain.status import Status as StatusValue

__all__ = ["Status", "status_as_json"]


@shape
class PendingApproval(TypedDict):
    """A cleanup that waits until a person approves it."""

    run: int
    """The run that was refused."""
    plan: str | None
    """What to approve; null where the run was refused for another reason."""
    since: Time
    reason: str


@shape
class TrashSummary(TypedDict):
    """What waits in the trash."""

    files: Count
    bytes: Count
    complete: bool
    """False where there is more than was counted."""


@shape
class Status(TypedDict):
    """How things stand with a storage."""

    base_path: str
    at: Time
    health: Annotated[str, words_of(Health)]
    """In a word."""
    findings: list[Finding]
    """Errors and warnings of a check."""
    alerts: list[Alert]
    waiting: PendingApproval | None
    running: Holder | None
    """Who runs a cleanup now."""
    disks: list[DiskOutlook]
    next_run: Time | None
    """By the schedule; null: nothing runs by itself."""
    last_run: Run | None
    """The last cleanup that was carried out, or failed."""
    trash: TrashSummary
    holds: Count


def status_as_json(status: StatusValue) -> Status:
    """Return how things stand with a storage."""
    trash = status.trash
    return {
        "base_path": printable(status.base_path),
        "at": iso(status.at),
        "health": status.health.value,
        "findings": [finding_as_json(finding) for finding in status.findings],
        "alerts": [alert_as_json(alert) for alert in status.alerts],
        "waiting": None if status.waiting is None else _waiting(status.waiting),
        "running": None if status.holder is None else holder_as_json(status.holder),
        "disks": [disk_as_json(disk) for disk in status.disks],
        "next_run": iso_or_none(status.next_run),
        "last_run": None if status.last_run is None else run_as_json(status.last_run),
        "trash": {"files": trash.files, "bytes": trash.bytes, "complete": trash.is_all},
        "holds": status.holds,
    }


def _waiting(waiting: PendingValue) -> PendingApproval:
    return {
        "run": waiting.run,
        "plan": waiting.plan or None,
        "since": iso(waiting.since),
        "reason": printable(waiting.reason),
    }
