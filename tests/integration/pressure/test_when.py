"""When room is made: by the scheduler, on the command line, and after another cleanup."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
import yaml

from shelflife.cli.app import run
from shelflife.engine import Engine
from shelflife.events import RunFinished
from shelflife.run.lock import cleanup_lock
from shelflife.run.making_room import ReliefOutcome
from tests.integration.pressure.conftest import fill, fill_up, share

if TYPE_CHECKING:
    from pathlib import Path

    from shelflife.testing import Storage
    from tests.integration.pressure.conftest import MountStorage

_AREAS = {"frames": {"retention": "30d", "priority": 1}, "outputs": -1}
_PRESSURE = {"high": "90%", "low": "80%", "check_every": 1}


@pytest.fixture
def full(mount_storage: MountStorage) -> Storage:
    storage = mount_storage(_AREAS, pressure=_PRESSURE)
    for number in range(200):
        fill(storage, f"frames/{number}", age=f"{300 - number}h", size=65_536)
    fill_up(storage)
    return storage


def _config(storage: Storage, path: Path) -> Path:
    storage_section = {
        "base_path": str(storage.base_path),
        "default_areas": False,
        "areas": {
            name: area if isinstance(area, dict) else {"retention": area} for name, area in _AREAS.items()
        },
        "pressure": _PRESSURE,
    }
    path.write_text(yaml.safe_dump({"storage": storage_section}))
    return path


def test_a_service_makes_room_when_it_starts(full: Storage) -> None:
    ended = threading.Event()
    heard = Engine(
        full.settings,
        # Its first run may be ended by what others write into the journal just then; the next look goes on.
        listeners=[
            lambda event: ended.set() if isinstance(event, RunFinished) and event.state == "done" else None
        ],
    )
    scheduler = heard.scheduler(delay=0)
    scheduler.start()
    try:
        assert ended.wait(30)
    finally:
        assert scheduler.stop()
    assert share(full) < 90


def test_it_waits_for_a_cleanup_that_is_running(full: Storage) -> None:
    found = []
    with cleanup_lock(full.engine.state, "a test"):
        thread = threading.Thread(target=lambda: found.extend(full.engine.relieve()))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(30)
    assert [disk.outcome for disk in found] == [ReliefOutcome.RELIEVED]


def test_it_waits_no_longer_than_it_is_given(full: Storage) -> None:
    before = full.files()
    with cleanup_lock(full.engine.state, "a test"):
        (found,) = full.engine.relieve(wait=0)
    assert found.outcome is ReliefOutcome.BUSY
    assert full.files() == before


def test_it_stops_waiting_when_told(full: Storage) -> None:
    stop = threading.Event()
    stop.set()
    with cleanup_lock(full.engine.state, "a test"):
        (found,) = full.engine.relieve(stop=stop)
    assert found.outcome is ReliefOutcome.STOPPED


def test_the_command_line_makes_room_and_says_so(
    full: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config(full, tmp_path / "config.yaml")

    assert run(["cleanup", "--pressure", "--json", "--config", str(config)]) == 0
    (disk,) = json.loads(capsys.readouterr().out)["disks"]
    assert disk["outcome"] == "relieved"
    assert disk["before"]["used_percent"] == 100
    assert disk["after"]["used_percent"] < 80

    assert run(["cleanup", "--pressure", "--config", str(config)]) == 0
    assert "calm" in capsys.readouterr().out


def test_the_command_line_says_what_fills_the_disk_when_it_cannot_help(
    mount_storage: MountStorage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = mount_storage(_AREAS)
    fill_up(storage)
    config = _config(storage, tmp_path / "config.yaml")

    assert run(["cleanup", "--pressure", "--config", str(config)]) == 1
    told = capsys.readouterr()
    assert "hopeless" in told.out
    assert "in outputs, kept indefinitely" in told.err
