"""Cleanups in processes of their own, to be killed or lied to: `python -m tests.faults.child`.

Reads requests, one line of JSON each: settings as `shelflife.Settings.build` takes them, and where to write the
report. For each it forks a process that stops at once, tells its number, and waits for its end. So whoever asked
can take hold of it before it does anything, and Python starts only once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from shelflife import Engine, Settings, ShelflifeError
from shelflife.files import mounts, primitives

_LATE = (mounts,)
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
            json.dump(_cleanup(request["settings"]), report)
    finally:
        os._exit(0)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _cleanup(values: dict[str, Any]) -> dict[str, Any]:
    try:
        return Engine(Settings.build(**values)).cleanup().as_json()
    except ShelflifeError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except BaseException:  # noqa: BLE001 - whatever it is, it is what the test is about
        return {"crash": traceback.format_exc()}


if __name__ == "__main__":
    main()
