"""Serving an application as a program of its own: uvicorn, and log lines that are seen (`shelflife.web.logs`)."""

from __future__ import annotations

import errno
import logging
import socket
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

import uvicorn

from shelflife.errors import ExitCode, UsageError
from shelflife.web.logs import LogFormat, logging_config

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger(__name__)

WAIT_FOR_REQUESTS: Final = 2
"""Seconds that requests have left when the program is told to stop: a cleanup then ends within five."""

SWITCH_EVERY: Final = 0.0005
"""Seconds after which a thread that runs Python gives way to one that waits to. Python's own 5 ms, several times
in a request, are what readers would feel of a cleanup in the same process."""

_BACKLOG: Final = 2048
"""Connections that may wait to be accepted: as many as uvicorn has."""


def serve(app: FastAPI, *, host: str, port: int, log_format: LogFormat = LogFormat.TEXT) -> None:
    """Serve `app` until told to stop; port 0 is any free one.

    Raises UsageError if it cannot listen there: before the application starts, and with it the schedule.
    """
    sys.setswitchinterval(SWITCH_EVERY)
    with closing(_listening(host, port)) as listener:
        server = _Server(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=logging_config(log_format),
                access_log=False,  # `shelflife.web.logs` has its own, with ids and without paths
                timeout_graceful_shutdown=WAIT_FOR_REQUESTS,
                server_header=False,
                proxy_headers=False,  # which proxies are believed the settings say (`http.trusted_proxies`)
            )
        )
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(ExitCode.USAGE)  # the application did not start, and said why


class _Server(uvicorn.Server):
    """A server that says at which address it runs: of a socket that it was given, uvicorn names only numbers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve; see `uvicorn.Server`."""
        await super().startup(sockets)
        for listener in sockets or () if self.started else ():
            host, port = listener.getsockname()[:2]
            logger.info("running on http://%s:%d", f"[{host}]" if ":" in host else host, port)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            reason = "another program listens there already; choose another port with --port"
        raise UsageError(f"cannot listen on {host}, port {port}: {reason}") from error
