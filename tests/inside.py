"""What tests reach of a storage's inside: the workplace that its engine has, and its open journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.clock import Clock
from shelflife.clock import now as system_clock
from shelflife.events import guarded
from shelflife.explain.log import RunLog
from shelflife.run.refusal import refuse
from shelflife.run.workplace import Workplace

if TYPE_CHECKING:
    from shelflife.records.history import Trigger
    from shelflife.settings import Settings
    from shelflife.testing import Storage


def workplace(settings: Settings, *, clock: Clock = system_clock) -> Workplace:
    """Return the workplace of a storage, whose runs are logged."""
    return Workplace(settings=settings, listener=guarded((RunLog(),)), clock=clock)


def workplace_of(storage: Storage) -> Workplace:
    """Return the workplace of a storage, by its clock."""
    return workplace(storage.settings, clock=storage.now)


def refused(storage: Storage, reason: str, *, trigger: Trigger) -> int:
    """Record that a run did not start."""
    return refuse(workplace_of(storage), reason, trigger=trigger)
