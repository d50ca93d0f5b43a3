"""Portions of a batch: how much they take, what is left of them, and when their directory ends them."""

from __future__ import annotations

import errno

import pytest

from shelflife.files.listing import Entry, EntryKind
from shelflife.files.removal import Outcome, Result
from shelflife.policy.verdict import Reason
from shelflife.records.history import BatchKind
from shelflife.remove.batch import BatchResult, Portion, is_denied, not_reached

_FILE = Entry("a", EntryKind.FILE, 1, 10, 4096, 5, 6, 1)
_GONE = Outcome(_FILE, Result.REMOVED)


def _failed(number: int) -> Outcome:
    return Outcome(_FILE, Result.FAILED, errno=number)


@pytest.mark.parametrize(
    ("outcomes", "denied"),
    [
        ([], False),
        ([_GONE], False),
        ([_failed(errno.EIO)], False),
        ([_failed(errno.EACCES)], True),
        ([_GONE, _failed(errno.EACCES)], True),
        ([_failed(errno.EPERM)], True),
        ([_failed(errno.EPERM), not_reached(_FILE)], True),
        ([_GONE, _failed(errno.EPERM)], False),  # that one is immutable, or somebody else's
    ],
)
def test_a_directory_denies_what_no_file_alone_can_deny(outcomes: list[Outcome], *, denied: bool) -> None:
    assert is_denied(outcomes) is denied


@pytest.mark.parametrize(
    ("kind", "entries", "weight"),
    [
        (BatchKind.FILES, 0, 1),
        (BatchKind.FILES, 1, 1),
        (BatchKind.FILES, 30, 30),
        (BatchKind.DIRECTORY, 0, 1),
        (BatchKind.DIRECTORY, 9, 1),
        (BatchKind.DIRECTORY, 30, 4),
    ],
)
def test_a_directory_that_goes_as_one_takes_less_of_a_batch(
    kind: BatchKind, entries: int, weight: int
) -> None:
    assert Portion("a/", [_FILE] * entries, kind).weight == weight


def test_a_portion_is_done_when_each_entry_has_an_outcome_or_it_needs_another_way() -> None:
    entries = [_FILE._replace(name=name) for name in "abc"]
    portion = Portion("a/", entries)
    assert (portion.is_done, portion.rest) == (False, entries)
    portion.steps += [BatchResult([_GONE]), BatchResult(), BatchResult([_GONE])]
    assert (portion.is_done, portion.reached, portion.rest) == (False, 2, entries[2:])
    assert portion.outcomes == [_GONE, _GONE]
    portion.steps.append(BatchResult(handed_back=True))
    assert (portion.is_done, portion.is_handed_back, portion.rest) == (True, True, entries[2:])
    whole = Portion("a/", entries, steps=[BatchResult([_GONE] * 3)])
    assert (whole.is_done, whole.is_handed_back) == (True, False)


def test_an_empty_directory_is_done_once_it_was_tried() -> None:
    assert not Portion("a/", []).is_done
    assert Portion("a/", [], steps=[BatchResult()]).is_done


def test_what_was_not_reached_stays() -> None:
    assert not_reached(_FILE) == Outcome(_FILE, Result.KEPT, Reason.NOT_REACHED)
