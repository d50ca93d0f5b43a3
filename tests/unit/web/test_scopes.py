from __future__ import annotations

import pytest

from shelflife.scopes import Scope
from shelflife.web.scopes import SCOPES, scope_of


def test_a_route_that_nobody_put_down_needs_admin() -> None:
    assert scope_of("POST", "/new") is Scope.ADMIN
    assert scope_of("PUT", "/stats") is Scope.ADMIN


def test_a_head_request_needs_what_a_get_needs() -> None:
    for method, path in SCOPES:
        if method == "GET":
            assert scope_of("HEAD", path) is scope_of("GET", path)


@pytest.mark.parametrize(("method", "path"), SCOPES)
def test_no_scope_for_looking_changes_anything(method: str, path: str) -> None:
    looking = {Scope.READ, Scope.READ_PATHS, Scope.PLAN}
    if path != "/session":  # which is about the caller alone
        assert (scope_of(method, path) in looking) is (
            method == "GET" and scope_of(method, path) is not Scope.ADMIN
        )
