from __future__ import annotations

from collections.abc import Iterator

import pytest

from shelflife.events import BatchFinished, DirectoriesScanned, RunStarted
from shelflife.files.listing import Entry, EntryKind
from shelflife.files.removal import Outcome, Result
from shelflife.records.history import Trigger
from shelflife.records.journal import Journal
from shelflife.records.records import open_records
from shelflife.run import progress
from shelflife.run.progress import ProgressRecorder
from shelflife.testing import Storage

_FILE = Entry("a", EntryKind.FILE, 1, 10, 4096, 5, 6, 1)
_GONE, _FAILED = Outcome(_FILE, Result.REMOVED), Outcome(_FILE, Result.FAILED, errno=5)
_BATCH = BatchFinished(area="temp", directory="temp/a/", outcomes=[_GONE, _FAILED])


@pytest.fixture
def journal(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with open_records(storage.settings).open_journal() as journal:
        yield journal


def _run(journal: Journal) -> int:
    return journal.runs.begin(trigger=Trigger.CLI, host="here", pid=7, at=1)


def _last(journal: Journal, run: int) -> tuple[object, ...]:
    found = journal.events.progress(run)
    assert found is not None
    return (found.at, found.phase, found.area, found.done, found.total, found.failed, found.directory)


def test_a_run_plans_and_then_works(journal: Journal) -> None:
    run, recorder = _run(journal), ProgressRecorder(journal, clock=lambda: 9)
    recorder.follow(run)
    recorder(DirectoriesScanned(area="temp", directories=3, listed=2, files=7))
    assert _last(journal, run) == (9, "planning", "temp", 7, None, 0, "")
    recorder(RunStarted(run=run, plan="p", files=4, bytes=0))
    assert _last(journal, run) == (9, "working", "", 0, 4, 0, "")
    recorder(_BATCH)
    assert _last(journal, run) == (9, "working", "temp", 2, 4, 1, "temp/a/")
    recorder(_BATCH)
    assert _last(journal, run) == (9, "working", "temp", 4, 4, 2, "temp/a/")


def test_a_batch_without_failures_is_not_looked_through_for_them(journal: Journal) -> None:
    run, recorder = _run(journal), ProgressRecorder(journal, clock=lambda: 9)
    recorder.follow(run)
    recorder(BatchFinished(area="temp", directory="temp/", outcomes=[_FAILED], clean=True))
    assert _last(journal, run)[5] == 0


def test_nothing_is_recorded_before_there_is_a_run(journal: Journal) -> None:
    run, recorder = _run(journal), ProgressRecorder(journal, clock=lambda: 9)
    recorder(_BATCH)
    assert journal.events.progress(run) is None


def test_it_is_recorded_seldom_but_the_beginning_of_the_work_at_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 3600.0)
    run, recorder = _run(journal), ProgressRecorder(journal, clock=lambda: 9)
    recorder.follow(run)
    recorder(DirectoriesScanned(area="temp", directories=3, listed=2, files=7))
    assert journal.events.progress(run) is None
    recorder(RunStarted(run=run, plan="p", files=4, bytes=0))
    recorder(_BATCH)
    assert _last(journal, run)[3] == 0
