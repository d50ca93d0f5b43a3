from __future__ import annotations

from dataclasses import replace

import pytest

from shelflife.policy.cutoff import KEEP_ALL, Cause, Cutoff, Cutoffs
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan


def _only(at: int) -> Cutoffs:
    return Cutoffs.only(Cutoff(at=at, cause=Cause.RETENTION))


_TEMP = AreaPlan(
    area="temp",
    cutoffs=_only(1_700_000_000_000_000_000),
    scanned=10,
    due=(
        DueDirectory(root="temp", path="", files=2, bytes=20, links=1),
        DueDirectory(root="temp", path="a/", files=3, bytes=30),
        DueDirectory(root="temp", path="b/", files=0, bytes=0, prune=True),
    ),
    errors=("temp/x/: Permission denied",),
)
_OUTPUTS = AreaPlan(area="outputs", cutoffs=KEEP_ALL, scanned=4)
_PLAN = Plan(made=1_700_000_100_000_000_000, areas=(_TEMP, _OUTPUTS))


def test_a_plan_sums_up_its_directories() -> None:
    assert (_TEMP.files, _TEMP.bytes, _TEMP.links, _TEMP.directories) == (5, 50, 1, 3)
    assert (_PLAN.files, _PLAN.bytes, _PLAN.scanned) == (5, 50, 14)
    assert _PLAN.errors == ("temp/x/: Permission denied",)


def test_the_id_of_a_plan_is_the_same_for_ever() -> None:
    """People approve a plan by its id, perhaps with one version and carry it out with the next."""
    assert _PLAN.id == "b56bbe1ae9"


@pytest.mark.parametrize(
    ("plan", "same"),
    [
        (replace(_PLAN, areas=(replace(_TEMP, scanned=11, due=(), errors=()), _OUTPUTS)), True),
        (replace(_PLAN, made=_PLAN.made + 1), False),
        (replace(_PLAN, areas=(_TEMP,)), False),
        (replace(_PLAN, areas=(_OUTPUTS, _TEMP)), False),
        (replace(_PLAN, areas=(replace(_TEMP, cutoffs=KEEP_ALL), _OUTPUTS)), False),
        (replace(_PLAN, areas=(replace(_TEMP, cutoffs=Cutoffs((_TEMP.cutoff, None))), _OUTPUTS)), True),
        (replace(_PLAN, areas=(replace(_TEMP, cutoffs=Cutoffs((_TEMP.cutoff,) * 2)), _OUTPUTS)), False),
        (
            replace(_PLAN, areas=(replace(_TEMP, cutoffs=_only(7)), _OUTPUTS)),
            False,
        ),
    ],
)
def test_the_id_follows_from_time_areas_and_cutoffs_alone(plan: Plan, same: bool) -> None:
    assert (plan.id == _PLAN.id) is same
