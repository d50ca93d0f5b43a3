"""Acts: who did what, when and by which way – runs, approvals, holds, tokens.

An act is recorded in the transaction of its own effect, by whoever acts in that context (`shelflife.actor`):
after a kill there are both or neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["ActBook", "ActRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRecord:
    """One thing that somebody did."""

    id: int
    """Grows with each act."""
    at: int
    """ns since the epoch."""
    actor: str
    """Who; empty if nobody was named."""
    via: str
    """By which way, a word of `Via`; empty in records of versions before."""
    request: str
    """Id of the HTTP request, if it was one."""
    kind: str
    """What: `run.begun`, `hold.added`, `token.revoked` and so on."""
    subject: str
    """To what: the number of a run or hold, the id of a plan, the name of a token."""
    data: dict[str, Any] = field(default_factory=dict)
    """What else is known, such as `area`; a path as `path_hex`."""


class ActBook(Protocol):
    """The acts of one storage. The books write their own; what concerns no other book is added here."""

    def add(self, kind: str, subject: str = "", *, at: int) -> None:
        """Record an act at `at` (ns) by whoever acts now."""

    def latest(self, *, limit: int = 50, before: int | None = None) -> list[ActRecord]:
        """Return acts, the latest first; those before act number `before`."""
