"""What decides over a file, in words: retentions and rules, bounds, holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shelflife.formats import counted, format_age, human_size, moment
from shelflife.settings import AgeFrom

if TYPE_CHECKING:
    from shelflife.policy.area import Area
    from shelflife.policy.holds import Hold
    from shelflife.policy.rules import Class

_SINCE: Final = {
    AgeFrom.MODIFIED: "last modified",
    AgeFrom.CHANGED: "last modified or changed",
    AgeFrom.ARRIVED: "last modified, or arrived",
    AgeFrom.ACCESSED: "last modified or read",
}


def keeps(area: Area, kind: Class | None = None) -> str:
    """Return how long an area keeps files of a class, its own if None, as the rest of a sentence."""
    kind = kind or area.rules.own
    which = f"files that match {kind.name}" if kind.number else "files"
    if kind.retention is None:
        return f"keeps {which} indefinitely" if kind.number else "keeps its files indefinitely"
    return f"keeps {which} for {format_age(kind.retention)} after they were {_SINCE[area.rules.age_from]}"


def retention_rule(area: Area, kind: Class | None = None) -> str:
    """Return the retention of a class, an area's own if None, as the rule that decides."""
    kind = kind or area.rules.own
    kept = "indefinitely" if kind.retention is None else format_age(kind.retention)
    rule = f"rule of {area.name}, {kind.name}" if kind.number else f"retention of {area.name}"
    return f"{rule}: {kept}"


def kept_for(kind: Class) -> float:
    """Return how long files of a class are kept (ns)."""
    return float("inf") if kind.retention is None else kind.retention


def bounds_of(area: Area) -> str:
    """Return what an area may hold, as part of a sentence; empty where that is not bounded."""
    bounds = [] if area.quota is None else [human_size(area.quota)]
    bounds += [] if area.max_files is None else [counted(area.max_files, "file", "files")]
    return " or ".join(bounds)


def hold_in_words(subject: str, hold: Hold, whole: str) -> str:
    """Return that somebody holds something at the path `whole`, as a sentence about `subject`."""
    part = "" if hold.of_members or hold.path == whole else f" because of {hold.path}"
    until = "until somebody ends the hold" if hold.until is None else f"until {moment(hold.until)}"
    reason = f": {hold.reason}" if hold.reason else ""
    if hold.lease:
        until = "until that ends" if hold.until is None else f"until {moment(hold.until)}"
        return f"{subject} is leased{part} by {hold.actor}, since {moment(hold.created)}, {until}{reason}."
    return f"{subject} is held{part}, since {moment(hold.created)}, {until}{reason}."
