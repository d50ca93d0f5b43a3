from __future__ import annotations

import pytest

from shelflife.policy.cutoff import BEGINNING, Cause, Cutoff, Cutoffs
from shelflife.policy.rules import Unit, directory_time, judge_unit
from shelflife.policy.verdict import Reason

_CUTOFFS = Cutoffs((Cutoff(at=100, cause=Cause.RETENTION), None, Cutoff(at=50, cause=Cause.RETENTION)))


@pytest.mark.parametrize(
    ("newest", "changed", "reason"),
    [
        ({0: 99}, BEGINNING, Reason.EXPIRED),
        ({0: 99, 2: 49}, BEGINNING, Reason.EXPIRED),
        ({0: 99, 2: 50}, BEGINNING, Reason.UNIT_NOT_EXPIRED),
        ({0: 9, 2: 9}, 49, Reason.EXPIRED),
        ({0: 9, 2: 9}, 50, Reason.UNIT_NOT_EXPIRED),  # a directory is of each class that there is
        ({0: 9, 1: 9}, BEGINNING, Reason.UNIT_NOT_EXPIRED),
        ({1: 9}, BEGINNING, Reason.INDEFINITE),
        ({}, 99, Reason.EXPIRED),
    ],
)
def test_a_unit_waits_for_the_newest_of_each_class(
    newest: dict[int, int], changed: int, reason: Reason
) -> None:
    unit = Unit(newest=newest, changed=changed)
    assert judge_unit(unit, _CUTOFFS).reason is reason


def test_a_unit_among_the_newest_says_so() -> None:
    cutoffs = Cutoffs.only(Cutoff(at=100, cause=Cause.RETENTION).limited(50))
    assert judge_unit(Unit(newest={0: 60}, changed=0), cutoffs).reason is Reason.NEWEST
    assert judge_unit(Unit(newest={0: 49}, changed=0), cutoffs).remove


@pytest.mark.parametrize(
    ("modified", "noise", "time"), [(7, BEGINNING, 7), (7, 6, 7), (7, 7, BEGINNING), (7, 9, BEGINNING)]
)
def test_a_directory_is_not_young_because_of_the_noise_in_it(modified: int, noise: int, time: int) -> None:
    assert directory_time(modified, noise) == time
