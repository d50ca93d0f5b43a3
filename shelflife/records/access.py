"""Who may what: tokens with names, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from shelflife.clock import MINUTE

if TYPE_CHECKING:
    from shelflife.scopes import Scope

__all__ = ["SERVICE", "USED_EVERY", "Token", "TokenBook"]

SERVICE: Final = "service "
"""Begins the parent of a session that was made for the token of the service, which is in no book."""

USED_EVERY: Final = MINUTE
"""Nanoseconds between two notes of a token's use: reading must not write at every request."""


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
    parent: str = ""
    """Of a session: the name of the token that it was made for, or `SERVICE` and what tells its token."""

    @property
    def owner(self) -> str:
        """Who uses it: its own name, or for a session that of the token it was made for."""
        if self.parent.startswith(SERVICE):
            return "admin"
        return self.parent or self.name

    def is_valid(self, now: int) -> bool:
        """Return whether it opens anything at `now` (ns)."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class TokenBook(Protocol):
    """The tokens of one storage. What one process records, all know at once."""

    def add(self, token: Token) -> str:
        """Record a new token and return its secret, which is not kept. Raises UsageError if its name is taken.

        A session ends with its `parent`: that of a token, with the token of that name.
        """

    def find(self, secret: str) -> Token | None:
        """Return the token of that secret, also one that is revoked or expired; None if there is none."""

    def note_use(self, secret: str, at: int) -> None:
        """Record that a token was used at `at` (ns), once a minute at the most."""

    def revoke(self, name: str, at: int) -> bool:
        """Make a token useless from now on; return whether there was one of that name."""

    def all(self, *, revoked: bool = False) -> list[Token]:
        """Return the tokens by name, sessions left out; those that were revoked too, if asked for."""
