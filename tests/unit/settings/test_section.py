from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from shelflife.errors import SettingsError
from shelflife.settings import AlertsSettings, AreaSettings, RuleSettings, Settings
from shelflife.settings.entry import Loc
from shelflife.settings.section import Fault, Section, attempt, field, listed, section


def _digit(value: object) -> int:
    if isinstance(value, int) and 0 <= value <= 9:
        return value
    raise ValueError("not a digit")


class Inner(Section):
    """A section in another one."""

    least: int = field(_digit, default=0)
    most: int = field(_digit, default=9)

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> Iterator[tuple[Loc, object, str]]:
        """Yield a most that is below the least."""
        if values.get("least", 0) > values.get("most", 9):
            yield ("most",), values["most"], "below the least"


class Outer(Section):
    """A section with all kinds of keys."""

    first: int = field(_digit)
    many: tuple[int, ...] = field(listed(_digit), default=())
    inner: Inner = section(Inner, default=Inner())
    maybe: Inner | None = section(Inner, default=None)


def test_each_key_is_read_by_what_reads_it_and_the_others_have_their_defaults() -> None:
    made = Outer(first=1, many=[2, 3], inner={"most": 5})  # type: ignore[arg-type]  # as in a file
    assert (made.first, made.many, made.inner, made.maybe) == (1, (2, 3), Inner(most=5), None)
    assert made.given == {"first", "many", "inner"}
    assert made.inner.given == {"most"}
    assert Outer.read(made) is made


def test_every_fault_says_where_it_is_also_those_that_show_only_when_the_others_are_left_out() -> None:
    made, faults = attempt(
        Outer,
        {"many": [1, 10], "inner": {"least": 7, "most": 3, "lest": 1}, "maybe": {"least": "x", "most": 10}},
    )
    assert made is None
    assert {fault.loc: fault.reason.partition(" (did")[0] for fault in faults} == {
        ("first",): "missing",
        ("many", 1): "not a digit",
        ("inner", "lest"): "unknown key; allowed: least, most",
        ("inner", "most"): "below the least",
        ("maybe", "least"): "not a digit",
        ("maybe", "most"): "not a digit",
    }


def test_what_is_no_section_and_no_list_is_refused_as_a_whole() -> None:
    assert attempt(Outer, 5) == (None, [Fault((), 5, "not a section; allowed: a mapping of keys to values")])
    assert attempt(Outer, {"first": 1, "inner": None}) == (
        None,
        [Fault(("inner",), None, "not a section; allowed: a mapping of keys to values")],
    )
    assert attempt(Outer, {"first": 1, "many": "12"}) == (None, [Fault(("many",), "12", "not a list")])


def test_a_section_that_may_be_null_is_null() -> None:
    assert Outer(first=1, maybe=None).maybe is None


def test_a_copy_has_other_values_and_counts_them_as_given() -> None:
    area = AreaSettings(retention=5)
    other = area.but(path="x")
    assert (area.path, other.path, other.retention) == ("", "x", 5)
    assert area.given == {"retention"}
    assert other.given == {"retention", "path"}


def test_sections_of_the_same_values_are_equal_whatever_was_given() -> None:
    assert RuleSettings(match=("a",), retention=5) == RuleSettings(match=("a",), retention=5)
    assert hash(RuleSettings(match=("a",), retention=5)) == hash(RuleSettings(match=("a",), retention=5))
    assert Inner() == Inner(least=0) != Inner(least=1)
    assert Inner() != Outer(first=0)


def test_nothing_can_be_set_or_deleted() -> None:
    with pytest.raises(AttributeError, match="never change"):
        Inner().least = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="never change"):
        del Inner().least


def test_settings_are_json_without_their_secrets() -> None:
    settings = Settings.build(
        base_path="/srv/storage-of-a-test",
        areas={"a": {"retention": 1, "rules": [{"match": "*.log", "retention": 2}]}},
        alerts={"urls": ["mailto://u:pass-word@x"]},
    )
    plain = json.loads(json.dumps(settings.plain()))
    assert plain["base_path"] == "/srv/storage-of-a-test"
    assert plain["areas"]["a"]["rules"] == [{"match": ["*.log"], "retention": 2}]
    assert plain["areas"]["a"]["expire"] == "file"
    assert plain["alerts"]["urls"] == ["**********"]
    assert plain["pressure"] is None


def test_a_secret_of_pydantic_is_a_secret() -> None:
    given: Any = [SecretStr("mailto://u:pass-word@x")]
    alerts = AlertsSettings(urls=given)
    assert alerts.urls[0].get_secret_value() == "mailto://u:pass-word@x"
    assert "pass-word" not in f"{alerts} {alerts!r}"
    with pytest.raises(SettingsError, match="not an address"):
        AlertsSettings(urls=[SecretStr("x")])  # type: ignore[arg-type]
