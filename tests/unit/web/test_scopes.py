"""Which scope a request needs, by where its route is."""

from __future__ import annotations

import pytest

from shelflife.scopes import Scope
from shelflife.web.scopes import below, scope_of


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
