from __future__ import annotations

import pytest

from shelflife.policy.cutoff import BEGINNING, Cause, Cutoff, Cutoffs
from shelflife.policy.rules import Unit, directory_time, judge_unit
from shelflife.policy.verdict import Reason

_CUTOFFS = Cutoffs((Cutoff(at=100, cause=Cause.RETENTION), None, Cutoff(at=50, cause=Cause.RETENTION)))


@pytest.mark.parametrize(
    ("classes", "time", "reason"),
    [
        ({0}, 99, Reason.EXPIRED),
        ({0, 2}, 99, Reason.UNIT_NOT_EXPIRED),
        ({0, 2}, 49, Reason.EXPIRED),
        ({2}, 50, Reason.UNIT_NOT_EXPIRED),
        ({0, 1}, 0, Reason.INDEFINITE),
    ],
)
def test_a_unit_waits_for_the_class_that_is_kept_longest(
    classes: set[int], time: int, reason: Reason
) -> None:
    unit = Unit(newest=time, changed=BEGINNING, classes=frozenset(classes))
    assert judge_unit(unit, _CUTOFFS).reason is reason


def test_a_unit_among_the_newest_says_so() -> None:
    cutoffs = Cutoffs.only(Cutoff(at=100, cause=Cause.RETENTION).limited(50))
    assert judge_unit(Unit(newest=60, changed=0), cutoffs).reason is Reason.NEWEST
    assert judge_unit(Unit(newest=49, changed=0), cutoffs).remove


@pytest.mark.parametrize(
    ("modified", "noise", "time"), [(7, BEGINNING, 7), (7, 6, 7), (7, 7, BEGINNING), (7, 9, BEGINNING)]
)
def test_a_directory_is_not_young_because_of_the_noise_in_it(modified: int, noise: int, time: int) -> None:
    assert directory_time(modified, noise) == time
