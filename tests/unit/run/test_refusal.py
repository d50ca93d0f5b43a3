from __future__ import annotations

import os

from shelflife.events import RunRefused
from shelflife.records.history import RunState, Trigger
from shelflife.run.refusal import refuse
from shelflife.run.workplace import Workplace
from shelflife.testing import Storage


def test_a_run_that_did_not_start_is_told_and_recorded_with_its_reason(storage: Storage) -> None:
    work = Workplace(settings=storage.settings, listener=storage.events.append, clock=lambda: 7)
    number = refuse(work, "the configuration cannot be read", trigger=Trigger.SCHEDULE)
    assert storage.events == [RunRefused(reason="the configuration cannot be read")]
    (run,) = storage.engine.history()
    assert (run.id, run.state, run.trigger) == (number, RunState.REFUSED, Trigger.SCHEDULE)
    assert (run.reason, run.started, run.pid) == ("the configuration cannot be read", 7, os.getpid())
