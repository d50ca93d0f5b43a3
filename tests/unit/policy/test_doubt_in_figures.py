"""Doubt in figures: a year of ordinary nights over twenty storages asks nobody; fifty slips are all asked about.

The decisions are the real ones; only the files are numbers. What really happens on a disk when somebody slips is
tried in `tests/integration/cli/test_slips.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shelflife.clock import DAY, HOUR, MINUTE
from shelflife.policy.area import areas_of
from shelflife.policy.choose import Stock, by_quota, by_retention_of_classes
from shelflife.policy.cutoff import Cutoffs
from shelflife.policy.limits import (
    Extent,
    LastRun,
    cutoffs_to_remember,
    deciding_settings,
    doubt_about_relief,
    due_before,
    interval_of,
    reasons_to_ask,
    unasked,
)
from shelflife.policy.load import NOTHING, Histogram, Load, total
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan
from shelflife.settings import Settings

_START = 1_900_000_000 * 10**9 // DAY * DAY
_RETENTIONS = ("1d", "2d", "7d", "14d", "30d", "90d")


@dataclass
class _World:
    """A storage whose files are kept as counts by the time they were last changed."""

    settings: Settings
    now: int = _START
    files: dict[str, dict[int, Load]] = field(default_factory=dict)
    last_runs: dict[str, LastRun] = field(default_factory=dict)

    def add(self, area: str, time: int, files: int, size: int) -> None:
        held = self.files.setdefault(area, {})
        held[time] = held.get(time, NOTHING).plus(Load(files, size, size))

    def count(self, area: str, *, before: int) -> Load:
        return total(load for time, load in self.files.get(area, {}).items() if time < before)

    def cutoffs(self, name: str) -> Cutoffs:
        def measure(start: int, end: int, width: int) -> Histogram:
            found: Histogram = {}
            for time, load in held.items():
                if start <= time < end:
                    found[time // width] = found.get(time // width, NOTHING).plus(load)
            return found

        area, held = areas_of(self.settings)[name], self.files.get(name, {})
        if area.quota is None and area.max_files is None:
            return by_retention_of_classes(area, self.now)
        stock = Stock(measure(-(2**63), 2**63, HOUR), measure)
        return by_quota(area, self.now, total(held.values()), {0: stock})

    def plan(self) -> Plan:
        plans = []
        for name in self.settings.areas:
            cutoffs = self.cutoffs(name)
            due = self.count(name, before=cutoffs.at(0))
            scanned = total(self.files.get(name, {}).values()).files
            directory = DueDirectory(root=name, path="", files=due.files, bytes=due.bytes)
            plan = AreaPlan(area=name, cutoffs=cutoffs, scanned=scanned, due=(directory,))
            then = due_before(plan, self.last_runs.get(name))
            plans.append(replace(plan, arrived=self.count(name, before=then.at(0)).files))
        return Plan(made=self.now, areas=tuple(plans))

    def reasons(self, plan: Plan) -> list[str]:
        interval = interval_of(self.settings, self.now)
        return reasons_to_ask(plan, self.settings, self.last_runs, interval=interval)

    def carry_out(self, plan: Plan, *, in_use: float = 0) -> None:
        for area in plan.areas:
            if area.cutoff is None:
                continue
            held, left = self.files.get(area.area, {}), 0
            for time in [time for time in held if time < area.cutoff.at]:
                kept = int(held[time].files * in_use)
                left += kept
                held.pop(time)
                if kept:
                    held[time] = Load(kept, kept, kept)
            before = self.last_runs.get(area.area)
            self.last_runs[area.area] = LastRun(
                at=self.now + 5 * MINUTE,
                settings=deciding_settings(self.settings, area.area),
                cutoffs=cutoffs_to_remember(area.cutoffs),
                left=left,
                has_lost=area.files > left or (before is not None and before.has_lost),
                arrivals=before.arrivals if before else 0,
            )


# -- ordinary nights


def _a_storage(chance: random.Random) -> Settings:
    areas: dict[str, dict[str, Any]] = {}
    for number in range(chance.randint(1, 4)):
        area: dict[str, Any] = {"retention": chance.choice([*_RETENTIONS, -1])}
        if area["retention"] != -1 and chance.random() < 0.3:
            area |= {"quota": f"{chance.randint(10, 900)}GB"}
        areas[f"area{number}"] = area
    schedule = chance.choice(["0 2 * * *"] * 3 + ["0 */6 * * *", "0 3 * * 0"])
    return Settings.build(base_path="/srv/storage-of-a-test", areas=areas, cleanup={"schedule": schedule})


_DAYS: dict[str, Callable[[int, random.Random], float]] = {
    "steady": lambda _day, _chance: 1.0,
    "weekdays": lambda day, _chance: float(day % 7 < 5),
    "weekly": lambda day, _chance: 7.0 * (day % 7 == 0),
    "bursts": lambda _day, chance: chance.choice([0, 0, 0.1, 1, 1, 6]),
    "campaigns": lambda day, _chance: 3.0 * (day % 120 < 20),
}
"""How much arrives on a day, as a multiple of what arrives on average."""


def _arrive(world: _World, habits: dict[str, tuple[str, int, int]], day: int, chance: random.Random) -> None:
    for area, (habit, files, size) in habits.items():
        count = int(files * _DAYS[habit](day, chance) * chance.uniform(0.5, 1.5))
        hour = chance.randrange(24)
        for part in range(4):
            time = _START + day * DAY + (hour + part) % 24 * HOUR + chance.randrange(HOUR)
            if count:
                world.add(area, time, max(1, count // 4), max(1, count // 4) * size)


@pytest.mark.parametrize("seed", range(20))
def test_a_year_of_ordinary_nights_asks_nobody_after_an_area_first_lost_something(seed: int) -> None:
    chance = random.Random(seed)
    world = _World(_a_storage(chance))
    habits = {
        name: (chance.choice(list(_DAYS)), chance.choice([5, 40, 400, 4000]), 10 ** chance.randint(3, 9))
        for name in world.settings.areas
    }
    interval = interval_of(world.settings, _START) or DAY
    known: set[str] = set()
    for day in range(365):
        _arrive(world, habits, day, chance)
        for slot in range(max(1, DAY // interval)):
            if interval > DAY and day * DAY % interval:
                continue
            late = chance.choice([0, 0, 0, 3 * HOUR]) if interval >= DAY else 0  # made up after a restart
            world.now = _START + (day + 1) * DAY + slot * interval + late
            plan = world.plan()
            for reason in world.reasons(plan):  # the first cleanup that takes much is a person's to approve
                area, _, why = reason.partition(": ")
                assert "no cleanup has ever removed anything" in why
                assert area not in known
            known |= {area.area for area in plan.areas if area.files}
            world.carry_out(plan, in_use=chance.choice([0, 0, 0, 0.02]))
    assert known or all(area.is_indefinite for area in world.settings.areas.values())


# -- slips


def _a_full_storage(seed: int, *, limits: object = None, **area: object) -> _World:
    """A storage that was cleaned each night for weeks, with a hundred days of what an area keeps."""
    chance = random.Random(seed)
    settings = Settings.build(
        base_path="/srv/storage-of-a-test", areas={"area": {"retention": "30d"} | area}, limits=limits or {}
    )
    world = _World(settings)
    files, size = chance.choice([(3, 10**9), (40, 10**6), (500, 10**3)])
    for day in range(60):
        _arrive(world, {"area": ("steady", files, size)}, day, chance)
        world.now = _START + (day + 1) * DAY
        world.carry_out(world.plan())
    world.now += DAY
    return world


def _settings(world: _World, *, pressure: object = None, **area: object) -> None:
    areas = {"area": {"retention": "30d"} | area}
    world.settings = Settings.build(base_path="/srv/storage-of-a-test", areas=areas, pressure=pressure)


def _all_of_it(world: _World) -> Plan:
    """A plan that takes whatever there is: what a rule or a pattern lets go is not for numbers to say."""
    (plan,) = world.plan().areas
    everything = total(world.files["area"].values())
    due = DueDirectory(root="area", path="", files=everything.files, bytes=everything.bytes)
    return Plan(made=world.now, areas=(replace(plan, due=(due,)),))


_TYPED: list[tuple[dict[str, object], dict[str, object]]] = [
    ({}, {"retention": 30}),
    ({}, {"retention": "30m"}),
    ({}, {"retention": "30h"}),
    ({}, {"retention": "3d"}),
    ({"retention": "7d"}, {"retention": 7}),
    ({"retention": "14d"}, {"retention": "1d"}),
    ({"retention": "90d"}, {"retention": "9d"}),
    ({"retention": -1}, {"retention": "7d"}),
    ({}, {"quota": "200B"}),
    ({}, {"quota": "200kB"}),
    ({"quota": "2TB"}, {"quota": "2MB", "min_age": "1h"}),
    ({"quota": "200GB"}, {"quota": "200B"}),
    ({}, {"max_files": 1}),
    ({"max_files": 100_000}, {"max_files": 10}),
    ({"max_files": 100_000, "min_age": "20d"}, {"max_files": 1, "min_age": 20}),
]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("before", "after"), _TYPED)
def test_a_number_that_was_mistyped_is_asked_about(
    before: dict[str, object], after: dict[str, object], seed: int
) -> None:
    world = _a_full_storage(seed, **before)
    assert not world.reasons(world.plan())
    _settings(world, **(before | after))
    assert world.reasons(world.plan())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"protect": ["*.mp4"]}, {}),
        ({"protect": ["*.mp4", "*.jpg"]}, {"protect": ["*.mp4 ", "*.jpg"]}),
        ({"protect": ["*"]}, {"protect": ["*", "!*.mp4"]}),
        ({"expire": "file"}, {"expire": "directory"}),
        ({"age_from": "changed"}, {"age_from": "modified"}),
        ({"path": "cams"}, {"path": "movies"}),
        ({}, {"aliases": ["movies"]}),
    ],
)
def test_a_rule_or_a_place_that_was_changed_is_asked_about(
    before: dict[str, object], after: dict[str, object]
) -> None:
    world = _a_full_storage(7, **before)
    _settings(world, **after)
    assert world.reasons(_all_of_it(world))


@pytest.mark.parametrize("ahead", [61, 365, 3_650, 20_000])
def test_a_clock_far_ahead_is_asked_about(ahead: int) -> None:
    world = _a_full_storage(ahead)
    world.now += ahead * DAY
    assert world.reasons(world.plan())


@pytest.mark.parametrize("age", [32, 100, 4_000])
@pytest.mark.parametrize("seed", range(2))
def test_an_archive_that_was_moved_in_is_asked_about(age: int, seed: int) -> None:
    world = _a_full_storage(seed)
    there = total(world.files["area"].values())
    world.add("area", world.now - age * DAY, 3 * there.files + 40, 3 * there.bytes)
    assert world.reasons(world.plan())


def test_an_archive_in_an_area_that_only_ever_was_empty_is_asked_about() -> None:
    world = _World(Settings.build(base_path="/srv/storage-of-a-test", areas={"area": "30d"}))
    world.carry_out(world.plan())
    world.now += DAY
    world.add("area", world.now - 400 * DAY, 600, 10**12)
    assert world.reasons(world.plan())


@pytest.mark.parametrize(
    ("before", "after", "area"),
    [
        (None, {"high": "9%"}, {}),
        ({"high": "90%"}, {"high": "9%"}, {}),
        ({"high": "90%", "low": "80%"}, {"high": "90%", "low": "8%"}, {}),
        ({"high": "90%"}, {"high": "90%"}, {"priority": 1}),
    ],
)
def test_a_watermark_or_a_priority_that_was_mistyped_takes_nothing_early(
    before: object, after: object, area: dict[str, object]
) -> None:
    world = _a_full_storage(1)
    _settings(world, pressure=before)
    world.carry_out(world.plan())
    _settings(world, pressure=after, **area)
    doubt = doubt_about_relief(
        world.settings,
        "area",
        world.last_runs["area"],
        world.now,
        interval=interval_of(world.settings, world.now),
    )
    assert doubt is not None
    assert unasked(Extent(0, 0, 1_000), world.settings.limits, doubt).unexpired == 0
