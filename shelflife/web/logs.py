"""What a serving program logs: one line an event, as text for people or as JSON for programs.

A library configures no logging. `shelflife serve` and `python -m api.main` are programs, and use this. As JSON,
each line says also on whose behalf and because of which run, request and trace it was written, so that all that
came of one request can be found. No line has a token, an address with one, or the query of a request.
"""

from __future__ import annotations

import copy
import json
import logging
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from uvicorn.config import LOGGING_CONFIG

from shelflife.actor import current_actor
from shelflife.errors import UsageError
from shelflife.formats import visible
from shelflife.web.requests import current_ids

if TYPE_CHECKING:
    from shelflife.web.requests import Answered

__all__ = ["AccessLog", "JsonLines", "LogFormat", "logging_config"]

logger = logging.getLogger("shelflife.access")


class LogFormat(StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"

    @classmethod
    def of(cls, word: str) -> LogFormat:
        """Return the form of that name. Raises UsageError."""
        if word not in tuple(cls):
            raise UsageError(f'--log-format: "{visible(word)}" is none; allowed: {", ".join(cls)}')
        return cls(word)


_FACTS: Final = ("run", "actor", "via", "request", "trace", "method", "route", "status", "seconds")
"""What a line may say besides, in this order; each is left out where it is not known."""


class JsonLines(logging.Formatter):
    """Writes a line as one JSON object: time, level, logger, message, and what is known besides."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        actor, ids = current_actor(), current_ids()
        known = {"actor": actor.name, "request": actor.request or ids.request, "trace": ids.trace}
        if actor.name or actor.request:
            known["via"] = actor.via
        for fact in _FACTS:
            value = getattr(record, fact, None)
            if (value := known.get(fact) if value is None else value) not in (None, ""):
                line[fact] = value
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class AccessLog:
    """Writes a line for each request that ended: by the template of its route, which names no file."""

    def begin(self) -> None:
        """See `Watcher`."""

    def end(self, request: Answered) -> None:
        """See `Watcher`."""
        if not logger.isEnabledFor(logging.INFO):
            return
        known = {
            "method": request.method,
            "route": request.route,
            "status": request.status,
            "seconds": round(request.took, 4),
            "request": request.ids.request,
            "trace": request.ids.trace,
            "actor": request.caller,
        }
        logger.info(
            "%s %s %d, %.1f ms, request %s",
            request.method,
            request.route,
            request.status,
            request.took * 1000,
            request.ids.request,
            extra=known,
        )


def logging_config(form: LogFormat) -> dict[str, Any]:
    """Return the configuration of logging: the lines of `shelflife`, `api` and uvicorn, in one form."""
    config = copy.deepcopy(LOGGING_CONFIG)
    if form is LogFormat.JSON:
        config["formatters"] = {name: {"()": JsonLines} for name in config["formatters"]}
    else:
        config["formatters"]["default"]["fmt"] = "%(asctime)s %(levelprefix)s %(message)s"
    for name in ("api", "shelflife"):
        config["loggers"][name] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    # Ours has uvicorn's place: the template of a route instead of a path, and the ids.
    config["loggers"]["shelflife.access"] = {"handlers": ["access"], "level": "INFO", "propagate": False}
    config["formatters"]["access"] = config["formatters"]["default"]
    return config
