"""The table "Where do I change …?" in CONTRIBUTING.md leads to files that are there, and names what they have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

_ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`([^`]+)`")
_FILE = re.compile(r"[\w./-]*\w\.(py|c|md|yaml|json)|[\w-]+/|[\w/-]+/\w+/")
_NAME = re.compile(r"\w+(\.\w+)?")


class Row(NamedTuple):
    wish: str
    answer: str


def _rows() -> list[Row]:
    text = (_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("## Where do I change") : text.index("## Layout")]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return [Row(row[0], row[1]) for row in rows if row[0] != "I want to …" and not row[0].startswith("-")]


def _places(answer: str) -> list[Path]:
    """Return the files that a row names: below the package or the checkout, or beside the one before it."""
    found: list[Path] = []
    for name in _NAMED.findall(answer):
        if _FILE.fullmatch(name):
            homes = [_ROOT / "shelflife", _ROOT, *(place.parent for place in found[-1:])]
            if "/" not in name:
                homes.reverse()
            found.append(next((home / name for home in homes if (home / name).exists()), _ROOT / name))
    return found


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row.wish)
def test_each_change_begins_in_files_that_are_there_and_have_what_is_named(row: Row) -> None:
    places = _places(row.answer)
    assert places
    assert [place for place in places if not place.exists()] == []
    texts = "".join(place.read_text(encoding="utf-8") for place in places if place.is_file())
    names = [
        name for name in _NAMED.findall(row.answer) if _NAME.fullmatch(name) and not _FILE.fullmatch(name)
    ]
    assert [name for name in names if name.rpartition(".")[2] not in texts] == []


def test_the_table_is_read() -> None:
    assert len(_rows()) > 40
