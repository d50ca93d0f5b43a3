"""The verdict on one file: whether it goes, and why – a reason for keeping as for removing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why something goes or stays."""

    EXPIRED = "expired"
    """Its time is before the cutoff."""

    NOT_EXPIRED = "not expired"
    """Its time is not before the cutoff."""

    INDEFINITE = "indefinite"
    """The area keeps its files indefinitely."""

    PROTECTED = "protected"
    """A pattern of the area keeps it."""

    KEEP_FILE = "keep file"
    """A `.gitkeep` is never removed."""

    NEWEST = "among the newest"
    """It is one of the newest files, of which some are kept however old they are."""

    UNIT_NOT_EXPIRED = "unit not expired"
    """Another file of its unit is not expired, so all of the unit stays."""

    UNIT_PROTECTED = "unit protected"
    """Another file of its unit is protected, so all of the unit stays."""

    CHANGED = "changed"
    """It was no longer the file that was listed when its turn came."""

    VANISHED = "vanished"
    """Somebody else removed or renamed it first."""

    NOT_REACHED = "not reached"
    """The run ended, or its directory failed, before its turn came."""

    HELD = "held"
    """A person pinned it, or a directory above it."""

    UNIT_HELD = "unit held"
    """Another file of its unit is held, so all of the unit stays."""

    IN_USE = "in use"
    """Somebody has it open for writing."""

    UNIT_IN_USE = "unit in use"
    """Another file of its unit is open for writing, so all of the unit stays."""

    PURGED = "purged"
    """Its time in the trash was over."""

    RESTORED = "restored"
    """It was to come back from the trash."""

    NAME_TAKEN = "name taken"
    """It was to come back from the trash, and something of its name is there."""

    SPECIAL = "special file"
    """A FIFO, socket or device: never removed, reported."""

    LEFT_OPEN = "left open"
    """NFS keeps it, as `.nfs…`, for somebody who has it open: it goes by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a file, and why."""

    remove: bool
    """Whether it goes."""

    reason: Reason
    """Why."""

    pattern: str | None = None
    """The pattern that decided, when one did."""
