"""How adopters use the library, for mypy to read: nothing here is run.

A change that breaks one of these lines breaks somebody's program.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import assert_type

from shelflife import (
    ActiveAlert,
    Answer,
    AreaPlan,
    AreaReport,
    CleanupBusy,
    Disk,
    DiskRelief,
    Engine,
    FileRecord,
    Finding,
    Forecast,
    Hold,
    Holder,
    Plan,
    PlannedFile,
    RunRecord,
    RunReport,
    Settings,
    SettingsError,
    ShelflifeError,
    Statistics,
    Totals,
    TrashedFile,
    Trigger,
    WhatIf,
    as_datetime,
    load_settings,
)
from shelflife.errors import ExitCode, Problem
from shelflife.events import BatchFinished, Event, RunFinished


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
    assert_type(engine.why("uploads/a.mp4"), Answer)
    assert_type(engine.check(), list[Finding])
    assert_type(engine.forecast(), Forecast)
    assert_type(engine.whatif({"uploads.retention": "3d"}), WhatIf)
    assert_type(engine.alerts(), list[ActiveAlert])
    assert_type(engine.disks(), list[Disk])
    assert_type(engine.relieve(), list[DiskRelief])
    assert_type(engine.trash(), Iterator[TrashedFile])


def say_when(engine: Engine) -> None:
    """Moments are given as datetimes or as nanoseconds, and both are available."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    made = engine.plan(at=tomorrow)
    assert_type(made.made, int)
    assert_type(made.made_at, datetime)
    held = engine.hold("uploads/a.mp4", until=tomorrow)
    assert_type(held, Hold)
    assert_type(held.until_at, datetime | None)
    engine.hold("uploads/b.mp4", until=made.made)
    assert_type(engine.run(1).started_at, datetime)
    assert_type(engine.empty_trash(before=tomorrow).areas[0], AreaReport)
    assert_type(as_datetime(made.made), datetime)


async def ask_without_blocking(engine: Engine) -> None:
    assert_type(await engine.aplan(), Plan)
    assert_type(await engine.acleanup(), RunReport)
    assert_type(await engine.aexecute(await engine.aplan()), RunReport)
    assert_type(await engine.astats(), Statistics)
    assert_type(await engine.ahold("uploads/a.mp4", reason="shown tonight"), Hold)
    assert_type(await engine.arestore("7"), list[str])
    async for file in engine.atrash(["uploads"]):
        assert_type(file, TrashedFile)
