"""Memory is bounded by directories and the batch in hand, never by files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

_MEASURE = """
import json, sys, time
from shelflife import Engine, Settings

def resident(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name)) / 1024

engine = Engine(Settings.build(base_path=sys.argv[1], areas={"frames": "30d"}))
engine.history()
idle = resident("VmRSS")
start = time.monotonic()
plan = engine.plan()
planned, in_plan = time.monotonic() - start, resident("VmHWM")
start = time.monotonic()
report = engine.cleanup()
cleaned, in_cleanup = time.monotonic() - start, resident("VmHWM")
print(json.dumps({
    "scanned": plan.scanned, "due": plan.files, "removed": report.removed, "idle": idle,
    "plan": in_plan - idle, "cleanup": in_cleanup - idle, "plan_seconds": planned, "cleanup_seconds": cleaned,
}))
"""


@dataclass(frozen=True)
class _Measured:
    """Sizes in MiB above idle."""

    scanned: int
    due: int
    removed: int
    idle: float
    plan: float
    cleanup: float
    plan_seconds: float
    cleanup_seconds: float


def _make_tree(base: Path, *, directories: int, files: int, due: float) -> None:
    """Make `files` empty files in `directories`; a share of the directories holds what is due."""
    old = time.time_ns() - 40 * 86_400 * 10**9
    each = files // directories
    for number in range(directories):
        path = base / f"frames/{number // 100:03}/{number:06}"
        path.mkdir(parents=True)
        fd = os.open(path, os.O_RDONLY)
        for frame in range(each):
            name = f"frame_{frame:06}.jpg"
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=fd))
            if number < directories * due:
                os.utime(name, ns=(old, old), dir_fd=fd)
        os.close(fd)


def _measure(base: Path, *, directories: int, files: int, due: float) -> _Measured:
    _make_tree(base, directories=directories, files=files, due=due)
    command = [sys.executable, "-c", _MEASURE, str(base)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured = _Measured(**json.loads(done.stdout))
    assert (measured.scanned, measured.due, measured.removed) == (files, files * due, files * due)
    return measured


@pytest.mark.parametrize("due", [0.01, 1.0])
def test_a_small_storage_takes_little_memory(tmp_path: Path, due: float) -> None:
    measured = _measure(tmp_path, directories=200, files=20_000, due=due)
    assert measured.plan < 16
    assert measured.cleanup < 32


def test_a_directory_with_many_files_takes_no_more_than_many_directories(tmp_path: Path) -> None:
    measured = _measure(tmp_path, directories=1, files=30_000, due=1.0)
    assert measured.cleanup < 32


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("due", "most"), [(0.01, 64), (1.0, 150)])
def test_a_million_files_in_ten_thousand_directories(tmp_path: Path, due: float, most: int) -> None:
    measured = _measure(tmp_path, directories=10_000, files=1_000_000, due=due)
    print(measured)  # noqa: T201 - shown by `-rP`: the figures are what one runs this for
    assert measured.plan <= most
    assert measured.cleanup <= most
