"""Tokens on the command line."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from shelflife.web import create_app
from tests.integration.cli.conftest import Site
from tests.integration.web.conftest import seen_from


def test_a_token_is_made_listed_used_and_revoked(site: Site) -> None:
    made = site.call(
        *("token", "add", "dashboard", "--scope", "read:paths", "--scope", "hold"),
        *("--area", "uploads", "--expires", "+90d", "--json"),
    ).json
    assert (made["scopes"], made["areas"], made["revoked"]) == (["hold", "read:paths"], ["uploads"], None)
    [listed] = site.call("token", "list", "--json").json
    assert listed == {name: value for name, value in made.items() if name != "token"}
    shown = {"Authorization": f"Bearer {made['token']}"}
    with TestClient(seen_from("203.0.113.7", create_app(site.engine.settings))) as client:
        assert client.get("/storage/holds", headers=shown).status_code == 200
        assert site.call("token", "revoke", "dashboard").code == 0
        assert client.get("/storage/holds", headers=shown).status_code == 401
    assert site.call("token", "list").out == "there are no tokens\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "dashboard"), "without --scope"),
        (("add", "dashboard", "--scope", "all"), '--scope "all": not a scope; allowed: read'),
        (("add", "-", "--scope", "read"), "not a name for a token"),
        (("add", "dashboard", "--scope", "read", "--area", "nowhere"), "nowhere"),
        (("add", "dashboard", "--scope", "read", "--expires", "soon"), "--expires"),
        (("revoke", "nobody"), "there is no token nobody"),
    ],
)
def test_what_makes_no_sense_is_told_and_makes_no_token(
    site: Site, words: tuple[str, ...], reason: str
) -> None:
    result = site.call("token", *words)
    assert result.code == 2
    assert reason in result.err
    assert site.call("token", "list", "--json").json == []
