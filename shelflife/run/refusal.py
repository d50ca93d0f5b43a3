"""Recording and announcing that a run did not start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shelflife.events import RunRefused

if TYPE_CHECKING:
    from shelflife.records.history import Trigger
    from shelflife.run.workplace import Workplace


def refuse(work: Workplace, reason: str, *, trigger: Trigger) -> int:
    """Record that a run that was due did not start, and why; return its number."""
    work.listener(RunRefused(reason=reason))
    with work.records.open_journal() as journal:
        return journal.runs.refuse(
            trigger=trigger, host=os.uname().nodename, pid=os.getpid(), at=work.clock(), reason=reason
        )
