"""A file's time: which of its times its age is counted from."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.settings import AgeFrom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class AgeKind(IntEnum):
    """A way to count age, as the compiled code is told it."""

    MODIFIED = 0
    CHANGED = 1
    ARRIVED = 2
    ACCESSED = 3


class Times(NamedTuple):
    """The times of a file, in ns since the epoch."""

    mtime: int
    """When its contents were last modified."""

    ctime: int
    """When anything about it was last changed; nobody can set it."""

    atime: int
    """When it was last read, as far as the mount keeps that."""

    born: int | None = None
    """When it was made; None where that is not recorded, or was not asked."""


KINDS: Final[Mapping[AgeFrom, AgeKind]] = {
    AgeFrom.MODIFIED: AgeKind.MODIFIED,
    AgeFrom.CHANGED: AgeKind.CHANGED,
    AgeFrom.ARRIVED: AgeKind.ARRIVED,
    AgeFrom.ACCESSED: AgeKind.ACCESSED,
}
"""What of the setting `age_from` the compiled code knows."""


def _arrival(times: Times) -> int:
    # ctime is never earlier than the birth: what arrived at an unknown time does not go too early
    return max(times.mtime, times.ctime if times.born is None else times.born)


TIMES: Final[Mapping[AgeFrom, Callable[[Times], int]]] = {
    AgeFrom.MODIFIED: lambda times: times.mtime,
    AgeFrom.CHANGED: lambda times: max(times.mtime, times.ctime),
    AgeFrom.ARRIVED: _arrival,
    AgeFrom.ACCESSED: lambda times: max(times.mtime, times.atime),
}
"""By the setting `age_from`: what the age of a file is counted from."""
