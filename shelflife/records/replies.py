"""Replies to requests with an `Idempotency-Key`, so that the same request is carried out once.

A key is claimed before anything is done, and its reply is kept once there is one. Whoever claims a key that is
taken gets its reply, if there is one; learns that it is going on, if the process that is on it lives; and
otherwise gets the claim, because that process died before it could reply. What it had begun is not begun again: a
run has the key in its own row, from the transaction that began it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from shelflife.clock import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KEPT", "Claim", "Reply", "ReplyBook"]

KEPT: Final = DAY
"""Nanoseconds that a reply is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request was answered."""

    status: int
    headers: str
    """JSON."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is known of a key that somebody wants to use."""

    is_mine: bool = False
    """Whether it is the caller's to carry out."""
    is_same: bool = True
    """Whether the key was used for the very same request."""
    reply: Reply | None = None
    """What it was answered, if it was."""


class ReplyBook(Protocol):
    """The replies of one storage, by key."""

    def claim(
        self, key: str, request: bytes, *, owner: str, at: int, is_alive: Callable[[str], bool]
    ) -> Claim:
        """Claim a key at `at` (ns) for a request (its hash). Of several callers, one gets it.

        `is_alive` says whether another owner, who has claimed it and not replied, still lives.
        """

    def keep(self, key: str, reply: Reply) -> None:
        """Keep the reply to the request that has claimed the key."""

    def give_up(self, key: str) -> None:
        """Free a key whose request was not carried out, so that it may be sent again."""
