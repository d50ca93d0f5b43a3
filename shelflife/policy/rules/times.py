"""A file's time: which of an entry's times its age is counted from."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

from shelflife.settings import AgeFrom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class AgeKind(IntEnum):
    """A way to count age, as the compiled code is told it."""

    MODIFIED = 0
    CHANGED = 1


class Timed(Protocol):
    """An entry of a directory with its times, in ns since the epoch."""

    @property
    def mtime(self) -> int:
        """When its contents were last modified."""

    @property
    def ctime(self) -> int:
        """When anything about it was last changed; nobody can set it."""


KINDS: Final[Mapping[AgeFrom, AgeKind]] = {
    AgeFrom.MODIFIED: AgeKind.MODIFIED,
    AgeFrom.CHANGED: AgeKind.CHANGED,
}
"""What of the setting `age_from` the compiled code knows."""

TIMES: Final[Mapping[AgeFrom, Callable[[Timed], int]]] = {
    AgeFrom.MODIFIED: lambda entry: entry.mtime,
    AgeFrom.CHANGED: lambda entry: max(entry.mtime, entry.ctime),
}
"""By the setting `age_from`: the time of an entry."""
