"""Writing into an index, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.files.survey import ClassSurvey, Key, Survey
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs

if TYPE_CHECKING:
    from shelflife.records.index import Index, RowState

TREE = [
    "",
    "a/",
    "a/b/",
    "a/b/c/",
    "a/b-/",
    "a/b0/",
    "a-b/",
    "a-b/x/",
    "a.d/",
    "a0/",
    "a0/b/",
    "a\n/",
    "b/",
    "byte\udc80/",
    "byte\udcff/",
    "byte\udcff/below/",
    "ä/",
    "\U0001f600/",
]
"""Names with bytes below and above the slash (0x2F), and some that are not UTF-8."""


def before(at: int) -> Cutoffs:
    return Cutoffs.only(Cutoff(at=at, cause=Cause.RETENTION))


def put(
    index: Index,
    root: int,
    path: str,
    state: RowState | None = None,
    *,
    others: dict[int, ClassSurvey] | None = None,
    **counts: int,
) -> None:
    survey = Survey(key=Key(1, 2, 3), settled=True, others=others or {})
    for name, value in counts.items():
        setattr(survey, name, value)
    index.put(root, path, survey, listed=5, rules=7, state=state)


def paths_of(index: Index, root: int) -> list[str]:
    return [row.path for row in index.rows(root)]
