"""Watermarks: beyond which level a file system is too full, and at which it no longer is.

Above the high level room is made until the low one is reached. A level is a share of the file system as `df`
counts it, used / (used + available), what is reserved for root belonging to neither; or it is room, so many bytes
available. A share is right for small disks and inodes, room for large ones: 10 % of 30 TB are 3 TB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from shelflife.policy.load import NOTHING, Load
from shelflife.settings.pressure import HIGH, LOW
from shelflife.settings.quantities import format_size

if TYPE_CHECKING:
    from shelflife.settings import PressureSettings


class Space(NamedTuple):
    """What is used and what is available, in bytes or in inodes; both zero where that is not counted."""

    used: int
    available: int
    """Without being root."""

    @property
    def whole(self) -> int:
        """Both together."""
        return self.used + self.available

    @property
    def share(self) -> float:
        """Percent in use; 0 where nothing is counted."""
        return 100 * self.used / self.whole if self.whole else 0.0


class Sight(NamedTuple):
    """What was in use at one moment, in two ways.

    Our own records shrink and grow by themselves, which must not be taken for anything else; and a file system
    may show that late, as it shows other things late. So only what has fallen in both ways has fallen.
    """

    all: Load
    by_others: Load
    """But for our own records."""

    def fall_to(self, later: Sight) -> Load:
        """Return how much less is in use at a later moment."""
        one, other = self.all.less(later.all), self.by_others.less(later.by_others)
        return Load(files=min(one.files, other.files), allocated=min(one.allocated, other.allocated))

    def or_higher(self, other: Sight) -> Sight:
        """Return the higher of two, in each way."""
        return Sight(_higher(self.all, other.all), _higher(self.by_others, other.by_others))


def _higher(one: Load, other: Load) -> Load:
    return Load(files=max(one.files, other.files), allocated=max(one.allocated, other.allocated))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A file system at one moment."""

    space: Space
    """Bytes."""

    inodes: Space
    """Inodes; both zero where their number is not fixed (btrfs)."""

    records: Load = NOTHING
    """What of it our own records take, as inodes and bytes allocated; nothing where that was not asked."""

    @property
    def share(self) -> float:
        """Percent in use, of bytes or of inodes, whichever is more."""
        return max(self.space.share, self.inodes.share)

    @property
    def used(self) -> Load:
        """What is in use."""
        return Load(files=self.inodes.used, allocated=self.space.used)

    @property
    def sight(self) -> Sight:
        """What is compared with other moments."""
        return Sight(self.used, self.used.less(self.records))


class ShareLevel(NamedTuple):
    """A level: so much of the file system in use."""

    percent: int

    def is_passed(self, space: Space) -> bool:
        """Return whether more is in use."""
        return space.used * 100 > self.percent * space.whole

    def excess(self, space: Space) -> int:
        """Return how much less must be used for the share to be below this one."""
        return max(0, space.used + 1 - -(-self.percent * space.whole // 100)) if space.whole else 0

    def used_at(self, space: Space) -> int:
        """Return how much is in use there."""
        return self.percent * space.whole // 100

    def __str__(self) -> str:
        return f"above {self.percent} %"


class RoomLevel(NamedTuple):
    """A level: so many bytes available."""

    bytes: int

    def is_passed(self, space: Space) -> bool:
        """Return whether fewer are available."""
        return bool(space.whole) and space.available < self.bytes

    def excess(self, space: Space) -> int:
        """Return how much less must be used for so many bytes to be available."""
        return max(0, self.bytes - space.available) if space.whole else 0

    def used_at(self, space: Space) -> int:
        """Return how much is in use there."""
        return max(0, space.whole - self.bytes)

    def __str__(self) -> str:
        return f"below {format_size(self.bytes)} free"


class Watermark(NamedTuple):
    """The level that starts, and the one that ends it."""

    high: ShareLevel | RoomLevel
    low: ShareLevel | RoomLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermarks:
    """All watermarks of a file system; each is looked at by itself."""

    space: tuple[Watermark, ...]
    """Of its bytes."""

    inodes: tuple[Watermark, ...]
    """Of its inodes."""

    @classmethod
    def of(cls, settings: PressureSettings) -> Self:
        """Return those that are set. Inodes have shares only: where none are set, the defaults."""
        space: list[Watermark] = []
        inodes = Watermark(ShareLevel(HIGH), ShareLevel(LOW))
        if settings.high is not None and settings.low is not None:
            inodes = Watermark(ShareLevel(settings.high), ShareLevel(settings.low))
            space.append(inodes)
        if settings.min_free is not None and settings.free_until is not None:
            space.append(Watermark(RoomLevel(settings.min_free), RoomLevel(settings.free_until)))
        return cls(space=tuple(space), inodes=(inodes,))

    def passed(self, usage: Usage) -> Watermarks:
        """Return those whose high level is passed: the others need no relief."""
        return Watermarks(
            space=tuple(mark for mark in self.space if mark.high.is_passed(usage.space)),
            inodes=tuple(mark for mark in self.inodes if mark.high.is_passed(usage.inodes)),
        )

    def are_passed(self, usage: Usage) -> bool:
        """Return whether the file system is too full."""
        return self.passed(usage).any

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return bool(self.space or self.inodes)

    def only(self, load: Load) -> Load:
        """Return what of a load these are about: of files that share their blocks with others, only inodes go."""
        return Load(
            files=load.files if self.inodes else 0,
            allocated=load.allocated if self.space else 0,
        )

    def above_low(self, usage: Usage) -> Load:
        """Return what must go for all low levels to be reached."""
        return Load(
            files=max((mark.low.excess(usage.inodes) for mark in self.inodes), default=0),
            allocated=max((mark.low.excess(usage.space) for mark in self.space), default=0),
        )

    def above_high(self, usage: Usage) -> Load:
        """Return what must go for the file system to be no longer too full."""
        return Load(
            files=max((mark.high.excess(usage.inodes) for mark in self.inodes), default=0),
            allocated=max((mark.high.excess(usage.space) for mark in self.space), default=0),
        )

    def high_at(self, space: Space) -> int:
        """Return how many bytes are in use where the first high level is."""
        return min((mark.high.used_at(space) for mark in self.space), default=space.whole)

    def beyond(self, usage: Usage) -> list[str]:
        """Return in words what levels are passed, as "above 90 %"."""
        found = self.passed(usage)
        return [str(mark.high) for mark in found.space] + [
            f"{mark.high} of the inodes" for mark in found.inodes
        ]

    def __str__(self) -> str:
        """Return the high levels in words: "above 90 % or below 200GB free"."""
        return " or ".join(str(mark.high) for mark in self.space)

    def still_needed(self, start: Load, now: Usage, released: Load) -> Load:
        """Return what must still go, when so much was `released` since so much was in use at the `start`.

        What was released and does not show yet counts as freed: file systems that are slow to tell, or a writer
        that takes at once what is freed, must not make one look remove ever more.
        """
        should_be, used = start.less(released), now.used
        return self.above_low(now).less(used.less(should_be))
