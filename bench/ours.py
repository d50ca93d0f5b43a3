"""The engine in a process of its own: reads a task from its arguments, prints what it took as JSON.

`python -m bench.ours TASK BASE IN_USE WORKERS`, where TASK is cleanup, refresh, stats or stats-now. What was just
made counts as settled at once, so that nothing has to wait.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from shelflife import Engine, Settings


def settings_of(base: str, in_use: str, workers: int) -> Settings:
    """Return the settings of a measured storage."""
    return Settings.build(
        base_path=base,
        areas={"media": {"retention": "7d", "in_use": in_use}},
        cleanup={"workers": workers},
        index={"settle": 0},
    )


def main() -> None:
    """Run a task once, after everything was imported, and say how long it took and how much memory."""
    task, base, in_use, workers = sys.argv[1:]
    engine = Engine(settings_of(base, in_use, int(workers)))
    before = _memory("VmRSS")
    start = time.perf_counter()
    if task == "cleanup":
        engine.cleanup()
    elif task == "refresh":
        engine.refresh()
    else:
        engine.stats(refresh=task == "stats-now")
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "memory": max(0, _memory("VmHWM") - before)}))


def _memory(name: str) -> int:
    """Return bytes that this process takes, or took at the most. getrusage would include who started it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
