"""Gain: whether what is removed gives room, decided here and nowhere else.

A file system may show what was released at once, a second later, or never: while somebody has the files open or a
snapshot holds their blocks. More removal gives no more room then; it only loses files. So there are two counts,
what we have released and what the file system shows, and three rules.

- *What was released and does not show yet is on its way* (`OnItsWay`). It counts as freed, in this look and in
  those to come, whichever process takes them.
- *It must show before more goes.* In each look a first small portion goes, and from then on each batch must show,
  in good part, before the next one (`next_step`).
- *Where nothing shows, nothing unexpired goes any more*, until the file system's own numbers move by a good part
  of what is expected of it, or a person says so (`expected_of`). Numbers move by themselves a little all the
  time: it is the fall from the highest use since then that counts.

Where some of it has shown, the rest is not waited for for ever: then the file system does tell, and what is still
missing has most likely been taken by a writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.policy.load import NOTHING, Load

if TYPE_CHECKING:
    from shelflife.policy.watermark import Sight, Usage, Watermarks

LEAST: Final = Load(files=8, allocated=1024 * 1024)
"""What must have been released before its absence means something: our own records write meanwhile."""

OUR_RECORDS: Final = Load(files=16, allocated=4 * 1024 * 1024)
"""What our own records may take on the same disk while they tell of what goes."""

_GOOD_PART: Final = 4
"""One in so many of what was released must show: some of it may be compressed, shared, or taken by a writer."""

_FIRST: Final = 64
"""The first portion is one in so many of what is needed."""

_SHOWN_BY: Final = 600 * SECOND
"""Nanoseconds after which what is missing is not waited for, on a file system that showed other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnItsWay:
    """What was released on a file system and does not show yet."""

    at: int
    """When the last of it was released (ns)."""

    load: Load
    """How much: inodes as files, bytes as allocated; only what the watermarks were about."""

    peak: Sight
    """The most that was in use since then."""

    has_shown: bool
    """Whether a good part of what was released with it has shown."""


def expected_of(before: OnItsWay | None, usage: Usage, now: int) -> OnItsWay | None:
    """Return what is still on its way at `now` (ns); None when there is nothing to expect any more."""
    if before is None:
        return None
    shown = before.peak.fall_to(usage.sight)
    if not before.has_shown and not _is_good_part(shown, before.load):
        return replace(before, peak=before.peak.or_higher(usage.sight))
    left = before.load.less(shown)
    if left == NOTHING or now - before.at > _SHOWN_BY or now < before.at:
        return None
    if shown == NOTHING:
        return replace(before, has_shown=True, peak=before.peak.or_higher(usage.sight))
    return OnItsWay(at=before.at, load=left, peak=usage.sight, has_shown=True)


def first_portion(need: Load) -> Load:
    """Return how much of what is needed goes first, to see whether it shows."""
    return Load(
        files=min(need.files, max(LEAST.files, need.files // _FIRST)),
        allocated=min(need.allocated, max(LEAST.allocated, need.allocated // _FIRST)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What one look has released, and what the file system showed meanwhile."""

    start: Load
    """What was in use when it began."""

    last: Sight
    """What was in use when it was last seen."""

    carried: Load = NOTHING
    """What earlier looks released and was still on its way when it began."""

    released: Load = NOTHING
    """What this look has released, of the kind that its watermarks are about."""

    fallen: Load = NOTHING
    """How far use has fallen, from one sight to the next; what others wrote in between does not count."""

    proven: tuple[Load, Load] = (NOTHING, NOTHING)
    """What was released, and how far use had fallen, when it last showed."""

    @classmethod
    def begin(cls, usage: Usage, expected: OnItsWay | None) -> Balance:
        """Return the balance at the beginning of a look."""
        carried = NOTHING if expected is None else expected.load
        return cls(start=usage.used, last=usage.sight, carried=carried)

    def seen(self, usage: Usage, released: Load) -> Balance:
        """Return the balance after one more sight, when so much has been released."""
        fallen = self.fallen.plus(self.last.fall_to(usage.sight))
        return replace(self, last=usage.sight, released=released, fallen=fallen)

    def shown(self) -> Balance:
        """Return the balance when what was released until now counts as shown."""
        return replace(self, proven=(self.released, self.fallen))

    def end(self, now: int, expected: OnItsWay | None) -> OnItsWay | None:
        """Return what is on its way when the look ends at `now` (ns), having begun with so much `expected`."""
        if not _means_something(self.released):
            return expected
        left = self.carried.plus(self.released).less(self.fallen)
        has_shown = _is_good_part(self.fallen, self.released)
        if left == NOTHING or (has_shown and OUR_RECORDS.covers(left)):
            return None
        return OnItsWay(at=now, load=left, peak=self.last, has_shown=has_shown)


class ReliefStep(Enum):
    """What follows from a balance."""

    GO_ON = auto()
    """More must go, and may."""
    SHOWN = auto()
    """Likewise, and what was released has shown: from here it is counted anew."""
    WAIT = auto()
    """Look again in a moment: it does not show yet."""
    ENOUGH = auto()
    """There is room again."""
    NO_GAIN = auto()
    """What was released gives no room: more would give none either."""


def next_step(marks: Watermarks, balance: Balance, usage: Usage, *, has_waited: bool) -> ReliefStep:
    """Return what to do next about the watermarks that were passed.

    `has_waited` says whether the file system has had its time to show what was released.
    """
    not_yet = ReliefStep.NO_GAIN if has_waited else ReliefStep.WAIT
    counted = balance.released.plus(balance.carried)
    if marks.still_needed(balance.start, usage, counted) == NOTHING:
        return not_yet if marks.are_passed(usage) else ReliefStep.ENOUGH
    released = balance.released.less(balance.proven[0])
    fallen = balance.fallen.less(balance.proven[1])
    if not _means_something(released):
        return ReliefStep.GO_ON
    return ReliefStep.SHOWN if _is_good_part(fallen, released) else not_yet


def _means_something(released: Load) -> bool:
    """Return whether so much was released that it should be seen."""
    return released.files >= LEAST.files or released.allocated >= LEAST.allocated


def _is_good_part(shown: Load, released: Load) -> bool:
    """Return whether enough of what was released shows, as bytes or as inodes."""
    return bool(
        (released.files and shown.files * _GOOD_PART >= released.files)
        or (released.allocated and shown.allocated * _GOOD_PART >= released.allocated)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What looks at a file system tell later ones, in whatever process."""

    file_system: int
    """Its id, as statvfs(2) gives it: what is remembered of another one means nothing."""

    expected: OnItsWay | None = None
    """What is on its way."""

    taken: Mapping[str, int] = field(default_factory=dict)
    """Unexpired files that areas have given since it was last below its watermarks."""

    def give(self, area: str, files: int) -> Remembered:
        """Return likewise, when an area has given more."""
        if not files:
            return self
        return replace(self, taken={**self.taken, area: self.taken.get(area, 0) + files})

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remember."""
        return self.expected is None and not self.taken
