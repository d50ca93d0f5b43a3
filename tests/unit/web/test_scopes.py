"""Which scope a request needs, by where its route is – in the program and in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shelflife.scopes import Scope
from shelflife.web.scopes import SCOPES, below, scope_of

PAGE = (Path(__file__).parents[3] / "docs" / "http.md").read_text(encoding="utf-8")


def test_the_table_in_the_docs_says_what_each_route_needs() -> None:
    rows = re.findall(r"^\| `(\w+) /storage(/\S*)` \|.*\| (\S+) \|$", PAGE, flags=re.MULTILINE)
    shown = {(method, path): needs.strip("`") for method, path, needs in rows}
    assert shown == {key: "–" if scope is None else scope.value for key, scope in SCOPES.items()}


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("/storage", "/storage/runs/{run}", "/runs/{run}"),
        ("/media/storage", "/v1/media/storage/stats", "/stats"),
        ("", "/stats", "/stats"),
        ("/trash", "/trash/trash/restore", "/trash/restore"),
    ],
)
def test_a_route_is_known_below_its_prefix_wherever_that_is(prefix: str, path: str, expected: str) -> None:
    assert below(prefix, path) == expected


def test_a_route_of_which_nothing_is_known_needs_admin() -> None:
    assert scope_of("GET", below("/storage", "/elsewhere")) is Scope.ADMIN
    assert scope_of("POST", "/new") is Scope.ADMIN
