"""The token of the service; that it opens what it should, see `tests/integration/web/test_guard.py`."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from shelflife.errors import StorageError
from shelflife.testing import Storage
from shelflife.web.service_token import VARIABLE, ServiceToken, same


def test_an_empty_variable_counts_as_unset(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " ")
    token = ServiceToken(lambda: storage.engine.state)
    assert len(token.expected()) > 30
    assert not token.matches("")
    assert not token.matches(" ")


def test_a_damaged_token_lets_nobody_in(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    token = ServiceToken(lambda: storage.engine.state)
    token.expected()
    (storage.settings.state_path / "api-token").write_text("")
    with pytest.raises(StorageError, match="damaged"):
        token.matches("")


def test_workers_that_start_together_make_one_token(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: ServiceToken(lambda: storage.engine.state).expected(), range(8)))
    assert len(set(tokens)) == 1


def test_a_changed_token_holds_at_once(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    token = ServiceToken(lambda: storage.engine.state)
    first = token.expected()
    os.unlink(storage.settings.state_path / "api-token")
    assert not token.matches(first)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("a", "a", True), ("a", "b", False), ("\udcff", "\udcff", True), ("", "a", False)],
)
def test_texts_are_compared_whatever_is_in_them(one: str, other: str, *, alike: bool) -> None:
    assert same(one, other) is alike
