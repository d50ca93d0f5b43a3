from __future__ import annotations

from typing import Any

import pytest

from shelflife.errors import UsageError
from shelflife.records.access import Token
from shelflife.records.sqlite.journal_file import open_journal
from shelflife.records.sqlite.tokens import PREFIX
from shelflife.records.state import StateDirectory
from shelflife.scopes import Scope

_MINUTE = 60 * 10**9


def _token(name: str, **others: Any) -> Token:
    return Token(name=name, scopes=frozenset([Scope.READ]), **others)


def test_a_token_is_known_by_its_secret_which_nobody_keeps(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        secret = journal.tokens.add(
            Token(
                name="ada",
                scopes=frozenset([Scope.READ, Scope.HOLD]),
                areas=("temp",),
                created=5,
                created_by="root",
            )
        )
        assert secret.startswith(PREFIX)
        assert len(secret) >= len(PREFIX) + 43  # 256 bits in Base64
        found = journal.tokens.find(secret)
        assert found is not None
        assert (found.name, found.scopes, found.areas) == (
            "ada",
            frozenset([Scope.READ, Scope.HOLD]),
            ("temp",),
        )
        assert (found.created, found.created_by, found.is_valid(6)) == (5, "root", True)
        assert journal.tokens.find(secret[:-1]) is None
        assert journal.tokens.find("\udcff") is None
    for path in state.path.iterdir():
        assert secret.encode() not in path.read_bytes()


def test_a_name_is_taken_until_its_token_is_revoked(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        first = journal.tokens.add(_token("ada", created=1))
        with pytest.raises(UsageError, match="there is a token ada already"):
            journal.tokens.add(_token("ada", created=2))
        assert journal.tokens.revoke("ada", 3)
        assert not journal.tokens.revoke("ada", 4)
        second = journal.tokens.add(_token("ada", created=5))
        old, new = journal.tokens.find(first), journal.tokens.find(second)
        assert old is not None
        assert not old.is_valid(6)
        assert new is not None
        assert new.is_valid(6)
        assert [token.created for token in journal.tokens.all()] == [5]
        assert [token.created for token in journal.tokens.all(revoked=True)] == [1, 5]


def test_another_process_knows_at_once_that_a_token_was_revoked(state: StateDirectory) -> None:
    with open_journal(state) as journal, open_journal(state) as other:
        secret = journal.tokens.add(_token("ada", created=1))
        assert (found := other.tokens.find(secret)) is not None
        assert found.is_valid(2)
        journal.tokens.revoke("ada", 2)
        assert (found := other.tokens.find(secret)) is not None
        assert not found.is_valid(2)


def test_a_token_opens_nothing_from_the_moment_of_its_end_on(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        found = journal.tokens.find(journal.tokens.add(_token("ada", created=1, expires=10)))
        assert found is not None
        assert (found.is_valid(9), found.is_valid(10)) == (True, False)


def test_its_use_is_noted_once_a_minute(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        secret = journal.tokens.add(_token("ada", created=1))
        for moment in (_MINUTE, _MINUTE + 1, 2 * _MINUTE - 1):
            journal.tokens.note_use(secret, moment)
        assert journal.tokens.all()[0].last_used == _MINUTE
        journal.tokens.note_use(secret, 2 * _MINUTE)
        assert journal.tokens.all()[0].last_used == 2 * _MINUTE


def test_a_session_ends_with_its_token(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        journal.tokens.add(_token("ada", created=1))
        session = journal.tokens.find(journal.tokens.add(_token("session 1", created=2, parent="ada")))
        assert session is not None
        assert (session.owner, session.is_valid(3)) == ("ada", True)
        assert [token.name for token in journal.tokens.all()] == ["ada"]
        secret = journal.tokens.add(_token("session 2", created=2, parent="ada"))
        journal.tokens.revoke("ada", 3)
        found = journal.tokens.find(secret)
        assert found is not None
        assert not found.is_valid(4)
