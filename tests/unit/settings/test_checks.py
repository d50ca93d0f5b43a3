from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from shelflife.settings import checks
from shelflife.settings.secret import Secret


class _Colour(StrEnum):
    RED = "red"
    OFF = "off"


def _upper(text: str) -> str:
    if text.islower():
        raise ValueError("lower case")
    return text


_TAKEN: list[tuple[Any, object, object]] = [
    (checks.truth, True, True),
    (checks.truth, False, False),
    (checks.count, 1, 1),
    (checks.natural_number, 0, 0),
    (checks.at_most(8), 1, 1),
    (checks.at_most(8), 8, 8),
    (checks.optional(checks.count), None, None),
    (checks.optional(checks.count), 2, 2),
    (checks.positive(checks.natural_number), 3, 3),
    (checks.text(_upper), "A", "A"),
    (checks.one_of(_Colour), "red", _Colour.RED),
    (checks.one_of(_Colour), _Colour.OFF, _Colour.OFF),
    (checks.one_of(_Colour), False, _Colour.OFF),  # an unquoted off, to YAML
    (checks.pattern, "*.log", "*.log"),
    (checks.pattern, "\\#a", "\\#a"),
]

_REFUSED: list[tuple[Any, object, str]] = [
    (checks.truth, 1, "not a truth value"),
    (checks.truth, "false", "not a truth value"),
    (checks.truth, None, "not a truth value"),
    (checks.count, 0, "from 1"),
    (checks.count, True, "from 1"),
    (checks.count, 1.5, "from 1"),
    (checks.count, "1", "from 1"),
    (checks.natural_number, -1, "from 0"),
    (checks.natural_number, False, "from 0"),
    (checks.at_most(8), 9, "allowed: 1 to 8"),
    (checks.at_most(8), -1, "from 1"),
    (checks.optional(checks.count), 0, "from 1"),
    (checks.positive(checks.natural_number), 0, "zero"),
    (checks.text(_upper), "a", "lower case"),
    (checks.text(_upper), 5, "in quotes"),
    (checks.one_of(_Colour), "rot", "allowed: red, off"),
    (checks.one_of(_Colour), "rad", 'did you mean "red"'),
    (checks.one_of(_Colour), None, "allowed: red, off"),
    (checks.pattern, "", "empty or a comment"),
    (checks.pattern, "# a", "empty or a comment"),
    (checks.pattern, "a\nb", "empty or a comment"),
    (checks.pattern, "a[", "closed"),
    (checks.pattern, "a\\", "closed"),
]


@pytest.mark.parametrize(("check", "value", "taken"), _TAKEN)
def test_a_right_value_is_taken_as_what_it_means(check: Any, value: object, taken: object) -> None:
    assert check(value) == taken
    assert type(check(value)) is type(taken)


@pytest.mark.parametrize(("check", "value", "reason"), _REFUSED)
def test_a_wrong_value_is_refused_with_what_is_allowed(check: Any, value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check(value)


def test_off_is_not_taken_for_a_word_that_there_is_not() -> None:
    class Other(StrEnum):
        RED = "red"

    with pytest.raises(ValueError, match="allowed: red"):
        checks.one_of(Other)(False)


def test_a_secret_shows_in_no_message_and_may_be_one_already() -> None:
    check = checks.secret(_upper)
    taken = check("PASSWORD")
    assert taken.get_secret_value() == "PASSWORD"
    assert "PASSWORD" not in repr(taken)
    assert check(taken) is taken
    assert isinstance(taken, Secret)
    with pytest.raises(ValueError, match="lower case"):
        check("password")
