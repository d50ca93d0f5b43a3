"""The cutoff: what was last changed before it goes.

Each class of an area's files has one. Whatever wants something removed – retention, quota, a full disk – chooses
it (`shelflife.policy.choose`); whatever removes goes by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGINNING: Final = -(2**63)
"""A cutoff (ns) before which nothing is."""


class Cause(StrEnum):
    """Why a cutoff is where it is."""

    RETENTION = "retention"
    """The area's retention: age alone decided."""

    RULE = "rule"
    """The retention of one of the area's `rules`, likewise."""

    QUOTA = "quota"
    """The area held more than `quota` or `max_files` allow."""

    PRESSURE = "pressure"
    """The disk was fuller than `pressure.high`."""

    PURGE = "purge"
    """Its time in the trash was over. No cutoff has this cause, the files of a run do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """A point in time with its reason."""

    at: int
    """Nanoseconds since the epoch: files whose time is before it go, files of exactly that time stay."""

    cause: Cause
    """What chose it."""

    wanted: int | None = None
    """Where that would be (ns) if the newest files, which are kept, were not in its way; None: nothing is."""

    def spares(self, time: int) -> bool:
        """Return whether what has this time (ns) stays only because it is among the newest."""
        return self.wanted is not None and self.at <= time < self.wanted

    def limited(self, limit: int | None) -> Cutoff:
        """Return the cutoff that keeps what has the time `limit` (ns) or a later one; None for no limit."""
        if limit is None or limit >= self.at:
            return self
        return Cutoff(at=limit, cause=self.cause, wanted=self.at if self.wanted is None else self.wanted)


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """The cutoffs of an area, one for each of its classes."""

    by_class: tuple[Cutoff | None, ...]
    """By the number of the class; None keeps its files."""

    tops: Mapping[str, Cutoffs] | None = field(default=None, hash=False)
    """By name: what is so in each directory right below the area, with all below it, and as the empty name in the
    area's own; None: the same everywhere. In one that is not named nothing goes."""

    latest: int = field(init=False, compare=False, repr=False)
    """The latest of them (ns): nothing from then on goes, whatever its class."""

    def __post_init__(self) -> None:
        moments = [cutoff.at for cutoff in self.by_class if cutoff is not None]
        object.__setattr__(self, "latest", max(moments, default=BEGINNING))

    @classmethod
    def only(cls, cutoff: Cutoff | None) -> Cutoffs:
        """Return the cutoffs that have one for the area's own class, and keep every other."""
        return cls((cutoff,))

    def within(self, path: str) -> Cutoffs:
        """Return the cutoffs for what is at `path` below the area; of a directory, with a trailing slash."""
        if self.tops is None:
            return self
        top, slash, _ = path.partition("/")
        return self.tops.get(top if slash else "", KEEP_ALL)

    def __getitem__(self, number: int) -> Cutoff | None:
        """Return the cutoff of a class; None, which keeps it, for one that nothing was chosen for."""
        return self.by_class[number] if number < len(self.by_class) else None

    @property
    def own(self) -> Cutoff | None:
        """The cutoff of the area's own class."""
        return self[0]

    def __bool__(self) -> bool:
        """Whether something may go: some class has one."""
        return any(self.by_class)

    def as_record(self) -> dict[str, Any]:
        """Return them as the journal keeps them: {at, cause} of the own class; `classes`, if there are more."""
        record: dict[str, Any] = _record(self.own) or {"at": None, "cause": None}
        if any(self.by_class[1:]):
            record["classes"] = [_record(cutoff) for cutoff in self.by_class]
        return record

    @classmethod
    def of_record(cls, record: Mapping[str, Any] | None) -> Cutoffs:
        """Return what `as_record` gave; None, which old journals have, keeps all."""
        if not record:
            return KEEP_ALL
        return cls(tuple(_cutoff(one) for one in record.get("classes", [record])))

    def at(self, number: int) -> int:
        """Return the cutoff of a class (ns); `BEGINNING` where its files are kept."""
        cutoff = self[number]
        return BEGINNING if cutoff is None else cutoff.at

    def wanted(self, number: int) -> int:
        """Return where the cutoff of a class would be (ns) if it were not for the newest files."""
        cutoff = self[number]
        return BEGINNING if cutoff is None else cutoff.at if cutoff.wanted is None else cutoff.wanted


def _record(cutoff: Cutoff | None) -> dict[str, Any] | None:
    return None if cutoff is None else {"at": cutoff.at, "cause": str(cutoff.cause)}


def _cutoff(record: Mapping[str, Any] | None) -> Cutoff | None:
    if record is None or record["at"] is None:
        return None
    return Cutoff(at=record["at"], cause=Cause(record["cause"]))


KEEP_ALL: Final = Cutoffs(())
"""No class has one: nothing goes."""
