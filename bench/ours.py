"""The engine in a process of its own: reads a task from its arguments, prints what it took as JSON.

`python -m bench.ours TASK BASE AREA WORKERS`, where AREA has the settings of the one area as JSON, and TASK is
a key of `TASKS`. What was just made counts as settled at once, so that nothing has to wait.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shelflife import Engine, Selection, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def settings_of(base: str, area: Mapping[str, Any], workers: int) -> Settings:
    """Return the settings of a measured storage: the area `media`, and `others`, in which nothing is due."""
    return Settings.build(
        base_path=base,
        areas={"media": {"retention": "7d", **area}, "others": "7d"},
        cleanup={"workers": workers},
        index={"settle": 0},
    )


def _restore(engine: Engine) -> None:
    """Bring back what the last run put into the trash."""
    engine.bring_back(Selection(runs=(engine.history(limit=1)[0].id,)))


def _hold(count: int) -> Callable[[Engine], None]:
    """Return what holds so many of the files in which nothing is due."""

    def hold(engine: Engine) -> None:
        others = sorted((engine.settings.base_path / "others").glob("*/*"))[:count]
        for path in others:
            engine.hold(path)

    return hold


TASKS: Final[Mapping[str, Callable[[Engine], object]]] = {
    "cleanup": lambda engine: engine.cleanup(areas=["media"]),
    "refresh": lambda engine: engine.refresh(),
    "stats": lambda engine: engine.stats(),
    "stats-now": lambda engine: engine.stats(refresh=True),
    "restore": _restore,
    "empty": lambda engine: engine.empty_trash(),
    "hold-1": _hold(1),
    "hold-10000": _hold(10_000),
}


def main() -> None:
    """Run a task once, after everything was imported, and say how long it took and how much memory."""
    task, base, area, workers = sys.argv[1:]
    for name in (
        "records.statistics",
        "run.restore",
        "run.retention",
        "run.run",
    ):  # what an engine imports late
        import_module(f"shelflife.{name}")
    engine = Engine(settings_of(base, json.loads(area), int(workers)))
    before = _memory("VmRSS")
    start, worked = time.perf_counter(), time.process_time()
    TASKS[task](engine)
    seconds, cpu = time.perf_counter() - start, time.process_time() - worked
    print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": max(0, _memory("VmHWM") - before)}))


def _memory(name: str) -> int:
    """Return bytes that this process takes, or took at the most. getrusage would include who started it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
