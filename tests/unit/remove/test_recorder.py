"""What a run writes down while it works, and what becomes of it where the journal finds no room."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from shelflife.files.removal import Outcome, Result
from shelflife.records.history import BatchKind, Intent, Settled
from shelflife.records.journal import Journal, JournalFull
from shelflife.remove.recorder import Recorder

_OUTCOMES = cast(Sequence[Outcome], ["one", "two"])  # what they are is nothing to a recorder


class _Removals:
    """Takes what is written, as long as there is room."""

    def __init__(self) -> None:
        self.has_room = True
        self.written: list[tuple[list[Settled], list[Intent]]] = []

    def exchange(self, settled: Sequence[Settled], intents: Sequence[Intent]) -> list[int]:
        if not self.has_room:
            raise JournalFull("no room")
        self.written.append((list(settled), list(intents)))
        return [7 + number for number in range(len(intents))]


def _recorder() -> tuple[Recorder, _Removals]:
    removals = _Removals()
    journal: Any = SimpleNamespace(removals=removals)
    return Recorder(cast(Journal, journal), 3, clock=lambda: 5), removals


def _intent(recorder: Recorder) -> Intent:
    return recorder.intent("frames", "frames/a", [], BatchKind.FILES)


def test_an_intent_says_whose_it_is_and_when() -> None:
    recorder, _ = _recorder()
    assert _intent(recorder) == Intent(3, "frames", "frames/a", 5, [], BatchKind.FILES)


def test_outcomes_are_written_once_with_the_next_intents() -> None:
    recorder, removals = _recorder()
    intent = _intent(recorder)
    assert recorder.intend([intent, intent]) == [7, 8]
    recorder.settle(7, intent, _OUTCOMES)
    assert recorder.unwritten == 2
    recorder.intend([intent])
    assert recorder.unwritten == 0
    recorder.intend([intent])
    settled = Settled(7, _OUTCOMES, None)
    assert removals.written == [([], [intent, intent]), ([settled], [intent]), ([], [intent])]


def test_without_room_nothing_has_a_number_and_outcomes_wait_with_what_was_intended() -> None:
    recorder, removals = _recorder()
    intent = _intent(recorder)
    removals.has_room = False
    assert recorder.intend([intent, intent]) == [0, 0]
    recorder.settle(0, intent, _OUTCOMES)
    assert recorder.intend([intent]) == [0]
    recorder.flush()
    assert recorder.unwritten == 2
    removals.has_room = True
    recorder.flush()
    assert removals.written == [([Settled(0, _OUTCOMES, intent)], [])]
    assert recorder.unwritten == 0


def test_where_nothing_waits_nothing_is_written() -> None:
    recorder, removals = _recorder()
    recorder.flush()
    assert removals.written == []


def _pruned(removals: _Removals) -> list[tuple[str, list[str]]]:
    """Return the directories that were written down as gone, by where they were."""
    written = [one for settled, _ in removals.written for one in settled]
    assert all(one.number == 0 and one.intent is not None for one in written)
    assert all(outcome.result is Result.REMOVED for one in written for outcome in one.outcomes)
    return [
        (one.intent.directory, [outcome.entry.name for outcome in one.outcomes])
        for one in written
        if one.intent is not None and one.intent.kind is BatchKind.PRUNED
    ]


def test_directories_that_went_are_written_down_by_their_parent_at_the_end() -> None:
    recorder, removals = _recorder()
    for directory, name in (("frames/a/", "1"), ("frames/b/", "1"), ("frames/a/", "2")):
        recorder.note_pruned("frames", directory, name)
    assert recorder.unwritten == 0
    recorder.flush()
    assert _pruned(removals) == [("frames/a/", ["1", "2"]), ("frames/b/", ["1"])]
    recorder.flush()
    assert len(removals.written) == 1


def test_so_many_of_one_parent_that_memory_stays_bounded_do_not_wait_for_the_end() -> None:
    recorder, removals = _recorder()
    for number in range(1_100):
        recorder.note_pruned("frames", "frames/a/", str(number))
    assert recorder.unwritten == 1_000
    recorder.flush()
    assert [len(names) for _, names in _pruned(removals)] == [500, 500, 100]
    assert [name for _, names in _pruned(removals) for name in names] == [
        str(number) for number in range(1_100)
    ]
