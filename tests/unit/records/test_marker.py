from __future__ import annotations

from uuid import UUID

import pytest

from shelflife.errors import RecordsError
from shelflife.records.history import Trigger
from shelflife.records.marker import check_marker, marker_fault
from shelflife.records.records import Records, open_records
from shelflife.testing import Storage


@pytest.fixture
def records(storage: Storage) -> Records:
    """Records of a storage whose marker and journal are joined."""
    found = open_records(storage.settings)
    with found.open_journal() as journal:
        check_marker(found.state, journal)
    return found


def test_a_new_storage_and_its_journal_are_joined(storage: Storage) -> None:
    records = open_records(storage.settings)
    assert marker_fault(records.state, None) is None
    with records.open_journal() as journal:
        assert not records.state.marker.exists()
        check_marker(records.state, journal)
        identity = records.state.marker.read_text().strip()
        assert UUID(identity).version == 4
        assert identity == journal.identity.current()
        check_marker(records.state, journal)
        assert marker_fault(records.state, journal) is None


def test_the_journal_of_another_storage_is_refused_until_a_person_says_that_it_is_meant(
    records: Records,
) -> None:
    records.state.marker.write_text("another\n")
    with records.open_journal() as journal:
        known = journal.identity.current()
        assert marker_fault(records.state, journal) is not None
        with pytest.raises(RecordsError, match="does not belong to the storage"):
            check_marker(records.state, journal)
        check_marker(records.state, journal, adopt=True)
        assert records.state.marker.read_text().strip() == known
        check_marker(records.state, journal)


def test_a_lost_journal_is_not_taken_for_one_without_holds(records: Records) -> None:
    for file in records.state.path.glob("journal*"):
        file.unlink()
    assert marker_fault(records.state, None) is not None
    with records.open_journal() as journal:
        assert marker_fault(records.state, journal) is not None
        with pytest.raises(RecordsError, match="of no storage"):
            check_marker(records.state, journal)
        check_marker(records.state, journal, adopt=True)
        assert marker_fault(records.state, journal) is None


def test_a_lost_marker_is_refused_where_the_journal_has_records_and_made_anew_where_it_has_none(
    records: Records,
) -> None:
    records.state.marker.unlink()
    with records.open_journal() as journal:
        assert marker_fault(records.state, journal) is None  # blank: there is nothing to lose
        check_marker(records.state, journal)
        assert records.state.marker.exists()
        journal.runs.begin(trigger=Trigger.CLI, host="here", pid=7, at=1)
        records.state.marker.unlink()
        assert marker_fault(records.state, journal) is not None
        with pytest.raises(RecordsError, match="the marker says nothing"):
            check_marker(records.state, journal)


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_marker_counts_as_none(records: Records, content: bytes) -> None:
    records.state.marker.write_bytes(content)
    with records.open_journal() as journal:
        check_marker(records.state, journal)
        assert records.state.marker.read_text().strip() == journal.identity.current()


def test_a_marker_that_cannot_be_read_makes_holds_unknown(records: Records) -> None:
    records.state.marker.write_bytes(b"\xff")
    with records.open_journal() as journal, pytest.raises(RecordsError, match="cannot read the marker"):
        check_marker(records.state, journal)


def test_a_marker_is_written_whole_and_leaves_nothing_beside_it(records: Records) -> None:
    assert [path.name for path in records.state.path.glob("*marker*")] == [records.state.marker.name]
