"""The media-analysis service over HTTP: the storage's routes, and what a service needs around them.

`uvicorn api.main:app`, or `python -m api.main [--host HOST] [--port PORT]`. Importing this module reads,
opens and starts nothing. When the application starts, it reads the configuration, makes the directories and
starts the scheduler of the process; with a wrong configuration it does not start, and lists what is wrong.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import TYPE_CHECKING

from api.scheduler import cleanup_scheduler, get_scheduler
from shelflife.errors import ExitCode, SettingsError, UsageError
from shelflife.web import create_app

if TYPE_CHECKING:
    pass

__all__ = ["app", "main"]

HOST = "127.0.0.1"
"""Where the service listens unless told otherwise: only programs on the same machine reach it."""

PORT = 8000


app = create_app(cleanup_scheduler.in_force, title="media-analysis-api", schedule=get_scheduler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return what the process exits with."""
    from shelflife.web.logs import LogFormat
    from shelflife.web.serving import serve

    parser = ArgumentParser(prog="python -m api.main", description="Serve the media-analysis API.")
    parser.add_argument("--host", default=HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="0: any free one (default: %(default)s)")
    parser.add_argument("--log-format", choices=["text", "json"], default="text", help="how to log")
    options = parser.parse_args(arguments)
    try:
        cleanup_scheduler.in_force.read()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - whoever started the program reads it
        return ExitCode.USAGE
    try:
        form = LogFormat(options.log_format)
        serve(app, host=options.host, port=options.port, log_format=form)
    except UsageError as error:
        print(error, file=sys.stderr)  # noqa: T201 - likewise
        return error.exit_code
    return ExitCode.DONE


if __name__ == "__main__":
    raise SystemExit(main())
