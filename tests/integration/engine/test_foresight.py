"""What-if and forecast, as the engine and the command line give them."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from shelflife.cli.app import run
from shelflife.clock import HOUR
from shelflife.errors import SettingsError, UsageError
from shelflife.files.survey import Key, Survey
from shelflife.policy.area import Area
from shelflife.policy.load import Load
from shelflife.records.records import open_records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shelflife.testing import MakeStorage, Storage

_AREAS = {"frames": "30d", "uploads": {"retention": "20d", "expire": "directory"}, "outputs": -1}


def _many(storage: Storage) -> None:
    chance = random.Random(7)
    for number in range(150):
        storage.file(f"frames/{number % 9}/{number}", age=chance.uniform(0, 40) * 86_400, size=number)
        storage.file(f"outputs/{number}", age="100d", size=1)
    for unit in range(30):
        for number in range(3):
            storage.file(f"uploads/{unit}/{number}", age=chance.uniform(0, 30) * 86_400, size=10)
    storage.engine.refresh()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"frames.retention": "3d"},
        {"frames.quota": "3000B"},
        {"frames.max_files": 20, "uploads.retention": "10d"},
        {"uploads.quota": "300B", "uploads.min_age": "5d"},
        {"frames.retention": "35d", "uploads.max_files": 1, "uploads.min_age": 0},
        {"outputs.retention": "1d"},
    ],
)
def test_what_if_is_what_a_run_then_does_to_the_hour(
    make_storage: MakeStorage, changes: Mapping[str, object]
) -> None:
    storage = make_storage(_AREAS)
    _many(storage)

    found = storage.engine.whatif(changes)
    changed = storage.engine.with_settings(storage.settings.with_areas(changes))
    earlier, plan, later = (
        changed.plan(at=storage.now() + hours * HOUR) if hours else changed.plan() for hours in (-1, 0, 1)
    )

    for area, least, exact, most in zip(
        found.after.areas, earlier.areas, plan.areas, later.areas, strict=True
    ):
        assert least.files <= area.goes.files <= most.files
        assert abs((area.cutoff or 0) - (exact.cutoff.at if exact.cutoff else 0)) <= HOUR


def test_what_if_changes_nothing_and_shows_what_is_beside_it(make_storage: MakeStorage) -> None:
    storage = make_storage(_AREAS)
    _many(storage)
    before = storage.files()

    found = storage.engine.whatif({"frames.retention": "1d"})

    assert storage.files() == before
    assert found.before.areas[0].goes.files < found.after.areas[0].goes.files
    assert found.before.areas[1:] == found.after.areas[1:]
    assert found.as_of is not None
    assert storage.settings.areas["frames"].retention == 30 * 86_400


def test_what_is_no_setting_of_an_area_is_refused(make_storage: MakeStorage) -> None:
    engine = make_storage(_AREAS).engine
    with pytest.raises(UsageError, match="unknown area"):
        engine.whatif({"frame.retention": "3d"})
    with pytest.raises(SettingsError, match="quotta"):
        engine.whatif({"frames.quotta": 3})
    with pytest.raises(SettingsError, match="kept indefinitely"):
        engine.whatif({"outputs.quota": "3B"})


def test_a_storage_that_was_never_scanned_has_no_answers_but_no_error(make_storage: MakeStorage) -> None:
    found = make_storage(_AREAS).engine.forecast()
    assert found.as_of is None
    assert str(found.outlook.disks[0].full) == "not known yet"


def test_inflow_is_learned_from_runs_removals_included(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": "2d"})
    for day in range(6):
        for number in range(4):
            storage.file(f"frames/{day}/{number}", age="1h", size=250)
        storage.engine.cleanup()
        storage.tick("1d")
    inflow = storage.engine.forecast().outlook.areas[0].inflow
    assert inflow.is_measured
    assert inflow.bytes == pytest.approx(1000, rel=0.01)
    assert inflow.files == pytest.approx(4, rel=0.01)


def test_samples_are_taken_only_so_often(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": "2d"})
    storage.engine.refresh()
    assert storage.engine.sample(at_most_every=3600)
    assert not storage.engine.sample(at_most_every=3600)
    storage.tick("2h")
    assert storage.engine.sample(at_most_every=3600)


def test_old_samples_are_thinned_out(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": "2d"})
    now = storage.now()
    with open_records(storage.settings).open_journal() as journal:
        for hour in range(24 * 40):
            for minute in (0, 30):
                journal.usage.add(now + (hour * 60 + minute) * 60 * 10**9, {"frames": (1, 1)}, {}, [])
        count = len(journal.usage.areas(since=0)["frames"])
    assert 2 * 48 + 12 * 24 <= count <= 2 * 48 + 12 * 24 + 26 + 5


def test_answers_take_milliseconds_on_a_million_files(make_storage: MakeStorage) -> None:
    """10,000 directories with 100 files each, as the index has them; no file is needed for that."""
    storage = make_storage({"frames": "30d", "uploads": "7d"})
    engine = storage.engine
    engine.refresh()
    now = storage.now()
    with open_records(engine.settings).open_index() as index:
        root = index.root("frames")
        for number in range(10_000):
            survey = Survey(key=Key(number, 1, 1))
            for hour in range(2):
                survey.hours[now // HOUR - number % 900 - hour] = Load(50, 50_000, 102_400)
            survey.files, survey.bytes, survey.allocated = 100, 100_000, 204_800
            survey.newest = survey.oldest = survey.first_due = now - number % 900 * HOUR
            index.put(root, f"{number:05}/", survey, listed=now, rules=_rules(storage))
        index.complete(root, as_of=now)

    engine.whatif({"frames.retention": "3d"})  # what is imported is imported
    took = min(
        _timed(lambda: engine.whatif({"frames.retention": "3d", "frames.quota": "500MB"})) for _ in range(3)
    )

    assert engine.forecast().outlook.areas[0].now.files == 1_000_000
    assert took < 1.0  # 50 ms on a quiet machine


def _rules(storage: Storage) -> int:
    area = storage.engine.areas["frames"]
    assert isinstance(area, Area)
    return area.rules.fingerprint


def _timed(work: object) -> float:
    assert callable(work)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# -- on the command line


def _config(storage: Storage, path: Path) -> str:
    section = {"base_path": str(storage.base_path), "default_areas": False, "retention": {}, "areas": {}}
    section["areas"] = {
        name: {**area} if isinstance(area, dict) else {"retention": area} for name, area in _AREAS.items()
    }
    path.write_text(yaml.safe_dump({"storage": section}))
    return str(path)


def test_whatif_and_forecast_on_the_command_line(
    make_storage: MakeStorage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = make_storage(_AREAS)
    _many(storage)
    config = _config(storage, tmp_path / "config.yaml")

    assert run(["whatif", "frames.retention=3d", "uploads.quota=100B", "--json", "--config", config]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["after"]["files"] > told["before"]["files"]
    assert told["after"]["areas"]["outputs"]["settles"] is None

    assert run(["whatif", "frames.retention=3d", "--config", config]) == 0
    assert "changed" in capsys.readouterr().out

    assert run(["whatif", "frames.retention", "--config", config]) == 2
    assert "KEY=VALUE" in capsys.readouterr().err

    assert run(["forecast", "--config", config]) == 0
    assert "full: not known yet" in capsys.readouterr().out
    assert run(["forecast", "--json", "--config", config]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["areas"]["frames"]["expires"]) == 14
    assert told["disks"][0]["full"]["words"] == "not known yet"


def test_a_forecast_that_is_known_is_drawn(
    make_storage: MakeStorage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = make_storage(_AREAS)
    _many(storage)
    for _ in range(5):
        storage.engine.cleanup()
        storage.tick("1d")
    storage.ahead -= 6 * 24 * 3600 * 10**9  # the command line has the clock of the machine
    config = _config(storage, tmp_path / "config.yaml")
    assert run(["forecast", "--config", config]) == 0
    assert "% in use" in capsys.readouterr().out
