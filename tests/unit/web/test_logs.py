"""One line an event, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from shelflife.actor import Actor, Via, acting
from shelflife.errors import UsageError
from shelflife.web.logs import AccessLog, JsonLines, LogFormat, logging_config
from shelflife.web.requests import Answered, Ids


def line_of(record: logging.LogRecord) -> dict[str, object]:
    text = JsonLines().format(record)
    assert "\n" not in text
    line: dict[str, object] = json.loads(text)
    return line


def a_record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("shelflife.test").makeRecord(
        "shelflife.test", logging.INFO, __file__, 1, message, arguments, None, extra=extra
    )


def test_a_line_is_one_object_with_what_is_known_and_nothing_else() -> None:
    line = line_of(a_record("two\nlines and %s", "ä"))
    assert line.pop("time", "").endswith("+00:00")  # type: ignore[attr-defined]  # a str, else this fails
    assert line == {"level": "info", "logger": "shelflife.test", "message": "two\nlines and ä"}


def test_a_line_says_on_whose_behalf_and_of_which_run() -> None:
    with acting(Actor(name="ada", via=Via.HTTP, request="7f3a")):
        line = line_of(a_record("text", run=17))
    assert (line["run"], line["actor"], line["via"], line["request"]) == (17, "ada", "http", "7f3a")


def test_an_error_is_part_of_its_line() -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        record = a_record("text")
        record.exc_info = sys.exc_info()
    assert "ValueError: wrong" in str(line_of(record)["error"])


def test_a_request_is_logged_by_its_route_with_its_ids(caplog: pytest.LogCaptureFixture) -> None:
    ids = Ids("7f3a", "4bf92f3577b34da6a3ce929d0e0e4736")
    done = Answered(
        method="GET", route="/storage/why", status=200, began=0.01, took=0.0123, ids=ids, caller="ada"
    )
    with caplog.at_level(logging.INFO, logger="shelflife.access"):
        AccessLog().end(done)
    line = line_of(caplog.records[0])
    del line["time"]
    assert line == {
        "level": "info",
        "logger": "shelflife.access",
        "message": "GET /storage/why 200, 12.3 ms, request 7f3a",
        "actor": "ada",
        "request": "7f3a",
        "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
        "method": "GET",
        "route": "/storage/why",
        "status": 200,
        "seconds": 0.0123,
    }


def test_a_form_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match='"xml" is none; allowed: text, json'):
        LogFormat.of("xml")


@pytest.mark.parametrize("form", LogFormat)
def test_every_handler_of_a_program_writes_one_form(form: LogFormat) -> None:
    config = logging_config(form)
    used = {config["formatters"][handler["formatter"]]["()"] for handler in config["handlers"].values()}
    assert len(used) == 1
    assert (JsonLines in used) is (form is LogFormat.JSON)
