"""Checks of single values, in our own words: each returns the value, or raises `ValueError` with a reason.

Nothing is turned into what it may have been meant for: ``"1"`` is no number, and ``1`` is not true.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from shelflife.gitignore import parse
from shelflife.settings.secret import Secret
from shelflife.settings.spelling import did_you_mean

__all__ = [
    "at_most",
    "count",
    "natural_number",
    "one_of",
    "optional",
    "pattern",
    "positive",
    "secret",
    "text",
    "truth",
]

Kind = TypeVar("Kind", bound=StrEnum)
Value = TypeVar("Value")


def truth(value: object) -> bool:
    """Take true or false, and neither 0 nor "false"."""
    if value is True or value is False:
        return value
    raise ValueError("not a truth value; allowed: true, false")


def count(value: object) -> int:
    """Take a whole number from 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ValueError("not a count; allowed: a whole number from 1")


def at_most(most: int) -> Callable[[object], int]:
    """Take a whole number from 1 to `most`."""

    def check(value: object) -> int:
        if count(value) > most:
            raise ValueError(f"too many; allowed: 1 to {most}")
        return count(value)

    return check


def natural_number(value: object) -> int:
    """Take a whole number from 0."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("not a number; allowed: a whole number from 0")


def optional(parse: Callable[[object], Value]) -> Callable[[object], Value | None]:
    """Take what `parse` takes, and null."""

    def check(value: object) -> Value | None:
        return None if value is None else parse(value)

    return check


def positive(parse: Callable[[object], int]) -> Callable[[object], int]:
    """Take what `parse` takes, except zero."""

    def check(value: object) -> int:
        number = parse(value)
        if number == 0:
            raise ValueError("zero; allowed: anything above")
        return number

    return check


def text(parse: Callable[[str], str]) -> Callable[[object], str]:
    """Take text that `parse` takes."""

    def check(value: object) -> str:
        if isinstance(value, str):
            return parse(value)
        raise ValueError("not text; what is meant as text goes in quotes")

    return check


def secret(parse: Callable[[str], str]) -> Callable[[object], Secret]:
    """Take text that `parse` takes, as a secret, and what is one already: also pydantic's."""

    def check(value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        reveal = getattr(value, "get_secret_value", None)
        return Secret(text(parse)(value if reveal is None else reveal()))

    return check


def one_of(kind: type[Kind]) -> Callable[[object], Kind]:
    """Take the members of an enum, or their values."""
    allowed = [member.value for member in kind]

    def check(value: object) -> Kind:
        if value is False and "off" in allowed:  # which is how YAML 1.1 reads an unquoted off
            value = "off"
        if value in allowed:
            return kind(value)
        raise ValueError(f"unknown; allowed: {', '.join(allowed)}{did_you_mean(str(value), allowed)}")

    return check


def pattern(line: str) -> str:
    """Take a pattern of a .gitignore file.

    One that matches nothing would leave unprotected what it was meant for.
    """
    found = None if "\n" in line else parse(line)
    if found is None:
        raise ValueError("matches nothing: empty or a comment (write \\# for a name that begins with #)")
    if found.is_void:
        raise ValueError("matches nothing: gitignore wants each [ closed, and no \\ at the end")
    return line
