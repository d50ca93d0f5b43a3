"""What all records do, whatever they are kept in."""

from __future__ import annotations

import pytest

from shelflife.errors import StorageError
from shelflife.policy.holds import Hold
from shelflife.records.records import Records, open_records
from shelflife.settings import Settings
from tests.unit.records.contract.writing import begin


def test_reading_makes_nothing(records: Records) -> None:
    with records.read_journal() as journal, records.read_index() as index:
        assert (journal, index) == (None, None)
    assert not records.state.path.exists()


def test_what_one_has_written_another_reads_while_it_is_open(records: Records) -> None:
    with records.open_journal() as writer:
        number = begin(writer)
        with records.read_journal() as reader:
            assert reader is not None
            run = reader.history.run(number)
            assert run is not None
            assert run.plan == "abc"


def test_a_hold_that_another_adds_is_seen_at_once(records: Records) -> None:
    hold = Hold(
        id=0, path="temp/a", tree=False, area="temp", inode=1, born=None, created=1, until=None, reason=""
    )
    with records.open_journal() as one, records.open_journal() as other:
        watch = one.watch_holds(clock=lambda: 5)
        assert watch.current().paths == {}
        other.holds.add(hold)
        assert set(watch.current().paths) == {"temp/a"}


def test_whoever_comes_second_to_the_index_works_on_a_copy(records: Records) -> None:
    with records.open_index() as first, records.open_index() as second:
        assert first.root("temp") == second.root("temp")
        second.root("frames")
        assert first.find("frames") is None


def test_the_records_of_a_storage_that_is_not_there_cannot_be_opened() -> None:
    settings = Settings.build(base_path="/nowhere-at-all/storage", areas={"temp": "1d"})
    with pytest.raises(StorageError, match="/nowhere-at-all/storage"):
        open_records(settings)
