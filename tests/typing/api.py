"""How adopters use the library, for mypy to read: nothing here is run.

A change that breaks one of these lines breaks somebody's program.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

from shelflife import (
    AreaPlan,
    CleanupBusy,
    Engine,
    Plan,
    Settings,
    SettingsError,
    ShelflifeError,
    Trigger,
    load_settings,
)
from shelflife.errors import ExitCode, Problem
from shelflife.events import BatchFinished, Event, RunFinished
from shelflife.records.history import FileRecord, RunRecord, Totals
from shelflife.records.statistics import Statistics
from shelflife.remove.report import RunReport
from shelflife.run.lock import Holder
from shelflife.scan.planner import PlannedFile


def settings() -> Settings:
    made = Settings.build(
        base_path="/srv/media",
        areas={"uploads": "7d", "outputs": -1, "frames": {"retention": "30d", "protect": ["*.keep"]}},
        cleanup={"enabled": False},
    )
    assert_type(made, Settings)
    assert_type(made.base_path, Path)
    assert_type(made.area_name("frames"), str)
    assert_type(made.replace(retention={"uploads": "3d"}), Settings)
    assert_type(load_settings(Path("config.yaml")), Settings)
    return made


def listen(event: Event) -> None:
    match event:
        case BatchFinished():
            for outcome in event.outcomes:
                assert_type(outcome.name, str)
                assert_type(outcome.size, int)
        case RunFinished(removed=removed):
            assert_type(removed, int)


def plan(engine: Engine) -> Plan:
    made = engine.plan(["uploads"])
    assert_type(made, Plan)
    assert_type(made.id, str)
    assert_type(made.files, int)
    assert_type(made.areas, tuple[AreaPlan, ...])
    assert_type(engine.files(made), Iterator[PlannedFile])
    return made


def clean_up() -> ExitCode:
    engine = Engine(settings(), listeners=[listen])
    stop = threading.Event()
    try:
        report = engine.execute(plan(engine), trigger=Trigger.CLI, stop=stop)
        assert_type(report, RunReport)
        assert_type(report.removed, int)
        assert_type(engine.cleanup(["uploads"], batch_size=10, stop=stop), RunReport)
    except CleanupBusy as busy:
        if busy.holder is not None:
            assert_type(busy.holder.pid, int)
        return busy.exit_code
    except SettingsError as wrong:
        assert_type(wrong.problems, tuple[Problem, ...])
        raise
    except ShelflifeError as error:
        return error.exit_code
    return ExitCode.DONE


def ask(engine: Engine) -> None:
    assert_type(engine.stats(), Statistics)
    assert_type(engine.stats(refresh=True).complete, bool)
    assert_type(engine.refresh(), dict[str, list[str]])
    assert_type(engine.totals(), Totals)
    assert_type(engine.history(limit=10), list[RunRecord])
    assert_type(engine.run(1), RunRecord)
    assert_type(engine.run_files(1), Iterator[FileRecord])
    assert_type(engine.holder(), Holder | None)
    assert_type(engine.create(), dict[str, Path])


async def ask_without_blocking(engine: Engine) -> None:
    assert_type(await engine.aplan(), Plan)
    assert_type(await engine.acleanup(), RunReport)
    assert_type(await engine.aexecute(await engine.aplan()), RunReport)
    assert_type(await engine.astats(), Statistics)
