"""Who may what: tokens with names, and the scopes that they open."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ALL_SCOPES", "Scope", "Token", "TokenBook"]


class Scope(StrEnum):
    """What a caller may do. None implies another, but for `admin`, which implies all."""

    READ = "read"
    """Numbers: statistics, runs, disks, forecasts. No names of files."""
    READ_PATHS = "read:paths"
    """Names of files, wherever they appear."""
    PLAN = "plan"
    """Have a plan made, which reads the disk."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token, without its secret, which nobody keeps. Times in ns since the epoch."""

    name: str
    scopes: frozenset[Scope]
    areas: tuple[str, ...] = ()
    """The areas it is good for; all, if there are none."""
    created: int = 0
    created_by: str = ""
    expires: int | None = None
    revoked: int | None = None
    last_used: int | None = None
    """To the minute."""

    def is_valid(self, now: int) -> bool:
        """Return whether it opens anything at `now` (ns)."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class TokenBook(Protocol):
    """The tokens of one storage. What one process records, all know at once."""

    def add(
        self,
        name: str,
        scopes: Iterable[Scope],
        *,
        areas: Iterable[str] = (),
        at: int,
        by: str = "",
        expires: int | None = None,
    ) -> str:
        """Record a token and return its secret, which is not kept. Raises UsageError if the name is taken."""

    def find(self, secret: str) -> Token | None:
        """Return the token of that secret, also one that is revoked or expired; None if there is none."""

    def note_use(self, secret: str, at: int) -> None:
        """Record that a token was used at `at` (ns), once a minute at the most."""

    def revoke(self, name: str, at: int) -> bool:
        """Make a token useless from now on; return whether there was one of that name."""

    def all(self, *, revoked: bool = False) -> list[Token]:
        """Return the tokens by name; those that were revoked too, if asked for."""
