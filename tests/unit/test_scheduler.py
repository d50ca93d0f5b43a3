"""The scheduler of the service: its metrics, its one instance, and whose configuration holds."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import api.config
import api.scheduler
from api.config import Config
from api.scheduler import CleanupScheduler, cleanup_scheduler, get_scheduler
from api.storage import StorageManager
from shelflife.errors import CleanupBusy, SettingsError
from shelflife.run.lock import cleanup_lock
from shelflife.testing import aged_file

_KEYS = {
    "schedule",
    "enabled",
    "last_run",
    "last_success",
    "total_runs",
    "total_deleted",
    "total_space_reclaimed_bytes",
    "total_space_reclaimed_human",
    "running",
    "cleaning",
}


class Service:
    """A configuration file and the storage beside it."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "config.yaml"
        self.base_path = directory / "storage"
        self.write()

    def write(self, cleanup: str = "", more: str = "") -> None:
        self.file.write_text(f"storage:\n  base_path: storage\n  cleanup: {{{cleanup}}}\n{more}")

    @property
    def config(self) -> Config:
        return Config(self.file)

    def old_file(self, name: str = "old.mp4", size: int = 2048) -> Path:
        return aged_file(self.base_path / "uploads" / name, age="30d", size=size)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service(tmp_path)
    monkeypatch.setattr(api.config, "config", service.config)  # what a manager without arguments reads
    StorageManager(base_path=service.base_path).ensure_directories()
    return service


@pytest.fixture
def scheduler(service: Service) -> Iterator[CleanupScheduler]:
    scheduler = CleanupScheduler(service.config)
    yield scheduler
    scheduler.stop()


def test_metrics_of_a_new_storage(scheduler: CleanupScheduler) -> None:
    metrics = scheduler.get_metrics()

    assert metrics.keys() == _KEYS
    assert metrics == {
        "schedule": "0 2 * * *",
        "enabled": True,
        "last_run": None,
        "last_success": None,
        "total_runs": 0,
        "total_deleted": 0,
        "total_space_reclaimed_bytes": 0,
        "total_space_reclaimed_human": "0.00 B",
        "running": False,
        "cleaning": False,
    }


def test_metrics_where_nothing_is_yet(tmp_path: Path) -> None:
    service = Service(tmp_path)

    assert CleanupScheduler(service.config).get_metrics()["total_runs"] == 0
    assert not service.base_path.exists()


def test_run_now_returns_metrics(service: Service, scheduler: CleanupScheduler) -> None:
    path = service.old_file()

    metrics = scheduler.run_now()

    assert not path.exists()
    assert (metrics["total_runs"], metrics["total_deleted"]) == (1, 1)
    assert metrics["total_space_reclaimed_bytes"] == 2048
    assert metrics["total_space_reclaimed_human"] == "2.00 KB"
    assert metrics["last_run"] == metrics["last_success"]
    assert datetime.fromisoformat(metrics["last_run"]).utcoffset() == timedelta(0)


def test_metrics_count_every_run_by_whomever_and_survive_a_restart(service: Service) -> None:
    service.old_file("a")
    StorageManager().cleanup_all()
    service.old_file("b")
    CleanupScheduler(service.config).run_now()

    metrics = CleanupScheduler(service.config).get_metrics()

    assert (metrics["total_runs"], metrics["total_deleted"]) == (2, 2)


def test_dry_and_refused_runs_do_not_count(service: Service) -> None:
    path = service.old_file()
    service.write("dry_run: true")
    scheduler = CleanupScheduler(service.config)
    assert scheduler.run_now()["total_runs"] == 0
    service.write("dry_run: perhaps")
    with pytest.raises(ValueError, match="dry_run"):
        scheduler.run_now()

    metrics = scheduler.get_metrics()

    assert (metrics["total_runs"], metrics["last_run"]) == (0, None)
    assert path.exists()
    assert [run.state for run in scheduler.storage_manager.engine.history()] == ["refused"]


def test_cleaning_tells_that_a_run_is_going_on(service: Service, scheduler: CleanupScheduler) -> None:
    engine = scheduler.storage_manager.engine

    with cleanup_lock(engine.state, "a cleanup of a test"):
        assert scheduler.get_metrics()["cleaning"]
        with pytest.raises(CleanupBusy):
            scheduler.run_now()

    assert not scheduler.get_metrics()["cleaning"]


def test_start_and_stop(scheduler: CleanupScheduler, caplog: pytest.LogCaptureFixture) -> None:
    states = [scheduler.scheduler]
    scheduler.start()
    first = scheduler.scheduler
    states.append(first)
    assert [state is None for state in states] == [True, False]
    assert scheduler.get_metrics()["running"]
    scheduler.start()
    assert scheduler.scheduler is first
    assert [record.levelname for record in caplog.records if "already running" in record.message] == [
        "WARNING"
    ]

    scheduler.stop()
    scheduler.stop()
    assert (scheduler.scheduler, scheduler.get_metrics()["running"]) == (None, False)

    scheduler.start()
    assert scheduler.get_metrics()["running"]


def test_disabled_it_runs_nothing_and_says_so(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    path = service.old_file()
    service.write("enabled: false")
    scheduler = CleanupScheduler(service.config)

    with caplog.at_level(logging.INFO):
        scheduler.start()
        metrics = scheduler.run_now()

    assert scheduler.scheduler is None
    assert (metrics["enabled"], metrics["running"], metrics["total_runs"]) == (False, False, 0)
    assert path.exists()
    assert "nothing is scheduled" in caplog.text
    assert "switched off" in caplog.text


@pytest.mark.parametrize("schedule", ["often", "0 2 * *", "0 0 31 2 *", "61 * * * *", ""])
def test_a_bad_schedule_is_a_value_error_at_start(service: Service, schedule: str) -> None:
    config = service.config
    config.storage_cleanup["schedule"] = schedule
    scheduler = CleanupScheduler(config)

    with pytest.raises(ValueError, match="schedule") as caught:
        scheduler.start()

    assert isinstance(caught.value, SettingsError)
    assert scheduler.scheduler is None


def test_the_file_is_read_again(service: Service, scheduler: CleanupScheduler) -> None:
    path = aged_file(service.base_path / "uploads" / "new.mp4", age="2d")
    service.write('schedule: "0 5 * * *"', "  retention: {uploads: 1d}\n")

    scheduler.run_now()
    scheduler.start()

    assert not path.exists()
    assert scheduler.get_metrics()["schedule"] == "0 5 * * *"


def test_what_a_program_has_set_stays_when_the_file_is_read_again(service: Service) -> None:
    config = service.config
    config.storage_cleanup["schedule"] = "0 6 * * *"
    service.write("enabled: true, batch_size: 7")
    scheduler = CleanupScheduler(config)

    scheduler.start()
    settings = scheduler._scheduler.settings if scheduler._scheduler else None
    scheduler.stop()

    assert settings is not None
    assert (settings.cleanup.schedule, settings.cleanup.batch_size) == ("0 6 * * *", 7)


def test_with_a_manager_its_storage_and_retention_hold(service: Service, tmp_path: Path) -> None:
    manager = StorageManager(base_path=tmp_path / "other", retention_periods={"uploads": 86_400})
    manager.ensure_directories()
    here = service.old_file()
    there = aged_file(tmp_path / "other" / "uploads" / "new.mp4", age="2d")
    service.write('schedule: "0 5 * * *"')
    scheduler = CleanupScheduler(service.config, manager)

    metrics = scheduler.run_now()

    assert scheduler.storage_manager is manager
    assert (here.exists(), there.exists()) == (True, False)
    assert (metrics["schedule"], metrics["total_deleted"]) == ("0 5 * * *", 1)


def test_without_a_configuration_the_manager_s_schedule_holds(service: Service) -> None:
    manager = StorageManager(base_path=service.base_path, cleanup_config={"schedule": "0 7 * * *"})

    assert CleanupScheduler(storage_manager=manager).get_metrics()["schedule"] == "0 7 * * *"


def test_a_manager_for_dry_runs_only_stays_one(service: Service) -> None:
    path = service.old_file()
    manager = StorageManager(cleanup_config={"dry_run": True})

    CleanupScheduler(service.config, manager).run_now()

    assert path.exists()


def test_its_manager_has_all_rules_of_its_configuration(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.write("", "  areas: {uploads: {protect: ['*.keep']}, proxies: {retention: 2d}}\n")

    manager = CleanupScheduler(service.config).storage_manager

    assert manager.base_path == service.base_path
    assert manager.settings == service.config.settings
    assert "proxies" in manager.retention_periods


def test_there_is_one_instance() -> None:
    assert get_scheduler() is cleanup_scheduler is api.scheduler.cleanup_scheduler
    assert cleanup_scheduler.scheduler is None


def test_without_arguments_it_goes_by_the_configuration_of_the_process(service: Service) -> None:
    scheduler = CleanupScheduler()

    assert scheduler.config is api.config.config
    assert scheduler.storage_manager.base_path == service.base_path


def test_importing_reads_opens_and_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("storage: {base_path: /}\n")  # reading it would be an error
    code = (
        "import sys, threading, api.scheduler; print(threading.active_count(), 'apscheduler' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(api.__file__).parent.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("1 False\n", "")


def test_it_stops_within_its_time_however_often_it_is_started(scheduler: CleanupScheduler) -> None:
    for _ in range(3):
        scheduler.start()
        scheduler.stop()

    assert not [thread for thread in threading.enumerate() if thread.name == "APScheduler"]
