from __future__ import annotations

import errno
import json
from typing import Any

import pytest
from fastapi import HTTPException, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from shelflife.errors import MEANINGS, CleanupBusy, Problem, SettingsError, UsageError
from shelflife.web.problems import MEDIA_TYPE, documented, problem, problem_of


def _content(response: Response | None) -> dict[str, Any]:
    assert response is not None
    assert response.media_type == MEDIA_TYPE
    content: dict[str, Any] = json.loads(bytes(response.body))
    assert content["status"] == response.status_code
    return content


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (UsageError("no such area"), 422, "usage"),
        (CleanupBusy(), 409, "cleanup-busy"),
        (HTTPException(404, "nothing here"), 404, "not-found"),
        (StarletteHTTPException(405), 405, "method-not-allowed"),
        (OSError(errno.EIO, "x"), 503, "storage"),
        (OSError("without a number"), 503, "storage"),
    ],
)
def test_an_error_is_told_apart_by_its_type(error: Exception, status: int, slug: str) -> None:
    content = _content(problem_of(error))
    assert (content["status"], content["type"]) == (status, f"urn:shelflife:problem:{slug}")


def test_every_error_of_the_engine_has_a_title() -> None:
    for meaning in MEANINGS.values():
        content = _content(problem(meaning.http_status, meaning.slug, "x"))
        assert content["title"] not in ("Error", "Internal Server Error", "Conflict", "Service Unavailable")


def test_an_error_that_is_somebody_elses_is_left_to_them() -> None:
    class Own(HTTPException):
        pass

    assert problem_of(Own(404)) is None
    assert problem_of(ValueError("x")) is None


def test_what_was_sent_is_not_sent_back() -> None:
    fault = {"loc": ("body", "areas", 0), "msg": "not text", "input": "hush", "ctx": {"x": "hush"}}
    content = _content(problem_of(RequestValidationError([fault])))
    assert content["errors"] == [{"where": "body.areas.0", "message": "not text"}]
    assert content["detail"] == "body.areas.0: not text"
    assert "hush" not in json.dumps(content)


def test_a_wrong_configuration_is_counted_and_its_values_are_not_told() -> None:
    error = SettingsError([Problem(key="http", value="hush", reason="no")] * 2)
    content = _content(problem_of(error))
    assert content["detail"] == "2 problems in the configuration; nothing was done"
    assert "hush" not in json.dumps(content)


def test_an_unknown_status_is_a_problem_without_a_type() -> None:
    content = _content(problem(499, "", "gone \udcff", headers={"X-A": "1"}, extra=1))
    assert (content["type"], content["title"], content["extra"]) == ("about:blank", "Error", 1)
    assert content["detail"] == "gone \\xff"


def test_failures_are_documented_by_their_status() -> None:
    found = documented(_409="another one is running")
    assert found[409]["description"] == "another one is running"
    assert MEDIA_TYPE in found[409]["content"]
