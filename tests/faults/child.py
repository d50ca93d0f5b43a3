"""One cleanup in a process of its own, to be killed or lied to: `python -m tests.faults.child SETTINGS`.

SETTINGS is JSON, as `shelflife.Settings.build` takes it. Prints the run's report as JSON; on an error its name.
"""

from __future__ import annotations

import json
import os
import sys

import pathspec

from shelflife import Engine, Settings, ShelflifeError
from shelflife.files import mounts
from shelflife.policy.protection import Protection

MARK = "/cleanup-begins-here"
"""Looked for, in vain, right before the cleanup: system calls before this one are Python's own start."""

_LATE = (pathspec, mounts, Protection)
"""Imported before the mark, so that what comes after it is the cleanup and nothing else."""


def main() -> int:
    """Run the cleanup; return the exit code."""
    settings = Settings.build(**json.loads(sys.argv[1]))
    engine = Engine(settings)
    Protection(["*.none"]).deciding("x")  # compiles its patterns with modules that are imported late
    os.access(MARK, os.F_OK)
    try:
        report = engine.cleanup()
    except ShelflifeError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))
        return int(error.exit_code)
    print(json.dumps(report.as_json()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
