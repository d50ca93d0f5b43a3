from __future__ import annotations

from pathlib import Path

import pytest

from shelflife.cli.options import area_names, past_moment_of, seconds_of, settings_of
from shelflife.clock import DAY, HOUR
from shelflife.errors import UsageError

_NOW = 1_800_000_000 * 10**9


@pytest.mark.parametrize(
    ("text", "seconds"), [("20h", 72_000), ("7d", 604_800), ("60", 60), ("0", 0), ("5s", 5)]
)
def test_a_duration_is_read_with_its_unit_or_as_seconds(text: str, seconds: int) -> None:
    assert seconds_of(text, "--within") == seconds


@pytest.mark.parametrize("text", ["1", "5", "59"])
def test_a_small_number_without_a_unit_is_asked_about(text: str) -> None:
    with pytest.raises(
        UsageError, match=rf'--within "{text}": {text} of what\? Say the unit, such as {text}h'
    ):
        seconds_of(text, "--within")


@pytest.mark.parametrize("text", ["", "h", "5x", "-5h", "1.5h"])
def test_what_is_no_duration_is_refused_with_the_name_of_its_option(text: str) -> None:
    with pytest.raises(UsageError, match=f'--within "{text}": '):
        seconds_of(text, "--within")


def test_a_moment_in_the_past_is_a_date_or_a_duration_ago() -> None:
    assert past_moment_of("7d", _NOW) == _NOW - 7 * DAY
    assert past_moment_of("12h", _NOW) == _NOW - 12 * HOUR
    assert past_moment_of("1970-01-02", _NOW) == DAY


def test_without_a_configuration_it_is_said_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="shelflife init --example"):
        settings_of(None)


def test_the_configuration_that_was_named_is_read_and_else_that_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "config.yaml", tmp_path / "other.yaml"
    for file, name in ((here, "here"), (there, "there")):
        file.write_text(
            f"storage: {{base_path: {name}, default_areas: false, areas: {{{name}: {{retention: 1d}}}}}}\n"
        )
    monkeypatch.chdir(tmp_path)
    assert area_names(None) == ["here"]
    assert area_names(there) == ["there"]
