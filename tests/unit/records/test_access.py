from __future__ import annotations

import pytest

from shelflife.records.access import SERVICE, Token
from shelflife.scopes import Scope

_READ = frozenset({Scope.READ})


@pytest.mark.parametrize(("parent", "owner"), [("", "ci"), ("ada", "ada"), (f"{SERVICE}abc", "admin")])
def test_a_session_is_used_by_whoever_has_the_token_it_was_made_for(parent: str, owner: str) -> None:
    assert Token(name="ci", scopes=_READ, parent=parent).owner == owner


@pytest.mark.parametrize(
    ("expires", "revoked", "valid"),
    [
        (None, None, True),
        (11, None, True),
        (10, None, False),
        (9, None, False),
        (None, 1, False),
        (11, 0, False),
    ],
)
def test_a_token_opens_something_until_it_expires_or_is_revoked(
    expires: int | None, revoked: int | None, *, valid: bool
) -> None:
    assert Token(name="ci", scopes=_READ, expires=expires, revoked=revoked).is_valid(10) is valid
