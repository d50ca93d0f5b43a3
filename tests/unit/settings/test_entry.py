from __future__ import annotations

import pytest

from shelflife.errors import Problem
from shelflife.settings.entry import SettingsEntry, shown

_DEPTH = SettingsEntry(3, where="config.yaml:2", key="a.b", text="3")
_TREE = SettingsEntry(
    {
        "a": SettingsEntry({"b": _DEPTH}, where="config.yaml:1", key="a"),
        "l": SettingsEntry([SettingsEntry(7), SettingsEntry(8)]),
    }
)


def test_a_tree_is_plain_without_its_origins() -> None:
    assert _TREE.plain() == {"a": {"b": 3}, "l": [7, 8]}


def test_what_is_no_section_has_no_entries() -> None:
    assert _DEPTH.section == SettingsEntry(None).section == {}


def test_the_deepest_entry_on_the_way_is_found_with_what_is_left_of_it() -> None:
    assert _TREE.find(("a", "b")) == (_DEPTH, ())
    assert _TREE.find(("a", "b", "c")) == (_DEPTH, ("c",))
    assert _TREE.find(("a", "x", "y")) == (_TREE.section["a"], ("x", "y"))
    assert _TREE.find(("l", 1)) == (SettingsEntry(8), ())
    assert _TREE.find(("l", 2)) == (_TREE.section["l"], (2,))
    assert _TREE.find(("x",)) == (_TREE, ("x",))


def test_an_entry_is_put_at_its_place_and_the_tree_before_stays_as_it_was() -> None:
    new = SettingsEntry(9, where="environment A")
    put = _TREE.put(("a", "c", "d"), new)
    assert put.plain() == {"a": {"b": 3, "c": {"d": 9}}, "l": [7, 8]}
    assert put.find(("a", "c", "d"))[0] is new
    assert put.section["a"].where == "config.yaml:1"
    assert _TREE.plain() == {"a": {"b": 3}, "l": [7, 8]}


def test_nothing_is_put_below_what_is_no_section() -> None:
    assert _TREE.put(("a", "b", "c"), SettingsEntry(1)) == _TREE
    assert SettingsEntry(None).put(("a",), SettingsEntry(1)).plain() == {"a": 1}  # an empty section is one


def test_a_problem_names_place_key_and_value_as_they_were_written() -> None:
    assert _DEPTH.problem("too deep") == Problem(
        where="config.yaml:2", key="a.b", value="3", reason="too deep"
    )
    assert _DEPTH.become(5).problem("too deep").where == "config.yaml:2"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        ({}, "{}"),
        ({"a": 1}, "{…}"),
        ([], "[]"),
        ((1,), "[…]"),
        ("a", '"a"'),
        ("ä", '"ä"'),
        ("\udcff", '"\\\\udcff"'),
        ("x" * 80, f'"{"x" * 80}"'),
        ("x" * 81, f'"{"x" * 79}…"'),
    ],
)
def test_a_value_is_shown_as_in_a_file_and_short_enough_for_a_message(value: object, text: str) -> None:
    assert shown(value) == text
