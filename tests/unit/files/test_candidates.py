from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.files.candidates import Candidates, Fate, Going, Outcomes, meaning
from shelflife.files.listing import Entry, EntryKind
from shelflife.files.removal import Outcome, Result
from shelflife.policy.verdict import Reason

_ENTRIES = st.lists(
    st.builds(
        Entry,
        name=st.sampled_from(["a", "b.jpg", "\udcff", "ä b"]),
        kind=st.sampled_from([EntryKind.FILE, EntryKind.LINK]),
        inode=st.integers(0, 2**64 - 1),
        size=st.integers(0, 2**40),
        allocated=st.just(0),
        mtime=st.integers(-(2**62), 2**62),
        time=st.integers(-(2**62), 2**62),
    ),
    max_size=9,
)


def _known(entry: Entry) -> tuple[object, ...]:
    """Return what candidates keep of an entry."""
    return (entry.name, entry.kind, entry.inode, entry.size, entry.mtime, entry.time)


@given(_ENTRIES)
def test_what_is_packed_comes_out_as_it_went_in(entries: list[Entry]) -> None:
    packed = Candidates.of(entries)
    assert len(packed) == len(entries)
    assert list(map(_known, packed)) == list(map(_known, entries))


@given(_ENTRIES, st.integers(1, 5))
def test_portions_are_all_of_them_in_order_and_none_is_too_large(entries: list[Entry], size: int) -> None:
    portions = Candidates.of(entries).portions(size)
    assert [_known(entry) for portion in portions for entry in portion] == list(map(_known, entries))
    assert all(len(portion) <= size for portion in portions)
    assert len(portions) == max(1, -(-len(entries) // size))


@given(_ENTRIES, st.integers(0, 9))
def test_those_after_the_first_are_the_others(entries: list[Entry], done: int) -> None:
    done = min(done, len(entries))
    assert list(map(_known, Candidates.of(entries).after(done))) == list(map(_known, entries[done:]))


@given(_ENTRIES)
def test_inodes_are_known_without_unpacking(entries: list[Entry]) -> None:
    inodes = memoryview(Candidates.of(entries).inodes).cast("q").tolist()
    assert [inode % 2**64 for inode in inodes] == [entry.inode for entry in entries]


def test_more_of_them_weigh_more() -> None:
    entry = Entry("a" * 100, EntryKind.FILE, 1, 1, 1, 1, 1, 1)
    assert Candidates.of([]).weight < Candidates.of([entry]).weight < Candidates.of([entry] * 2).weight


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("going", Going)
def test_every_fate_has_a_meaning_and_only_what_went_is_told_by_how_it_went(fate: Fate, going: Going) -> None:
    result, reason = meaning(fate, going)
    if fate is Fate.REMOVED:
        assert (result, reason) == going.value
    else:
        assert result in (Result.KEPT, Result.DISPLACED)
        assert meaning(fate) == (result, reason)


def test_outcomes_are_known_for_as_many_as_were_reached() -> None:
    entries = [Entry(name, EntryKind.FILE, 1, 2, 0, 4, 5, 1) for name in "abc"]
    packed = Candidates.of(entries)
    outcomes = Outcomes(packed, bytes([Fate.REMOVED, Fate.IN_USE]), Going.TRASHED)
    assert len(outcomes) == 2
    assert list(outcomes) == [
        Outcome(packed[0], Result.TRASHED, Reason.EXPIRED),
        Outcome(packed[1], Result.KEPT, Reason.IN_USE),
    ]
    assert [entry.name for entry in outcomes.kept] == ["b"]
    assert Outcomes(packed, bytes([Fate.REMOVED] * 3)).kept == []
