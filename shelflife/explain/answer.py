"""The answer to "why?": what will happen to one path, or what happened to it, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What is to be expected of a path."""

    WAITING = "waiting"
    """Not expired yet; it goes when it is."""

    EXPIRED = "expired"
    """It goes with the next run."""

    KEPT = "kept"
    """It belongs to an area and stays, whatever its age."""

    REMOVED = "removed"
    """A run removed it."""

    TRASHED = "trashed"
    """It lies in an area's trash."""

    MISSING = "missing"
    """It is not there, and no run is known to have removed it."""

    UNMANAGED = "unmanaged"
    """It belongs to no area: never touched."""

    UNKNOWN = "unknown"
    """It could not be looked at, and so stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What will happen to a path, or what happened to it. Times in ns since the epoch."""

    path: str
    """The path, absolute, with the directories on its way resolved."""

    state: State
    """What is to be expected."""

    reason: str
    """Why, in a word or two; of a file that is judged, the `Reason` of its verdict."""

    sentences: tuple[str, ...]
    """All of it, for people."""

    area: str | None = None
    """The area it belongs to."""

    cause: str = ""
    """Why it goes, or went: a word of `Cause`; empty for what stays, and where it is no longer known."""

    rule: str | None = None
    """What decides: a setting, a pattern, a hold."""

    expires: int | None = None
    """When it expires, or expired; in the trash: when its time there is over."""

    when: int | None = None
    """When it goes by the schedule, or when it went."""

    run: int | None = None
    """The run that removed it."""
