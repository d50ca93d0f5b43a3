"""What people were told, and what they are still to be told, as the rest of the program sees it.

An alert is active from when it begins until it ends. Each beginning, change and end is a message; messages wait
until they are delivered, so that a receiver that is down for a while, or a process that dies, loses none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from shelflife.clock import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLAIM_LASTS: Final = 10 * MINUTE
"""Nanoseconds after which a message that was claimed and not delivered may be tried by another."""

GIVEN_UP_AFTER: Final = DAY
"""Age (ns) at which a message is no longer worth sending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that needs a person."""

    kind: str
    key: str
    """The kind, and what of: told once for each key."""
    text: str
    """What is the case, and what to do."""
    stage: str = ""
    """It is told again when this changes."""
    since: int | None = None
    """When it began (ns), where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlert:
    """A condition that was found and has not ended."""

    kind: str
    key: str
    text: str
    stage: str
    since: int
    """ns since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that people are to be told."""

    id: int
    at: int
    """ns since the epoch."""
    event: str
    """begun, changed, ended; test."""
    kind: str
    key: str
    text: str


class AlertBook(Protocol):
    """The alerts of one storage. Several processes may use it at the same time: each message is made once."""

    def active(self) -> list[ActiveAlert]:
        """Return the alerts that have not ended, the latest first."""

    def update(
        self, found: Sequence[Condition], *, at: int, told: Mapping[str, str], tell: bool = True
    ) -> int:
        """Take what was found at `at` (ns); return how many messages are to be sent for it: none unless `tell`.

        `told` has the texts of ends by kind. Active alerts that were not found have ended. Each change is an
        event, also one that is sent to nobody.
        """

    def say(self, *, at: int, event: str, kind: str, key: str, text: str) -> None:
        """Have something told that is over already."""

    def claim(self, *, at: int) -> list[Message]:
        """Take the messages that nobody delivers, the oldest first; they are ours for `CLAIM_LASTS`."""

    def delivered(self, message: int, *, at: int) -> None:
        """Record that a message was delivered."""

    def waiting(self) -> int:
        """Return how many messages are not delivered yet."""
