from __future__ import annotations

import pytest

from shelflife.settings.spelling import closest, did_you_mean


@pytest.mark.parametrize(
    ("word", "guess"),
    [
        ("upload", "uploads"),
        ("UPLOADS", "uploads"),
        ("contact-sheets", "contact_sheets"),
        ("contactsheets", "contact_sheets"),
        ("xyz", None),
        ("", None),
    ],
)
def test_a_guess_is_the_choice_most_like_a_word_or_none(word: str, guess: str | None) -> None:
    assert closest(word, ["temp", "uploads", "contact_sheets"]) == guess


def test_a_guess_is_made_in_the_spelling_of_the_choice() -> None:
    assert closest("contact_sheet", ["contact-sheets"]) == "contact-sheets"


def test_a_message_ends_with_a_guess_unless_it_is_the_word_itself() -> None:
    assert did_you_mean("tmp", ["temp"]) == ' (did you mean "temp"?)'
    assert did_you_mean("temp", ["temp"]) == ""
    assert did_you_mean("temp", []) == ""


def test_how_alike_a_guess_must_be_can_be_chosen() -> None:
    assert closest("tp", ["temp"], cutoff=0.9) is None
    assert closest("tp", ["temp"], cutoff=0.3) == "temp"
