from __future__ import annotations

from shelflife.alerts.overview import check, findings_of, status
from shelflife.explain.check import Level
from shelflife.records.history import Trigger
from shelflife.run.lock import cleanup_lock
from shelflife.testing import MakeStorage, Storage
from tests.inside import refused, workplace_of


def test_what_needs_a_person_is_a_finding_of_a_check(storage: Storage) -> None:
    refused(storage, "the configuration cannot be read", trigger=Trigger.SCHEDULE)
    (found,) = findings_of(workplace_of(storage))
    assert (found.check, found.level) == ("refused", Level.WARNING)
    assert found in check(workplace_of(storage))


def test_a_cleanup_that_hangs_is_said_once(make_storage: MakeStorage) -> None:
    storage = make_storage(cleanup={"lock_timeout": 60})
    with cleanup_lock(storage.engine.state, "a test"):
        storage.tick("1h")
        assert [alert.kind for alert in storage.engine.alerts()] == ["stuck"]
        assert list(findings_of(workplace_of(storage))) == []
        found = [finding for finding in check(workplace_of(storage)) if finding.check in ("lock", "stuck")]
    assert [finding.level for finding in found] == [Level.ERROR]


def test_a_base_path_that_is_away_is_a_finding_and_no_fault_of_the_check(storage: Storage) -> None:
    work = workplace_of(storage)
    storage.base_path.rename(storage.base_path.with_name("away"))
    assert list(findings_of(work)) == []
    assert [finding.check for finding in check(work) if finding.level is Level.ERROR] == ["base path"]
    assert status(work).health == "bad"
