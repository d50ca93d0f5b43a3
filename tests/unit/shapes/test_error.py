from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from shelflife.errors import CleanupBusy, NeedsApproval, Problem, SettingsError, ShelflifeError, UsageError
from shelflife.shapes.error import details_of, error_as_json


@dataclass
class _Holder:
    pid: int = 7
    host: str = "caf\udce9"
    since: datetime = datetime(2026, 11, 22, 2, tzinfo=UTC)


_PROBLEM = {"where": "config.yaml:3", "key": "storage.base_path", "reason": "not a path"}
_WOULD = {"files": 3, "bytes": 5, "areas": {}}


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (UsageError("x"), {}),
        (SettingsError([Problem(**_PROBLEM, value="hush")]), {"problems": [_PROBLEM | {"value": "hush"}]}),
        (
            NeedsApproval("abc", ["caf\udce9"], _WOULD),
            {"plan": "abc", "reasons": ["caf\\xe9"], "would_remove": _WOULD},
        ),
        (CleanupBusy(), {"holder": None}),
        (
            CleanupBusy(_Holder()),
            {"holder": {"pid": 7, "host": "caf\\xe9", "since": "2026-11-22T02:00:00+00:00"}},
        ),
    ],
)
def test_an_error_says_what_it_carries_besides_its_sentence(
    error: ShelflifeError, details: dict[str, Any]
) -> None:
    assert details_of(error) == details
    told = error_as_json(error)["error"]
    assert {key: told[key] for key in details} == details
    assert (told["type"], told["exit_code"]) == (error.meaning.slug, error.exit_code)
    json.dumps(told).encode()


def test_what_was_configured_is_left_out_for_those_it_is_not_for() -> None:
    error = SettingsError([Problem(**_PROBLEM, value="hush")])
    assert details_of(error, values=False) == {"problems": [_PROBLEM]}
