"""A year of a storage in seconds: random inflow, a cleanup each night, a look at the disk each hour."""

from __future__ import annotations

import random
from bisect import bisect_left

import pytest

from shelflife.clock import HOUR
from shelflife.policy.area import Area, areas_of
from shelflife.policy.choose import Stock, by_quota, by_retention
from shelflife.policy.cutoff import Cause
from shelflife.policy.load import NOTHING, Histogram, Load
from shelflife.policy.pressure import Candidate, Need, choose_cutoffs
from shelflife.policy.watermark import ShareLevel, Space, Usage, Watermark, Watermarks
from shelflife.settings import Settings

_START = 1_900_000_000 * 10**9 // HOUR * HOUR
_DISK = 100_000
_MARKS = Watermarks(space=(Watermark(ShareLevel(90), ShareLevel(80)),), inodes=())

_AREAS = {
    "temp": {"retention": "1d", "priority": 1, "min_age": "2h"},
    "uploads": {"retention": "7d"},
    "sheets": {"retention": "30d", "priority": 3, "quota": "6000B"},
    "frames": {"retention": "30d", "priority": 2, "min_age": "12h"},
    "outputs": {"retention": -1},
}
_SHARES = {"temp": 0.3, "uploads": 0.15, "sheets": 0.05, "frames": 0.49, "outputs": 0.01}


class _Shelf:
    """The files of one area, the oldest first; they only ever go from the front."""

    def __init__(self, area: Area) -> None:
        self.area = area
        self.times: list[int] = []
        self.sizes: list[int] = []
        self.size = 0

    def add(self, time: int, size: int) -> None:
        self.times.append(time)
        self.sizes.append(size)
        self.size += size

    def remove(self, before: int) -> int:
        count = bisect_left(self.times, before)
        gone = sum(self.sizes[:count])
        self.size -= gone
        del self.times[:count], self.sizes[:count]
        return gone

    def measure(self, start: int, end: int, width: int) -> Histogram:
        found: Histogram = {}
        for position in range(bisect_left(self.times, start), bisect_left(self.times, end)):
            bucket, size = self.times[position] // width, self.sizes[position]
            found[bucket] = found.get(bucket, NOTHING).plus(Load(1, size, size))
        return found

    def before(self, moment: int) -> Load:
        count = bisect_left(self.times, moment)
        size = sum(self.sizes[:count])
        return Load(count, size, size)


class _Year:
    def __init__(self, seed: int, inflow: int) -> None:
        made = areas_of(Settings.build(base_path="/srv/storage-of-a-test", areas=_AREAS))
        self.shelves = {name: _Shelf(area) for name, area in made.items()}
        self.chance = random.Random(seed)
        self.inflow = inflow
        self.looks_in_need = 0
        self.reliefs = 0
        self.hopeless = 0

    @property
    def usage(self) -> Usage:
        used = min(_DISK, sum(shelf.size for shelf in self.shelves.values()))
        return Usage(space=Space(used, _DISK - used), inodes=Space(0, 0))

    def hour(self, now: int) -> None:
        burst = self.chance.choice([0, 0, 1, 1, 1, 4])
        for name, share in _SHARES.items():
            size = int(self.chance.expovariate(1) * self.inflow * burst * share)
            if size and self.usage.space.available > size:
                self.shelves[name].add(now - self.chance.randrange(1, 10**9), size)
        if now // HOUR % 24 == 2:
            self.clean(now)
        self.look(now)

    def clean(self, now: int) -> None:
        for shelf in self.shelves.values():
            size = shelf.before(2**62)
            cutoff = by_quota(
                shelf.area, now, size, {0: Stock(shelf.measure(0, 2**62, HOUR), shelf.measure)}
            ).own
            if cutoff is None:
                continue
            shelf.remove(cutoff.at)
            if cutoff.cause is Cause.QUOTA:
                assert shelf.area.quota is not None
                young = size.bytes - shelf.before(now - shelf.area.min_age).bytes
                assert shelf.size <= max(shelf.area.quota, young)

    def look(self, now: int) -> None:
        usage = self.usage
        if not _MARKS.are_passed(usage):
            return
        self.looks_in_need += 1
        candidates = [self._candidate(shelf, now) for shelf in self.shelves.values()]
        relief = choose_cutoffs(candidates, Need.of(_MARKS, usage, None), trash=NOTHING, now=now)
        gone = sum(self.shelves[name].remove(cutoff.at) for name, cutoff in relief.cutoffs)
        self.reliefs += gone > 0
        for name, cutoff in relief.cutoffs:
            area = self.shelves[name].area
            assert cutoff.cause is Cause.RETENTION or cutoff.at <= now - area.min_age
        if relief.is_hopeless:
            self.hopeless += 1
            removable = sum(
                shelf.before(now - shelf.area.min_age).allocated
                for shelf in self.shelves.values()
                if shelf.area.priority is not None
            )
            # What is left could not bring it below the high watermark: but for the hour that is partly too young.
            assert self.usage.space.used - removable >= self._level(90) - self.inflow * 8
        elif relief.is_enough:
            assert self.usage.space.share < 80
            assert (
                usage.space.used - gone
                > self._level(80) - max(map(max, self._sizes()), default=0) - self.inflow * 8
            )
        else:
            assert not _MARKS.are_passed(self.usage)

    def _sizes(self) -> list[list[int]]:
        return [shelf.sizes for shelf in self.shelves.values() if shelf.sizes]

    @staticmethod
    def _level(percent: int) -> int:
        return _DISK * percent // 100

    @staticmethod
    def _candidate(shelf: _Shelf, now: int) -> Candidate:
        retention = by_retention(shelf.area, now)
        return Candidate(
            area=shelf.area,
            expired=shelf.before(retention.at) if retention else NOTHING,
            histogram=shelf.measure(0, now - shelf.area.min_age, HOUR),
            measure=shelf.measure,
        )


@pytest.mark.parametrize(
    ("inflow", "in_need"),
    [(60, False), (250, True), (600, True)],
    ids=["it fits", "more than fits", "far more than fits"],
)
def test_for_a_year_the_disk_is_never_too_full_after_a_look_while_anything_may_go(
    inflow: int, in_need: bool
) -> None:
    year = _Year(seed=inflow, inflow=inflow)
    for hour in range(24 * 365):
        year.hour(_START + hour * HOUR)
        if not year.hopeless:
            assert not _MARKS.are_passed(year.usage)
    assert (year.reliefs > 0) is in_need
    assert year.shelves["outputs"].times[0] < _START + 30 * 24 * HOUR  # results are never touched
