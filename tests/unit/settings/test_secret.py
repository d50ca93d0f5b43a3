from __future__ import annotations

from shelflife.settings.secret import Secret


def test_a_secret_shows_in_no_text_and_can_be_asked_for() -> None:
    secret = Secret("pass-word")
    assert "pass-word" not in f"{secret} {secret!r} {[secret]}"
    assert secret.get_secret_value() == "pass-word"


def test_secrets_of_the_same_text_are_equal() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != "a"
