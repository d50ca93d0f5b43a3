"""What a caller may be allowed to do over HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["ALL_SCOPES", "Scope"]


class Scope(StrEnum):
    """What a caller may do. None implies another, but for `admin`, which implies all."""

    READ = "read"
    """Numbers: statistics, runs, disks, forecasts. No names of files."""
    READ_PATHS = "read:paths"
    """Names of files, wherever they appear."""
    PLAN = "plan"
    """Have a plan made, which reads the disk."""
    WRITE = "write"
    """Receive files, and keep some while working on them: reservations and leases."""
    HOLD = "hold"
    """Add, extend and end holds."""
    CLEANUP = "cleanup"
    """Run what needs no approval, and stop runs."""
    RESTORE = "restore"
    """Bring back from the trash."""
    APPROVE = "approve"
    """Approve a plan that waits for a person."""
    ADMIN = "admin"
    """Everything, tokens and emptying the trash included."""


ALL_SCOPES: Final = frozenset(Scope)
