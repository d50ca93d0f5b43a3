"""A cutoff as JSON, and those of the further classes of an area: of its `rules`, and of what it protects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NotRequired

from shelflife.formats import iso, printable
from shelflife.policy.cutoff import Cause
from shelflife.shapes.schema import Count, Time, TypedDict, shape, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shelflife.policy.plan import AreaPlan

__all__ = ["ClassCutoff", "ClassPlan", "RunCutoff", "classes_as_json", "run_cutoff_as_json"]


@shape
class ClassCutoff(TypedDict):
    """The cutoff of the files that match certain patterns, and no earlier ones."""

    match: list[str]
    """The patterns."""
    cutoff: Time | None
    """What was last changed before it goes; null for what is kept indefinitely."""
    cause: Annotated[str, words_of(Cause)] | None


@shape
class ClassPlan(ClassCutoff):
    """Likewise, and what of it would go."""

    files: Count
    bytes: Count


@shape
class RunCutoff(TypedDict):
    """An area's cutoff in a run."""

    cutoff: Time | None
    """What matches no rule and was last changed before it went; null: that was kept indefinitely."""
    cause: Annotated[str, words_of(Cause)] | None
    """What had chosen the cutoff."""
    classes: NotRequired[list[ClassCutoff]]
    """Those of files that match the area's `rules` or `protect`, where it had any."""


def classes_as_json(plan: AreaPlan) -> list[ClassPlan]:
    """Return what would go of each class of an area but its own."""
    return [
        {
            **_class(patterns, {"at": cutoff.at, "cause": cutoff.cause.value} if cutoff else None),
            "files": plan.of_class(number)[0],
            "bytes": plan.of_class(number)[1],
        }
        for number, patterns in enumerate(plan.patterns)
        if number
        for cutoff in [plan.cutoffs[number]]
    ]


def run_cutoff_as_json(record: Mapping[str, Any]) -> RunCutoff:
    """Return an area's cutoffs in a run, as the journal has them."""
    at = record["at"]
    found: RunCutoff = {"cutoff": None if at is None else iso(at), "cause": record["cause"]}
    if "patterns" in record:
        rules = zip(record["patterns"], record["classes"], strict=False)
        found["classes"] = [_class(patterns, one) for patterns, one in list(rules)[1:]]
    return found


def _class(patterns: Sequence[str], record: Mapping[str, Any] | None) -> ClassCutoff:
    return {
        "match": [printable(pattern) for pattern in patterns],
        "cutoff": iso(record["at"]) if record else None,
        "cause": record["cause"] if record else None,
    }
