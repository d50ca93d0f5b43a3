"""A plan: what a cleanup would do, in numbers, and the files that would go."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING, Annotated, NotRequired

from shelflife.formats import iso, printable
from shelflife.policy.area import place_of
from shelflife.policy.cutoff import Cause
from shelflife.policy.limits import APPROVAL_LASTS
from shelflife.shapes.cutoff import ClassPlan, classes_as_json
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.schema import Count, Time, TypedDict, shape, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.plan import AreaPlan as PlannedArea
    from shelflife.policy.plan import Plan as PlanValue
    from shelflife.records.history import OfferedPlan
    from shelflife.scan.planner import PlannedFile as File

__all__ = [
    "AreaPlan",
    "Plan",
    "PlannedFile",
    "WaitingPlan",
    "WaitingPlans",
    "plan_as_json",
    "planned_file_as_json",
    "waiting_plan_as_json",
]


@shape
class AreaPlan(TypedDict):
    """What would go from one area."""

    cutoff: Time | None
    """What was last changed before it goes; null for an area that is kept indefinitely."""
    cause: Annotated[str, words_of(Cause)] | None
    """What chose the cutoff."""
    files: Count
    bytes: Count
    directories: Count
    """Directories with something to remove."""
    links: Count
    scanned: Count
    special: Count
    """FIFOs, sockets and devices, which stay."""
    errors: list[str]
    classes: NotRequired[list[ClassPlan]]
    """What is of the area's `rules` and of `protect`, where it has any; part of `files` and `bytes`."""


@shape
class DueDirectory(Path):
    """A directory with something to remove; `path` is relative to the base path."""

    area: str
    files: Count
    bytes: Count


@shape
class Plan(TypedDict):
    """What a cleanup would do now, in numbers."""

    plan: str
    """The plan's id: what a person approves."""
    made: Time
    """The moment that it was made for."""
    areas: dict[str, AreaPlan]
    files: Count
    bytes: Count
    scanned: Count
    needs_approval: bool
    reasons: list[str]
    """Why a person must approve it before it may run unwatched; empty when it may."""
    largest: NotRequired[list[DueDirectory]]
    """The directories that most would go from, the largest first; where that was asked for."""


@shape
class WaitingPlan(TypedDict):
    """A plan that a person may approve."""

    plan: str
    made: Time
    until: Time
    """When it can be approved no longer."""
    areas: list[str]


@shape
class WaitingPlans(TypedDict):
    """The plans that a person may approve, the latest first."""

    plans: list[WaitingPlan]


@shape
class PlannedFile(Path):
    """A file that would go."""

    area: str
    size: Count
    modified: Time
    link: bool
    """Whether it is a symbolic link, which goes as a link."""


def plan_as_json(plan: PlanValue, reasons_to_ask: Sequence[str], *, top: int = 0) -> Plan:
    """Return a plan: per area its cutoff, the cause of that, what would go, and why a person must approve it.

    Besides the `top` directories that most would go from, if that is not 0.
    """
    shown: Plan = {
        "plan": plan.id,
        "made": iso(plan.made),
        "areas": {area.area: _area(area) for area in plan.areas},
        "files": plan.files,
        "bytes": plan.bytes,
        "scanned": plan.scanned,
        "needs_approval": bool(reasons_to_ask),
        "reasons": [printable(reason) for reason in reasons_to_ask],
    }
    if top:
        shown["largest"] = _largest(plan, top)
    return shown


def _largest(plan: PlanValue, top: int) -> list[DueDirectory]:
    due = ((area.area, directory) for area in plan.areas for directory in area.due)
    return [
        {
            **path_as_json(place_of(directory.root, directory.path) or directory.root),
            "area": area,
            "files": directory.files,
            "bytes": directory.bytes,
        }
        for area, directory in nlargest(top, due, key=lambda found: found[1].bytes)
    ]


def _area(area: PlannedArea) -> AreaPlan:
    shown: AreaPlan = {
        "cutoff": iso(area.cutoff.at) if area.cutoff else None,
        "cause": area.cutoff.cause.value if area.cutoff else None,
        "files": area.files,
        "bytes": area.bytes,
        "directories": area.directories,
        "links": area.links,
        "scanned": area.scanned,
        "special": area.special,
        "errors": [printable(error) for error in area.errors],
    }
    if len(area.patterns) > 1:
        shown["classes"] = classes_as_json(area)
    return shown


def waiting_plan_as_json(plan: OfferedPlan) -> WaitingPlan:
    """Return a plan that a person may approve."""
    return {
        "plan": plan.id,
        "made": iso(plan.made),
        "until": iso(plan.made + APPROVAL_LASTS),
        "areas": list(plan.cutoffs),
    }


def planned_file_as_json(file: File, path: str | None = None) -> PlannedFile:
    """Return a file that would go; its path is relative to the base path, or as given."""
    return {
        **path_as_json(file.path if path is None else path),
        "area": file.area,
        "size": file.size,
        "modified": iso(file.mtime),
        "link": file.link,
    }
