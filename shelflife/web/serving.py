"""Serving an application as a program of its own: uvicorn, and log lines that people see.

A library configures no logging. Here we are the program, so the lines of `shelflife` and `api` go where
uvicorn's own go.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.config import LOGGING_CONFIG

if TYPE_CHECKING:
    from fastapi import FastAPI

WAIT_FOR_REQUESTS: Final = 2
"""Seconds that requests have left when the program is told to stop: a cleanup then ends within five."""


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Serve `app` until told to stop; port 0 is any free one."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=_logging(),
        timeout_graceful_shutdown=WAIT_FOR_REQUESTS,
        server_header=False,
        proxy_headers=False,  # who is a proxy say the settings of the storage (`http.trusted_proxies`)
    )


def _logging() -> dict[str, Any]:
    config = copy.deepcopy(LOGGING_CONFIG)
    formatters = {"default": "%(levelprefix)s %(message)s", "access": config["formatters"]["access"]["fmt"]}
    for name, text in formatters.items():
        config["formatters"][name]["fmt"] = f"%(asctime)s {text}"
    for name in ("api", "shelflife"):
        config["loggers"][name] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    return config
