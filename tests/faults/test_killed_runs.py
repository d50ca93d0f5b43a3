"""A run that is killed at any point loses nothing that was not due, and the next run completes its record."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shelflife import Engine, Settings
from shelflife.files.removal import Result
from shelflife.policy.verdict import Reason
from shelflife.records.records import open_records
from shelflife.testing import Storage, aged_file
from tests.faults.scenes import Scene
from tests.faults.tracing import needs_strace, sabotage
from tests.integration.engine.users import needs_root

_AREAS = {
    "files": {"temp": {"retention": "1d"}},
    "files with trash": {"temp": {"retention": "1d", "trash": "1d"}},
    "units": {"temp": {"retention": "1d", "expire": "directory"}},
    "units with trash": {"temp": {"retention": "1d", "expire": "directory", "trash": "1d"}},
}
_FILES = 24

_CLEAN_UP = """
import json, os, signal, sys
from shelflife import Engine, Settings

left = int(sys.argv[3])

def killing(name, real):
    def call(*arguments, **named):
        global left
        left -= 1
        if left < 0 and sys.argv[4] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

import shelflife.files.rename
for place in (os, shelflife.files.rename):
    for name in ("unlink", "rmdir", "rename_noreplace"):
        if hasattr(place, name):
            setattr(place, name, killing(name, getattr(place, name)))
Engine(Settings.build(base_path=sys.argv[1], areas=json.loads(sys.argv[2]))).cleanup(batch_size=5)
print("done")
"""


def _fill(base: Path) -> set[str]:
    """Make a storage; return the files that are not due."""
    for number in range(_FILES):
        aged_file(base / f"temp/{number % 3}/{number}", age="2d", size=5)
    stays = {"temp/young/a", "temp/young/b"}
    for path in stays:
        aged_file(base / path, age="1h")
    return stays


def _clean_up_and_be_killed(base: Path, areas: dict[str, dict[str, str]], after: int, when: str) -> bool:
    """Clean up in a process that is killed after so many changes; return whether it was."""
    command = [sys.executable, "-c", _CLEAN_UP, str(base), json.dumps(areas), str(after), when]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("after", [0, 1, 4, 7, 11, 26])
@pytest.mark.parametrize("kind", _AREAS)
def test_nothing_is_lost_and_the_record_is_complete(tmp_path: Path, kind: str, after: int, when: str) -> None:
    areas = _AREAS[kind]
    stays = _fill(tmp_path)
    killed = _clean_up_and_be_killed(tmp_path, areas, after, when)
    engine = Engine(Settings.build(base_path=tmp_path, areas=areas))
    assert engine.holder() is None
    report = engine.cleanup()
    assert (report.state, report.failed, report.errors) == ("done", 0, [])
    found = {str(path.relative_to(tmp_path)) for path in (tmp_path / "temp").rglob("*") if path.is_file()}
    assert {path for path in found if ".trash" not in path} == stays
    runs = engine.history()
    states = [run.state for run in runs]
    assert states == ["done", "interrupted" if killed else "done"] or (states == ["done"] and after == 0)
    outcomes = [(file.path, file.result) for run in runs for file in engine.run_files(run.id)]
    gone = Result.TRASHED if "trash" in kind else Result.REMOVED
    went = sorted(path for path, result in outcomes if result is gone)
    assert went == sorted(f"temp/{number % 3}/{number}" for number in range(_FILES))
    assert Result.UNKNOWN not in {result for _, result in outcomes}
    if "trash" in kind:
        assert len(found) - len(stays) == _FILES
    else:
        assert not (tmp_path / "temp/.trash").exists()
        assert engine.totals().removed == _FILES


@needs_root
@pytest.mark.parametrize("call", [1, 2, 9, 20])
def test_a_kill_by_the_kernel_in_the_middle_of_a_removal(storage: Storage, call: int) -> None:
    stays = _fill(storage.base_path)
    script = "import sys; from shelflife import Engine, Settings\n"
    script += "Engine(Settings.build(base_path=sys.argv[1], areas={'temp': '1d'})).cleanup(batch_size=5)"
    subprocess.run(
        [
            *("strace", "-f", "-qq", "-o", os.devnull, "-e", f"inject=unlinkat:signal=KILL:when={call}"),
            *(sys.executable, "-c", script, str(storage.base_path)),
        ],
        check=False,
    )
    assert storage.engine.cleanup(["temp"]).state == "done"
    assert set(storage.files()) == stays
    done, interrupted = storage.engine.history()
    assert (done.state, interrupted.state) == ("done", "interrupted")
    assert storage.engine.totals().removed == _FILES


@needs_strace
@pytest.mark.parametrize("call", [2, 4])  # in the middle of a batch: one of its files is gone already
@pytest.mark.parametrize("trash", [True, False], ids=["compiled", "careful"])
def test_what_a_killed_run_was_purging_is_told_as_purged_not_as_removed(
    tmp_path: Path, call: int, *, trash: bool
) -> None:
    scene = Scene(tmp_path / "storage", trash=True).set_up()
    assert scene.engine.cleanup().total("trashed") == len(scene.due)
    (waiting,) = (scene.base / "media/.trash").iterdir()
    waiting.rename(waiting.with_name("20200101T000000Z-1"))  # it has waited long enough
    scene = replace(scene, trash=trash)  # without a trash goes what is expired, file by file
    assert sabotage(scene.values, "unlinkat", "signal=KILL", str(call)).killed
    with open_records(scene.engine.settings).open_journal() as journal:
        (run,) = journal.history.unfinished()
        batches = journal.removals.open_batches(run.id)
    paths = [scene.base / batch.directory / name for batch in batches for name in batch.names]
    assert not all(path.exists() for path in paths)
    assert scene.engine.cleanup().state == "done"
    _, killed, *_ = scene.engine.history()
    records = list(scene.engine.run_files(killed.id))
    gone = [record for record in records if record.result is Result.REMOVED]
    assert {record.reason for record in gone} == {Reason.PURGED}
    assert gone
    assert (killed.state, killed.report["removed"]) == ("interrupted", 0)
    assert not list((scene.base / "media").rglob(".trash"))
