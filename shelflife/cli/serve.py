"""`shelflife serve`: the routes and the schedule, without an application around them."""

from __future__ import annotations

import logging
from typing import Annotated

from shelflife.cli.grammar import Option
from shelflife.cli.options import Config, Json, settings_of
from shelflife.errors import UsageError


def serve(
    config: Config = None,
    as_json: Json = False,  # noqa: ARG001 - every verb takes it; errors are told in JSON then
    host: Annotated[
        str, Option("--host", help="The address to listen on: 127.0.0.1, unless given.")
    ] = "127.0.0.1",
    port: Annotated[
        int, Option("--port", least=0, most=65535, help="The port to listen on: 8000, unless given.")
    ] = 8000,
    log_format: Annotated[
        str,
        Option(
            "--log-format", metavar="FORM", help="How to log: text, unless given, or json: one object a line."
        ),
    ] = "text",
) -> int:
    """Serve the storage over HTTP and run its scheduled cleanups.

    Example: shelflife serve --port 8080
    """
    settings_of(config)  # what is wrong is told before anything starts
    try:
        from shelflife.web import create_app
        from shelflife.web.logs import LogFormat
        from shelflife.web.serving import serve as serve_app
    except ImportError as error:
        if (error.name or "").startswith("shelflife."):
            raise
        raise UsageError(
            f"{error.name} is missing, which serving needs: pip install 'shelflife[web]'"
        ) from None
    form = LogFormat.of(log_format)
    logging.getLogger("shelflife.cleanup").setLevel(logging.NOTSET)  # which the other verbs silence
    serve_app(create_app(lambda: settings_of(config)), host=host, port=port, log_format=form)
    return 0
