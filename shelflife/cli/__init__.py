"""The command line: one module a verb, each with its options, its call of the engine, and what it prints.

app       the verbs together, and what becomes of their errors
grammar   a verb is a function, its parameters are what may be typed; reading and help
options   what several verbs take
output    stdout for answers, stderr for everything else
terminal  how wide it is, its colours, what it can show
table     tables that fit
progress  a line on stderr, fed by the engine's events

What is heavy is imported by the verb that needs it, so that `shelflife --help` answers at once. Imported by
nothing below; only this part prints, and only this part handles signals.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Final, NoReturn

__all__ = ["main"]

_GARBAGE: Final = 50_000
"""Objects between two searches for garbage: imports make many and leave none, and to look costs them a tenth."""


def main() -> NoReturn:
    """Run the command line of this process, and exit with what came of it."""
    gc.set_threshold(_GARBAGE)
    from shelflife.cli.app import run

    _log_to_stderr()
    if sys.argv[1:2] != ["serve"]:
        os.environ.setdefault(
            "PYDANTIC_DISABLE_PLUGINS", "__all__"
        )  # else it reads about every package there is
    sys.exit(run(sys.argv[1:]))


def _log_to_stderr() -> None:
    """Show warnings of the parts below; a run's own lines not, since the verb that runs it tells the same."""
    import logging

    logging.basicConfig(level=logging.WARNING, format="shelflife: %(message)s")
    logging.getLogger("shelflife.cleanup").setLevel(logging.CRITICAL)
