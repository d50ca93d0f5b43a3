"""Classes: the files of an area that one retention decides about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shelflife.clock import SECOND
from shelflife.policy.rules.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.settings import AreaSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """The files that match certain patterns, or the area's own: those that are of no other class."""

    number: int
    """Its place among the area's classes; 0 is the area's own."""

    name: str = ""
    """What people know it by: `protect`, or its patterns; empty for the area's own."""

    patterns: Patterns = field(default_factory=Patterns)
    """What matches is of this class, unless it is of one before it."""

    retention: int | None
    """Nanoseconds after which its files are expired; None keeps them indefinitely."""

    @property
    def is_kept(self) -> bool:
        """Whether its files are kept indefinitely."""
        return self.retention is None


def classes_of(area: AreaSettings) -> tuple[Class, ...]:
    """Return the classes of an area: its own, then `protect`, then its `rules` in their order."""
    return tuple(
        Class(
            number=number,
            name=name,
            patterns=Patterns(patterns),
            retention=None if retention < 0 else retention * SECOND,
        )
        for number, (name, patterns, retention) in enumerate(_described(area))
    )


def _described(area: AreaSettings) -> Iterator[tuple[str, Sequence[str], int]]:
    yield "", (), area.retention
    if area.protect:
        yield "protect", area.protect, -1
    for rule in area.rules:
        yield ", ".join(rule.match), rule.match, rule.retention
