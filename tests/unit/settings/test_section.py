from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import BeforeValidator, ValidationInfo, field_validator

from shelflife.errors import SettingsError
from shelflife.settings import checks
from shelflife.settings.section import Fault, Section, faults

_Count = Annotated[int, BeforeValidator(checks.count)]


class _Inner(Section, frozen=True):
    size: _Count = 1
    sizes: tuple[_Count, ...] = ()


class _Outer(Section, frozen=True):
    sections: ClassVar[Mapping[str, type[Section]]] = {"inner": _Inner}

    first: _Count = 1
    last: _Count = 2
    inner: _Inner = _Inner()

    @field_validator("last")
    @classmethod
    def _check_order(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("first", value):
            raise ValueError("before the first")
        return value


class _Strict(Section, frozen=True):
    name: str


def _found(values: object, section: type[Section] = _Outer) -> list[tuple[tuple[str | int, ...], str]]:
    return [(fault.loc, fault.reason) for fault in faults(section, values)]


def test_right_values_have_no_faults() -> None:
    assert _found({"first": 2, "inner": {"size": 3}}) == []


def test_every_wrong_value_is_found_with_its_place() -> None:
    found = _found({"first": 0, "inner": {"size": 0, "sizes": [1, 0]}})
    assert [loc for loc, _ in found] == [("first",), ("inner", "size"), ("inner", "sizes", 1)]


def test_rules_between_fields_are_checked_although_other_fields_are_wrong() -> None:
    found = _found({"first": 5, "last": 4, "inner": {"size": 0}})
    assert sorted((loc, reason.partition(";")[0]) for loc, reason in found) == [
        (("inner", "size"), "not a count"),
        (("last",), "before the first"),
    ]


def test_what_is_only_wrong_because_something_was_left_out_is_not_told() -> None:
    assert faults(_Strict, {"name": 5}) == [
        Fault(("name",), 5, faults(_Strict, {"name": 5})[0].reason)
    ]  # and not that it is missing, besides


def test_what_is_missing_or_no_section_is_said_in_our_words() -> None:
    assert _found({}, _Strict) == [(("name",), "missing")]
    assert _found({"inner": 5}) == [(("inner",), "not a section; allowed: a mapping of keys to values")]
    assert _found({"inner": {"sizes": 5}}) == [(("inner", "sizes"), "not a list")]


def test_an_unknown_key_is_told_with_those_of_its_own_section() -> None:
    assert _found({"inner": {"sise": 5}}) == [
        (("inner", "sise"), 'unknown key; allowed: size, sizes (did you mean "size"?)')
    ]


def test_a_section_made_wrongly_raises_all_its_problems() -> None:
    wrong: dict[str, Any] = {"first": 0, "inner": {"size": "x"}}
    with pytest.raises(SettingsError) as caught:
        _Outer(**wrong)
    assert [(problem.key, problem.value) for problem in caught.value.problems] == [
        ("first", "0"),
        ("inner.size", '"x"'),
    ]
