"""What is left of an answer for callers who may see numbers only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.responses import JSONResponse, StreamingResponse

from shelflife.web.nameless import leave_out_names


def _left(body: Any, route: str = "/runs/{run}") -> Any:
    response = JSONResponse(body)
    leave_out_names(route, response)
    assert response.headers["content-length"] == str(len(response.body))
    return json.loads(bytes(response.body))


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"run": 1, "files": [{"path": "temp/a", "size": 1}]}, {"run": 1, "files": []}),
        ({"failures": [{"path": "temp/a", "errno": 5}], "failed": 1}, {"failures": [], "failed": 1}),
        ({"errors": ["temp/a: Input/output error"]}, {"errors": []}),
        ({"areas": {"temp": {"errors": ["temp/a"], "gone": 3}}}, {"areas": {"temp": {"errors": [], "gone": 3}}}),
        ({"hold": {"path": "temp/a", "path_b64": "eA==", "id": 3}}, {"hold": {"path": "", "id": 3}}),
        ([{"kind": "displaced", "text": "temp/a came back"}], [{"kind": "displaced", "text": ""}]),
        ({"state": "failed", "reason": "OSError: temp/a"}, {"state": "failed", "reason": ""}),
        ({"state": "refused", "reason": "12 of 20 files"}, {"state": "refused", "reason": "12 of 20 files"}),
        ({"current": {"largest": [{"path": "temp/a"}]}}, {"current": {"largest": []}}),
        ({"status": 422, "errors": [{"where": "body", "message": "no"}]},) * 2,
        ({"plan": "a1", "files": 12, "reasons": ["more than half"]},) * 2,
    ],
)  # fmt: skip
def test_no_name_of_a_file_is_left_and_every_number_is(body: Any, left: Any) -> None:
    assert _left(body) == left


def test_the_areas_own_directories_are_no_secret() -> None:
    stats = {"directories": {"temp": {"path": "/srv/data/temp", "files": 3}}}
    assert _left(stats, "/stats") == stats


def test_a_stream_is_not_looked_into() -> None:
    response = StreamingResponse(iter([b"{}"]), media_type="application/jsonl")
    leave_out_names("/plan/files", response)
    assert not hasattr(response, "body")
