"""The service as a whole: configuration, storage, scheduler and HTTP together, and `verify_storage.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.config import Config
from api.main import app, main
from api.scheduler import get_scheduler
from api.storage import StorageManager
from shelflife.testing import aged_file

CHECKOUT = Path(__file__).resolve().parent.parent
TOKEN = "a token for tests only"


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of this test's own, as that of the process; returns its file."""
    for name in [name for name in os.environ if name.startswith("STORAGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STORAGE_API_TOKEN", TOKEN)
    file = tmp_path / "config.yaml"
    file.write_text("storage:\n  base_path: data\n  cleanup:\n    enabled: false\n")
    monkeypatch.setattr("api.config.config", Config(file))
    return file


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def run_program(*arguments: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the checkout for the storage in `tmp_path`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STORAGE_")}
    own = {"STORAGE_BASE_PATH": str(tmp_path / "data"), "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=inherited | own | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


# -- the service


def test_importing_reads_opens_and_starts_nothing(tmp_path: Path) -> None:
    program = """
import builtins, os, sys, threading
import asyncio, fastapi, starlette.testclient, pydantic, yaml, sqlite3, logging.config
opened = []
def audit(event, arguments):
    if event == "open" and str(arguments[0]).endswith((".yaml", ".db", ".log")):
        opened.append(arguments[0])
    if event in ("sqlite3.connect", "subprocess.Popen", "socket.bind", "os.mkdir"):
        opened.append(event)
sys.addaudithook(audit)
import api, api.config, api.storage, api.scheduler, api.main
print(opened, threading.active_count())
"""
    done = run_program("-c", program, tmp_path=tmp_path, STORAGE_CLEANUP_SCHEDULE="broken")
    assert (done.stdout.strip(), done.returncode) == ("[] 1", 0), done.stderr
    assert os.listdir(tmp_path) == ["config.yaml"]


def test_the_lifespan_makes_the_directories(client: TestClient, base: Path) -> None:
    assert sorted(path.name for path in base.iterdir() if not path.name.startswith(".")) == [
        "contact-sheets",
        "frames",
        "outputs",
        "temp",
        "uploads",
    ]


def test_a_cleanup_over_http_and_one_by_the_manager_are_the_same_to_the_scheduler(
    client: TestClient, base: Path
) -> None:
    aged_file(base / "temp/a", age="2d", size=1024)
    assert client.get("/storage/cleanup").json()["would_delete"] == 1
    assert client.post("/storage/cleanup", json={}).json()["total_deleted"] == 1
    aged_file(base / "uploads/b", age="8d", size=1024)
    assert StorageManager().cleanup_all()["total_deleted"] == 1
    metrics = client.get("/storage/metrics").json()
    assert metrics == get_scheduler().get_metrics()
    assert (metrics["total_runs"], metrics["total_deleted"]) == (2, 2)
    assert metrics["total_space_reclaimed_human"] == "2.00 KB"
    assert metrics["running"] is False


def test_the_scheduler_runs_while_the_service_does(configuration: Path) -> None:
    configuration.write_text("storage: {base_path: data}\n")
    with TestClient(app) as client:
        assert client.get("/storage/metrics").json()["running"] is True
        keeping_time = get_scheduler().scheduler
    assert keeping_time is not None
    assert get_scheduler().scheduler is None


def test_where_cleanups_are_disabled_the_scheduler_is_not_started(client: TestClient) -> None:
    metrics = client.get("/storage/metrics").json()
    assert (metrics["enabled"], metrics["running"]) == (False, False)
    assert client.post("/storage/cleanup", json={}).status_code == 200


def test_a_retention_changed_in_the_file_holds_for_the_next_cleanup(
    client: TestClient, base: Path, configuration: Path
) -> None:
    old = aged_file(base / "temp/a", age="2d")
    configuration.write_text("storage: {base_path: data, retention: {temp: 3d}, cleanup: {enabled: false}}\n")
    assert client.post("/storage/cleanup", json={}).json()["total_deleted"] == 0
    configuration.write_text("storage: {base_path: data, retention: {temp: 3 days}}\n")
    refused = client.post("/storage/cleanup", json={})
    assert (refused.status_code, refused.json()["problems"][0]["key"]) == (500, "storage.retention.temp")
    assert old.exists()


def test_a_broken_configuration_lists_all_its_problems_and_nothing_starts(tmp_path: Path) -> None:
    done = run_program(
        "-m",
        "api.main",
        "--port",
        "0",
        tmp_path=tmp_path,
        STORAGE_RETENTION_TEMP="soon",
        STORAGE_CLEANUP_SCHEDULE="0 25 * * *",
        STORAGE_CLEANUP_BATCHSIZE="7",
    )
    assert done.returncode == 2
    for name in ("STORAGE_RETENTION_TEMP", "STORAGE_CLEANUP_SCHEDULE", "STORAGE_CLEANUP_BATCHSIZE"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_server_that_loads_the_application_itself_does_not_start_either(tmp_path: Path) -> None:
    done = run_program(
        "-m", "uvicorn", "api.main:app", "--port", "0", tmp_path=tmp_path, STORAGE_RETENTION_TEMP="soon"
    )
    assert done.returncode != 0
    assert "STORAGE_RETENTION_TEMP" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unusable_base_path_stops_the_start_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    done = run_program("-m", "api.main", "--port", "0", tmp_path=tmp_path)
    assert done.returncode != 0
    assert "not a directory" in done.stderr or "in the way" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_program_says_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "127.0.0.1" in capsys.readouterr().out


# -- verify_storage.py


def verify(tmp_path: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_program(str(CHECKOUT / "verify_storage.py"), *options, tmp_path=tmp_path, **environment)


def outcomes(output: str) -> dict[str, str]:
    """Return each check with its mark."""
    lines = [line.split(":")[0].split(" ", 1) for line in output.splitlines() if line[:1] in "✓✗–" and line]
    return {name: mark for mark, name in lines}


def test_a_working_storage_passes_every_check_and_keeps_every_file(tmp_path: Path, base: Path) -> None:
    files = [aged_file(base / "temp/expired", age="9d"), aged_file(base / "uploads/young", age="1h")]
    done = verify(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(outcomes(done.stdout).values()) == {"✓"}
    assert set(outcomes(done.stdout)) >= {"directories", "statistics", "cleanup", "scheduler"}
    assert "7 of 7 checks passed" in done.stdout
    assert all(file.exists() for file in files)
    left = [str(path.relative_to(base)) for path in base.rglob("*") if "verify" in path.name]
    assert left == []
    assert StorageManager().engine.history() == []


def test_a_dry_run_creates_and_removes_nothing(tmp_path: Path, base: Path) -> None:
    StorageManager().ensure_directories()
    old = aged_file(base / "temp/expired", age="9d")
    before = sorted(path for path in base.rglob("*") if ".shelflife" not in path.parts)
    done = verify(tmp_path, "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 files have expired" in done.stdout
    assert sorted(path for path in base.rglob("*") if ".shelflife" not in path.parts) == before
    assert old.exists()


def test_checks_may_be_left_out(tmp_path: Path) -> None:
    done = verify(tmp_path, "--skip-cleanup", "--skip-scheduler")
    assert done.returncode == 0
    assert set(outcomes(done.stdout)) == {"configuration", "directories", "statistics"}


def test_what_is_wrong_is_marked_and_the_program_fails(tmp_path: Path, base: Path) -> None:
    StorageManager().ensure_directories()
    (base / "frames").rmdir()
    (base / "frames").write_text("not a directory")
    done = verify(tmp_path)
    assert done.returncode == 1
    marks = outcomes(done.stdout)
    assert marks["configuration"] == "✓"
    assert marks["directories"] == marks["statistics"] == "✗"
    assert "Traceback" not in done.stderr


def test_a_storage_that_keeps_everything_may_be_verified(tmp_path: Path) -> None:
    kept = {f"STORAGE_RETENTION_{area}": "-1" for area in ("TEMP", "UPLOADS", "FRAMES", "CONTACT_SHEETS")}
    done = verify(tmp_path, "--skip-scheduler", **kept)
    assert done.returncode == 0, done.stdout


def test_a_broken_configuration_fails_at_once(tmp_path: Path) -> None:
    done = verify(tmp_path, STORAGE_CLEANUP_BOGUS="1")
    assert done.returncode == 1
    assert outcomes(done.stdout) == {"configuration": "✗"}
    assert "STORAGE_CLEANUP_BOGUS" in done.stdout
