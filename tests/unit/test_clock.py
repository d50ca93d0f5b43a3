"""One clock, and the units of time once."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

import api
import shelflife
from shelflife import clock
from shelflife.errors import UsageError

_READS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("date", "today"),
}


def _sources() -> list[Path]:
    roots = [Path(package.__file__ or "").parent for package in (shelflife, api)]
    return sorted(path for root in roots for path in root.rglob("*.py"))


def _reads_of(path: Path) -> list[str]:
    """Where a module reads the time of day."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{path}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in _READS
    ]


def test_the_time_of_day_is_read_in_one_place() -> None:
    assert {Path(place.rpartition(":")[0]).name for path in _sources() for place in _reads_of(path)} == {
        "clock.py"
    }


def test_what_decides_reads_no_clock() -> None:
    names = {
        alias.name
        for path in _sources()
        if "policy" in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in ("shelflife", "shelflife.clock")
        for alias in node.names
    }
    assert names <= {"SECOND", "MINUTE", "HOUR", "DAY", "as_datetime"}


@pytest.mark.parametrize("name", ["SECOND", "MINUTE", "HOUR", "DAY"])
def test_a_unit_of_time_is_written_down_once(name: str) -> None:
    places = [
        path
        for path in _sources()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AnnAssign | ast.Assign)
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
        if isinstance(target, ast.Name) and target.id.strip("_") == name
    ]
    assert [place.name for place in places] == ["clock.py"]


def test_a_moment_is_given_as_nanoseconds_or_as_a_datetime_of_any_zone() -> None:
    when = datetime(2026, 11, 22, 2, 0, 0, 123456, UTC)
    moment = 1_795_312_800 * clock.SECOND + 123_456_000
    assert clock.as_moment(when) == moment
    assert clock.as_moment(when.astimezone(timezone(timedelta(hours=-5)))) == moment
    assert clock.as_moment(moment) == moment
    assert clock.as_datetime(moment) == when


def test_a_datetime_without_a_time_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="time zone"):
        clock.as_moment(datetime(2026, 11, 22))  # noqa: DTZ001 - that is what is tried
