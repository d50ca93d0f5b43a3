from __future__ import annotations

from pathlib import Path

import pytest

from shelflife.cli.app import VERBS
from shelflife.cli.completion import words_after


def _after(line: str) -> list[str]:
    """Return what may stand at the end of a line, of which the last word is being typed."""
    return list(words_after(line.split(" ")))


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(
        "storage: {base_path: storage, areas: {scratch: {retention: 1d}}}\n"
    )
    (tmp_path / "other.yaml").write_text(
        "storage: {base_path: s, default_areas: false, areas: {inbox: {retention: 1d}}}\n"
    )


def test_at_first_there_are_the_verbs_and_what_every_verb_takes() -> None:
    assert _after("") == sorted([*VERBS, "--config", "--json", "--version", "--help"])
    assert _after("sta") == ["stats", "status"]
    assert _after("--j") == ["--json"]


def test_a_verb_with_commands_is_completed_by_them() -> None:
    assert _after("hold ") == ["add", "list", "remove"]
    assert _after("hold l") == ["list"]
    assert _after("hold nothing x") == []


def test_options_begin_with_a_dash() -> None:
    assert "--dry-run" in _after("cleanup --")
    assert _after("cleanup --dry") == ["--dry-run"]
    assert "--help" in _after("hold add --")


def test_areas_come_from_the_configuration_that_was_named() -> None:
    assert "scratch" in _after("cleanup ")
    assert _after("--config other.yaml cleanup ") == ["inbox"]
    assert _after("cleanup --config other.yaml in") == ["inbox"]
    assert _after("cleanup temp scr") == ["scratch"]


def test_where_nothing_can_be_read_nothing_is_offered() -> None:
    assert _after("--config missing.yaml cleanup ") == []
