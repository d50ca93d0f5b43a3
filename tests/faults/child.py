"""Cleanups in processes of their own, to be killed or lied to: `python -m tests.faults.child`.

Reads requests, one line of JSON each: settings as `shelflife.Settings.build` takes them, the run to restore or
what to receive instead of cleaning up, and where to write the report. For each it forks a process that stops at
once, tells its number, and waits for its end. So whoever asked can take hold of it before it does anything, and
Python starts only once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from shelflife import Engine, Selection, Settings, ShelflifeError
from shelflife.files import draft, mounts, primitives
from shelflife.receive import incoming
from shelflife.records import statistics
from shelflife.run import restore, retention, run

_LATE = (incoming, mounts, restore, retention, run, statistics)
"""Imported here, so that what a cleanup does is the cleanup and nothing else."""

primitives.chosen()  # loaded here, likewise


def main() -> None:
    """Serve until there are no more requests."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _be_child(request)
        os.waitpid(child, os.WUNTRACED)
        _say(child)
        _, status = os.waitpid(child, 0)
        _say(status)


def _be_child(request: dict[str, Any]) -> NoReturn:
    try:
        with Path(request["report"]).open("w") as report:  # opened before anything is sabotaged
            os.kill(os.getpid(), signal.SIGSTOP)
            json.dump(_act(request["settings"], request["restores"], request["receives"]), report)
    finally:
        os._exit(0)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _act(values: dict[str, Any], restores: int | None, receives: dict[str, Any] | None) -> dict[str, Any]:
    try:
        engine = Engine(Settings.build(**values))
        if restores is not None:
            return engine.bring_back(Selection(runs=(restores,))).as_json()
        if receives is not None:
            return _receive(engine, **receives)
        return engine.cleanup().as_json()
    except ShelflifeError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except BaseException:  # noqa: BLE001 - whatever it is, it is what the test is about
        return {"crash": traceback.format_exc()}


def _receive(engine: Engine, area: str, path: str, size: int, named: bool, overwrite: bool) -> dict[str, Any]:
    if named:
        draft.NamelessDraft.begin = lambda directory: None  # type: ignore[method-assign]
    with engine.receive(area, path, size=size) as incoming:
        for _ in range(4):
            incoming.write(b"x" * (size // 4))
        incoming.publish(overwrite=overwrite)
    return {"state": "done"}


if __name__ == "__main__":
    main()
