"""Several processes over one storage: workers, the command line, and what is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from shelflife.engine import Engine
from shelflife.formats import moment
from shelflife.policy.schedule import Schedule
from shelflife.testing import aged_file
from tests.integration.schedule import workers

_SECOND = 10**9
_WORKERS = 4


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = Engine(workers.settings_of(tmp_path / "storage"))
    engine.create()
    return engine


def slot_in(seconds: float, engine: Engine) -> workers.Order:
    """What makes the next slot come so soon."""
    now = time.time_ns()
    slot = Schedule.of(engine.settings.cleanup).next_after(now)
    assert slot is not None
    return slot - now - int(seconds * _SECOND), moment(slot)


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_four_workers_run_a_slot_once(engine: Engine, method: str) -> None:
    base_path = engine.settings.base_path
    path = aged_file(base_path / "uploads" / "old.mp4", age="30d")
    context: Any = multiprocessing.get_context(method)
    orders, results = context.Queue(), context.Queue()
    # With fork, the scheduler is made before, as with gunicorn --preload.
    service = base_path if method == "spawn" else workers.Service(base_path)
    processes = [
        context.Process(target=workers.keep_schedule, args=(service, orders, results))
        for _ in range(_WORKERS)
    ]
    for process in processes:
        process.start()
    assert [results.get(timeout=workers.PATIENCE) for _ in processes] == ["ready"] * _WORKERS

    order = slot_in(2.0, engine)
    for _ in processes:
        orders.put(order)
    outcomes = sorted(results.get(timeout=workers.PATIENCE) for _ in processes)
    for process in processes:
        process.join(workers.PATIENCE)

    assert outcomes == ["lost"] * (_WORKERS - 1) + ["ran"]
    assert [(run.state, run.trigger) for run in engine.history()] == [("done", "schedule")]
    assert not path.exists()
    assert engine.totals().runs == 1


def test_of_two_cleanups_in_the_same_instant_one_runs_and_one_is_busy(engine: Engine) -> None:
    context = multiprocessing.get_context("spawn")
    together, refused, results = context.Barrier(2), context.Event(), context.Queue()
    processes = [
        context.Process(
            target=workers.cleanup_while_another_is_refused,
            args=(engine.settings.base_path, together, refused, results),
        )
        for _ in range(2)
    ]

    for process in processes:
        process.start()
    outcomes = sorted(results.get(timeout=workers.PATIENCE) for _ in processes)
    for process in processes:
        process.join(workers.PATIENCE)

    assert outcomes == ["busy", "ran"]
    assert [run.state for run in engine.history()] == ["done"]


def test_a_killed_holder_s_lock_is_free_at_once_even_if_it_had_forked(engine: Engine) -> None:
    context = multiprocessing.get_context("spawn")
    holding, over, results = context.Event(), context.Event(), context.Queue()
    process = context.Process(
        target=workers.hold_and_fork, args=(engine.settings.base_path, holding, over, results)
    )
    process.start()
    child = results.get(timeout=workers.PATIENCE)
    assert holding.wait(workers.PATIENCE)
    assert engine.holder() is not None

    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()  # with a timeout, it would wait for the child too

    os.kill(child, 0)  # it lives
    assert engine.holder() is None
    assert engine.cleanup().state == "done"
    assert [run.state for run in engine.history()] == ["done", "interrupted"]
    os.kill(child, signal.SIGKILL)


_ENDS_DURING_A_RUN = """
import sys, threading, time
from pathlib import Path
from shelflife.engine import Engine
from shelflife.events import BatchFinished
from shelflife.schedule import Scheduler
from shelflife.records.records import open_records
from shelflife.settings import Settings

settings = Settings.build(base_path=sys.argv[1], areas={"uploads": "7d"}, cleanup={"batch_size": 1})
begun, stop = threading.Event(), threading.Event()

def listen(event):
    if isinstance(event, BatchFinished):
        begun.set()
        stop.wait(60)

engine = Engine(settings, listeners=[listen])
with open_records(engine.settings).open_journal() as journal:
    journal.slots.claim(1, at=1)  # everything since 1970 was missed
scheduler = engine.scheduler(delay=0)
scheduler.start()
stop = scheduler._stop
begun.wait(60)
"""


def test_the_interpreter_ends_during_a_run_and_the_run_is_recorded(engine: Engine) -> None:
    base_path = engine.settings.base_path
    for number in range(19):  # few enough that nobody is asked
        aged_file(base_path / "uploads" / f"{number}.mp4", age="30d")

    done = subprocess.run(
        [sys.executable, "-c", _ENDS_DURING_A_RUN, str(base_path)],
        timeout=workers.PATIENCE,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    (run,) = engine.history()
    assert run.state == "stopped"
    assert run.report["removed"] == 1
