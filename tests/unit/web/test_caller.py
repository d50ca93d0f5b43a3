from __future__ import annotations

from typing import Any

import pytest
from fastapi import HTTPException
from starlette.requests import Request

from shelflife.records.records import open_records
from shelflife.scopes import ALL_SCOPES, Scope
from shelflife.settings import Settings
from shelflife.testing import Storage
from shelflife.web.caller import COOKIE, LOOKING, NUMBERS, Caller, Callers, token_parent
from shelflife.web.service_token import VARIABLE, ServiceToken

_TOKEN = "the token of the service"


def _request(
    *, client: str | None = "127.0.0.1", scheme: str = "https", headers: dict[str, str] | None = None
) -> Request:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": scheme,
        "path": "/",
        "query_string": b"",
        "server": ("here", 443),
        "client": None if client is None else (client, 1),
        "headers": raw,
    }
    return Request(scope)


@pytest.fixture
def callers(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return callers of a storage whose service has a token, with other settings of `http:`."""
    monkeypatch.setenv(VARIABLE, _TOKEN)

    def make(**http: object) -> Callers:
        settings = Settings.build(base_path="/srv/storage-of-a-test", areas={"a": 1}, http=http)
        return Callers(
            lambda: open_records(storage.settings),
            lambda: settings.http,
            ServiceToken(lambda: open_records(storage.settings).state),
        )

    return make


def test_only_admin_implies_other_scopes() -> None:
    reader, admin = Caller(scopes=frozenset({Scope.READ})), Caller(scopes=frozenset({Scope.ADMIN}))
    assert [reader.may(scope) for scope in (Scope.READ, Scope.READ_PATHS, Scope.ADMIN)] == [
        True,
        False,
        False,
    ]
    assert all(admin.may(scope) for scope in Scope)


@pytest.mark.parametrize(("name", "status"), [("", 401), ("ci", 403)])
def test_nobody_is_asked_for_a_token_and_somebody_is_told_what_theirs_lacks(name: str, status: int) -> None:
    caller = Caller(name=name, scopes=frozenset({Scope.READ}))
    caller.require(Scope.READ)
    with pytest.raises(HTTPException) as caught:
        caller.require(Scope.HOLD)
    assert caught.value.status_code == status
    assert "hold" in caught.value.detail


def test_a_caller_of_some_areas_means_those_and_no_others() -> None:
    anywhere, somewhere = Caller(name="a"), Caller(name="b", areas=("frames", "temp"))
    assert (anywhere.require_areas(None), anywhere.require_areas(["x"])) == (None, ["x"])
    assert (somewhere.require_areas(None), somewhere.require_areas(["temp"])) == (
        ["frames", "temp"],
        ["temp"],
    )
    with pytest.raises(HTTPException, match="b is good for frames, temp, not for outputs") as caught:
        somewhere.require_areas(["temp", "outputs"])
    assert caught.value.status_code == 403


def test_a_secret_shows_in_no_text_of_a_caller() -> None:
    assert "hush" not in repr(Caller(name="a", secret="hush"))


@pytest.mark.parametrize(
    ("client", "headers", "scopes"),
    [
        ("127.0.0.1", {}, LOOKING),
        ("::1", {}, LOOKING),
        (None, {}, LOOKING),  # a socket on this machine
        ("testclient", {}, LOOKING),
        ("10.0.0.7", {}, NUMBERS),
        ("127.0.0.1", {"x-forwarded-for": "10.0.0.7"}, NUMBERS),
        ("127.0.0.1", {"forwarded": "for=10.0.0.7"}, NUMBERS),
        ("127.0.0.1", {"x-real-ip": "127.0.0.1"}, NUMBERS),
    ],
)
def test_nobody_may_look_on_this_machine_and_sees_numbers_from_elsewhere(
    callers: Any, client: str | None, headers: dict[str, str], scopes: frozenset[Scope]
) -> None:
    assert callers().of(_request(client=client, headers=headers)) == Caller(scopes=scopes)


def test_the_token_of_the_service_opens_everything_however_its_scheme_is_written(callers: Any) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        found = callers().of(_request(headers={"authorization": f"{scheme}  {_TOKEN} "}))
        assert (found.name, found.scopes) == ("admin", ALL_SCOPES)


@pytest.mark.parametrize("shown", ["Bearer wrong", "Bearer ", "bearer"])
def test_a_token_that_opens_nothing_does_not_make_its_bearer_nobody(callers: Any, shown: str) -> None:
    with pytest.raises(HTTPException) as caught:
        callers().of(_request(headers={"authorization": shown}))
    assert caught.value.status_code == 401


@pytest.mark.parametrize(
    ("headers", "believed"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://here", "host": "here"}, True),
        ({"origin": "http://here", "host": "here"}, False),
        ({"origin": "https://there", "host": "here"}, False),
        ({}, False),
    ],
)
def test_a_cookie_is_believed_on_requests_of_our_own_pages_only(
    callers: Any, headers: dict[str, str], *, believed: bool
) -> None:
    request = _request(headers={"cookie": f"{COOKIE}=unknown", **headers})
    if believed:  # then it is looked up, and opens nothing
        with pytest.raises(HTTPException, match="unknown"):
            callers().of(request)
    else:
        assert callers().of(request) == Caller(scopes=LOOKING)


@pytest.mark.parametrize(
    ("client", "user", "groups", "name", "scopes"),
    [
        ("10.0.0.7", "ada", "ops", "ada", {Scope.HOLD}),
        ("10.0.0.7", "ada", "none, ops ,more", "ada", {Scope.HOLD, Scope.READ}),
        ("10.0.0.7", "ada", "", "ada", set()),
        ("10.0.0.7", " ", "ops", "", NUMBERS),
        ("10.0.1.7", "ada", "ops", "", NUMBERS),  # no proxy of ours
        ("a-socket", "ada", "ops", "", LOOKING),
        (None, "ada", "ops", "", LOOKING),
    ],
)
def test_a_listed_proxy_is_believed_whom_it_names(
    callers: Any, client: str | None, user: str, groups: str, name: str, scopes: set[Scope]
) -> None:
    http = {
        "trusted_proxies": ["10.0.0.0/24"],
        "user_header": "X-User",
        "groups_header": "X-Groups",
        "groups": {"ops": ["hold"], "more": ["read"]},
    }
    found = callers(**http).of(_request(client=client, headers={"x-user": user, "x-groups": groups}))
    assert (found.name, found.scopes) == (name, frozenset(scopes))


def test_where_the_application_decides_it_names_the_caller(storage: Storage) -> None:
    settings = storage.settings
    callers = Callers(lambda: open_records(settings), lambda: settings.http, None, actor=lambda _: "ada")
    assert callers.of(_request(client="10.0.0.7")) == Caller(name="ada", scopes=ALL_SCOPES)
    silent = Callers(lambda: open_records(settings), lambda: settings.http, None)
    assert silent.of(_request()) == Caller(scopes=ALL_SCOPES)


def test_a_session_names_its_parent_without_telling_it() -> None:
    assert token_parent(_TOKEN) == token_parent(_TOKEN) != token_parent("another")
    assert _TOKEN not in token_parent(_TOKEN)
