"""Admission: whether room may be promised to somebody who wants to write, and if not, when to ask again.

A disk does not fill where every writer asks first, and no room is promised twice. So what counts as free is what
the file system shows, less what was promised and does not show there yet, less a reserve for our own records and
for those who do not ask. A file that fits is admitted; one that does not is refused before its first byte, unless
making room would help, and that can be told from what is old enough to go.

Watermarks begin to make room long before; they refuse nobody. Areas share a disk: an area with a share gets no
more than that of all that can be promised there, so that a flood of uploads leaves room for the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from shelflife.clock import MINUTE
from shelflife.policy.load import NOTHING, Load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.watermark import Space, Usage

_RESERVE: Final = 64
"""One in so many of the bytes and inodes of a file system is promised to nobody, …"""

_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_INODES: Final = 256
"""… but no more than that: for the journal of a cleanup, and for those who do not ask."""

PAUSE: Final = MINUTE
"""Nanoseconds after which to ask again where it is other writers that one waits for: they end when they like."""


class Decision(Enum):
    """What becomes of a wish for room."""

    ADMIT = auto()
    """It fits."""
    AFTER_RELIEF = auto()
    """It will fit once room was made, by what is old enough to go right now."""
    REFUSE = auto()
    """It does not fit."""


class Limit(Enum):
    """What a wish goes beyond."""

    SPACE = "bytes"
    INODES = "inodes"
    SHARE = "the share of the area"
    QUOTA = "the quota of the area"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRoom:
    """A file system, as somebody who wants to write in an area finds it."""

    usage: Usage

    hidden: Load = NOTHING
    """What was promised and does not show in `usage` yet: inodes as files, bytes as allocated."""

    promised: int = 0
    """Bytes promised to all who write there now, whether they show or not."""

    promised_here: int = 0
    """Those of them that were promised in the area."""

    share: int = 100
    """Percent of what can be promised that the area may have."""

    quota: int | None = None
    """Bytes that the area may hold; None: any number."""

    @property
    def free(self) -> Load:
        """What can still be promised; of what is not counted there is any number."""
        usage = self.usage
        return Load(
            files=_free(usage.inodes, self.hidden.files, _MOST_INODES),
            allocated=_free(usage.space, self.hidden.allocated, _MOST_BYTES),
        )

    @property
    def wanting(self) -> Load:
        """What must be free on top of a wish: what was promised and does not show, and the reserve."""
        return Load(
            files=self.hidden.files + _reserve(self.usage.inodes, _MOST_INODES),
            allocated=self.hidden.allocated + _reserve(self.usage.space, _MOST_BYTES),
        )

    @property
    def free_here(self) -> int:
        """Bytes that can still be promised in the area: its share of what is, or can be, promised to all."""
        return min(self.free.allocated, max(0, self.share_here - self.promised_here))

    @property
    def share_here(self) -> int:
        """Bytes that can be promised in the area while nobody else writes there."""
        return self.share * (self.free.allocated + self.promised) // 100

    def after(self, gone: Load) -> DiskRoom:
        """Return the room there is once so much went."""
        space, inodes = self.usage.space, self.usage.inodes
        usage = replace(
            self.usage,
            space=_freed(space, min(gone.allocated, space.used)),
            inodes=_freed(inodes, min(gone.files, inodes.used)),
        )
        return replace(self, usage=usage)


def _freed(space: Space, amount: int) -> Space:
    return space._replace(used=space.used - amount, available=space.available + amount)


def _free(space: Space, hidden: int, most: int) -> int:
    if not space.whole:
        return _ANY
    return max(0, space.available - hidden - _reserve(space, most))


def _reserve(space: Space, most: int) -> int:
    return min(space.whole // _RESERVE, most)


_ANY: Final = 2**62
"""More than there can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospects:
    """What may go from a file system, and when."""

    now: Load = NOTHING
    """What making room could free at once."""

    later: Sequence[tuple[int, Load]] = ()
    """Moments (ns) to come, in order, and what will have gone by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What was decided about a wish for room, and why."""

    decision: Decision

    needed: Load
    """What was wished for."""

    free: Load
    """What could be promised: inodes as files, bytes as allocated."""

    limit: Limit | None = None
    """What the wish goes beyond; None: nothing."""

    could_free: Load = NOTHING
    """What making room could free at once."""

    again: int | None = None
    """When it is worth asking again (ns), as far as can be told."""


def limit_of(wish: Load, room: DiskRoom) -> Limit | None:
    """Return what a wish goes beyond; None where it fits."""
    if room.quota is not None and wish.allocated > room.quota:
        return Limit.QUOTA
    free = room.free
    if wish.files > free.files:
        return Limit.INODES
    if wish.allocated > free.allocated:
        return Limit.SPACE
    return Limit.SHARE if wish.allocated > room.free_here else None


def admit(wish: Load, room: DiskRoom, prospects: Prospects, *, now: int) -> Admission:
    """Decide at `now` (ns) about a wish for so many inodes (as files) and bytes (as allocated).

    Room is made for what does not fit, not for an area that has its share. What is beyond a quota by itself never
    fits.
    """
    limit = limit_of(wish, room)
    decision, again = Decision.REFUSE, None
    if limit is None:
        decision, again = Decision.ADMIT, now
    elif limit is Limit.SHARE and wish.allocated <= room.share_here:
        again = now + PAUSE
    elif limit is not Limit.SHARE and limit_of(wish, room.after(prospects.now)) is None:
        decision, again = Decision.AFTER_RELIEF, now
    elif limit is not Limit.QUOTA:
        later = (at for at, gone in prospects.later if limit_of(wish, room.after(gone)) is None)
        again = next(later, None)
    return Admission(
        decision=decision,
        needed=wish,
        free=Load(files=room.free.files, allocated=room.free_here),
        limit=limit,
        could_free=prospects.now,
        again=again,
    )
