"""The cause of what went, told afterwards: which class a file was of, and what had chosen the cutoff of that.

The cutoffs of a run are recorded together with the patterns of their classes. A class is a function of the path
alone, so that it is found again whatever the rules are by then, and nothing is written for a single file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shelflife.policy.area import path_below
from shelflife.policy.rules import Patterns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.plan import Plan


def record_of(area: Area, cutoffs: Cutoffs) -> dict[str, Any]:
    """Return an area's cutoffs as the journal keeps them: what `Cutoffs.of_record` and `Causes` read."""
    record = cutoffs.as_record()
    if "classes" in record:
        record["directories"] = list(area.directories)
        record["patterns"] = [list(patterns) for patterns in area.rules.patterns]
    return record


def records_of(plan: Plan, areas: Mapping[str, Area]) -> dict[str, Any]:
    """Return a plan's cutoffs likewise, by area: of those from which something may go."""
    return {area.area: record_of(areas[area.area], area.cutoffs) for area in plan.areas if area.cutoffs}


class Causes:
    """What had chosen the cutoffs of one area in one run."""

    def __init__(self, record: Mapping[str, Any] | None) -> None:
        """Take what `record_of` gave; older records do not know which files are of which class."""
        record = record or {}
        self._causes = [(one or {}).get("cause") or "" for one in record.get("classes", [record])]
        self._patterns = [Patterns(patterns) for patterns in record.get("patterns", ())]
        self._directories: list[str] = record.get("directories", [])

    def of(self, place: str) -> str:
        """Return the cause, a word of `Cause`, for the file at `place` (relative to the base path).

        Of a directory, with a trailing slash, it is that of what lies in it. Empty where it is not known.
        """
        if not self._patterns:
            return next((cause for cause in self._causes if cause), "")
        return self._causes[self._class_of(place)]

    def _class_of(self, place: str) -> int:
        below = (path_below(directory, place) for directory in self._directories)
        path = next((path for path in below if path is not None), "")
        for number, patterns in enumerate(self._patterns):
            found = patterns.of_directory(path) if path.endswith("/") else patterns.deciding(path)
            if found is not None:
                return number
        return 0
