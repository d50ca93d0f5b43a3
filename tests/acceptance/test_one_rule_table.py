"""What a plan counts, `plan --files` lists, a cleanup removes and `why` explains is decided by one table.

Over random trees and random rules – one of which only this test puts into the table – all four, and a reference
of a few lines, must name the same files; with compiled code and without.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from shelflife.explain.answer import State
from shelflife.files import primitives
from shelflife.policy.rules import Rule, RuleNeed, table
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife import Engine
    from shelflife.testing import MakeStorage, Storage

_DAY = 86_400

_ONLY_HERE = Rule(reason=Reason.IN_USE, needs=RuleNeed.NAME, keeps=lambda case: "odd" in case.file.name)
"""A rule that the program does not know: it must be honoured wherever files are decided about."""


@dataclass(frozen=True)
class _Made:
    path: str
    """Below the area."""
    age: float
    """Days."""

    @property
    def directory(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def top(self) -> str:
        return self.path.partition("/")[0] if "/" in self.path else ""


@pytest.fixture(params=["compiled", "pure"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "pure":
        monkeypatch.setenv("SHELFLIFE_PURE", "1")
    primitives.chosen.cache_clear()
    yield request.param
    primitives.chosen.cache_clear()


def _settings(chance: random.Random) -> dict[str, Any]:
    expire = chance.choice(["file", "file", "file", "stem", "directory"])
    settings: dict[str, Any] = {"retention": "5d", "expire": expire}
    if chance.random() < 0.5:
        settings["protect"] = chance.sample(["*.keep", "/b/"], chance.randint(1, 2))
    if chance.random() < 0.6:
        rules = [("*.log", 2), ("/a/", 9), ("/c/**", 3), ("*.gold", -1), (["*.a", "/b/*"], 7)]
        chosen = chance.sample(rules, chance.randint(1, 3))
        settings["rules"] = [
            {"match": match, "retention": days if days < 0 else f"{days}d"} for match, days in chosen
        ]
    if chance.random() < 0.5:
        pers = {"file": ["area", "top", "directory"], "stem": ["directory"], "directory": ["area"]}
        settings["keep_newest"] = {"count": chance.randint(1, 4), "per": chance.choice(pers[expire])}
        if expire == "directory":  # units of several classes count in one of them: left to the unit tests
            settings = {key: value for key, value in settings.items() if key not in ("protect", "rules")}
    return settings


def _tree(storage: Storage, top: str, chance: random.Random) -> list[_Made]:
    made: list[_Made] = []
    for directory in chance.sample(["", "a/", "b/", "c/", "c/deep/", "d/", "d/a/"], chance.randint(1, 6)):
        for number in range(chance.randint(0, 6)):
            stem = chance.choice(["one", "two", f"odd{number}", f"f{number}"])
            name = f"{stem}{chance.choice(['.log', '.a', '.keep', '.gold', '.mp4', '.mp4'])}"
            file = _Made(directory + name, chance.choice([0.5, 2.5, 4, 6, 8, 10]) + chance.random() / 2)
            if file.path not in {other.path for other in made}:
                made.append(file)
                storage.file(top + file.path, age=file.age * _DAY)
    return made


def _matches(match: str, file: _Made) -> bool:
    if match.startswith("*."):
        return file.name.endswith(match[1:])
    if match.endswith("/*"):
        return file.path.startswith(match[1:-1])  # the directories in it match, with what they hold
    return file.path.startswith(match[1:].rstrip("*"))


class _Reference:
    """What goes, from the definitions and nothing else."""

    def __init__(self, settings: dict[str, Any], files: Sequence[_Made], *, has_odd_rule: bool) -> None:
        self._expire = settings["expire"]
        self._files = files
        self._keep = settings.get("keep_newest", {"count": 0, "per": "area"})
        self._has_odd_rule = has_odd_rule
        protect = [{"match": settings["protect"], "retention": -1}] if "protect" in settings else []
        self._rules = [*protect, *settings.get("rules", [])]

    def going(self, top: str) -> set[str]:
        kept = {self._group(file) for file in self._files if self._stays(file)}
        return {top + file.path for file in self._files if self._group(file) not in kept}

    def _kind(self, file: _Made) -> int:
        for number, rule in enumerate(self._rules):
            match = rule["match"]
            if any(_matches(one, file) for one in ([match] if isinstance(match, str) else match)):
                return number
        return -1

    def _days(self, file: _Made) -> float:
        kind = self._kind(file)
        retention = "5d" if kind < 0 else self._rules[kind]["retention"]
        return float("inf") if retention == -1 else int(retention[:-1])

    def _group(self, file: _Made) -> str:
        if self._expire == "directory" and file.top:
            return f"{file.top}/"
        return file.path.rpartition(".")[0] if self._expire == "stem" else file.path

    def _age(self, file: _Made) -> float:
        return min(other.age for other in self._files if self._group(other) == self._group(file))

    def _place(self, file: _Made) -> str:
        return {"area": "", "top": file.top, "directory": file.directory}[str(self._keep["per"])]

    def _is_newest(self, file: _Made) -> bool:
        def rival(other: _Made) -> bool:  # of an area or a top, what another rule keeps anyway does not count
            counts = self._keep["per"] == "directory" or not self._is_odd(other)
            alike = (self._kind(other), self._place(other)) == (self._kind(file), self._place(file))
            return counts and alike

        ages = {self._group(other): self._age(other) for other in self._files if rival(other)}
        return sum(age < self._age(file) for age in ages.values()) < int(self._keep["count"])

    def _is_odd(self, file: _Made) -> bool:
        return self._has_odd_rule and "odd" in file.name

    def _stays(self, file: _Made) -> bool:
        return self._age(file) <= self._days(file) or self._is_newest(file) or self._is_odd(file)


def _check(engine: Engine, storage: Storage, settings: dict[str, Any], expected: set[str]) -> None:
    plan = engine.plan()
    listed = [file.path for file in engine.files(plan)]
    before = storage.files()
    going = {path for path in before if engine.why(storage.path(path)).state is State.EXPIRED}
    report = engine.cleanup()
    removed = set(before) - set(storage.files())
    assert (set(listed), plan.files, len(listed)) == (expected, len(expected), len(expected)), settings
    assert going == expected, settings
    assert (removed, report.removed) == (expected, len(expected)), settings


@pytest.mark.parametrize("has_odd_rule", [False, True], ids=["", "with a rule of the test"])
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("place", ["area", "."])
def test_what_is_planned_is_listed_removed_and_explained(
    make_storage: MakeStorage,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    part: int,
    place: str,
    *,
    has_odd_rule: bool,
) -> None:
    if has_odd_rule:
        monkeypatch.setattr(table, "TABLE", (*table.TABLE, _ONLY_HERE))
    for seed in range(part * 10, part * 10 + 10):
        chance = random.Random(f"{seed} {has_odd_rule}")
        settings = _settings(chance)
        storage = make_storage({"area": {**settings, "path": place}})
        top = "" if place == "." else "area/"
        files = _tree(storage, top, chance)
        expected = _Reference(settings, files, has_odd_rule=has_odd_rule).going(top)
        _check(storage.engine, storage, settings, expected)
