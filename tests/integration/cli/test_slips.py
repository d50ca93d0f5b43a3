"""Slips, as people make them, on real files: each is asked about before the first file goes."""

from __future__ import annotations

import os
import re

import pytest

from tests.integration.cli.conftest import CONFIG, Site

_FILES = 30


@pytest.fixture
def cleaned(site: Site) -> Site:
    """A site that loses what is expired, and has files of two to six days."""
    site.file("uploads/expired")
    assert site.call("cleanup", "--yes").code == 0
    assert not (site.base / "uploads/expired").exists()
    for number in range(_FILES):
        site.file(f"uploads/{number}.mp4", age=f"{number % 5 + 2}d")
    assert site.call("cleanup", "--yes").code == 0
    assert _left(site) == _FILES
    return site


def _left(site: Site) -> int:
    return sum(path.is_file() for path in (site.base / "uploads").rglob("*"))


@pytest.mark.parametrize(
    "uploads",
    [
        '{retention: 7, protect: ["*.keep"]}',  # typed for 7d
        '{retention: 1d, protect: ["*.keep"]}',
        '{retention: 7d, protect: ["*.keep"], max_files: 1}',
    ],
)
def test_a_slip_in_the_configuration_waits_for_a_person(cleaned: Site, uploads: str) -> None:
    cleaned.configure(CONFIG.replace('{retention: 7d, protect: ["*.keep"]}', uploads))
    refused = cleaned.call("cleanup", "--yes")
    assert (refused.code, _left(cleaned)) == (3, _FILES)
    assert re.search(r"(29|30) of 30 files \(\d+ B\) would go", refused.err)
    assert "since its last cleanup its " in refused.err


def test_a_size_without_a_unit_starts_nothing(cleaned: Site) -> None:
    cleaned.configure(CONFIG.replace("retention: 7d", "retention: 7d, quota: 200"))
    refused = cleaned.call("cleanup", "--yes")
    assert (refused.code, _left(cleaned)) == (2, _FILES)
    assert "Say the unit, such as 200GB" in refused.err


def test_an_area_that_is_pointed_at_something_else_waits_for_a_person(cleaned: Site) -> None:
    for number in range(_FILES):
        cleaned.file(f"movies/{number}.mkv", age="400d")
    cleaned.configure(CONFIG.replace("{retention: 7d,", "{retention: 7d, path: movies,"))
    refused = cleaned.call("cleanup", "--yes")
    assert refused.code == 3
    assert "its path was changed from uploads to movies" in refused.err
    assert len(os.listdir(cleaned.base / "movies")) == _FILES


def test_an_archive_that_is_moved_in_waits_for_a_person_and_plan_says_why(cleaned: Site) -> None:
    for number in range(10 * _FILES):
        cleaned.file(f"elsewhere/archive/{number}.mp4", age="400d")
    (cleaned.base / "elsewhere/archive").rename(cleaned.base / "uploads/archive")
    assert "300 of them were due at its last cleanup already" in cleaned.call("plan").out
    refused = cleaned.call("cleanup", "--yes", "--json")
    assert refused.code == 3
    assert _left(cleaned) == 11 * _FILES
    problem = refused.json["error"]
    assert problem["would_remove"]["areas"] == {"uploads": {"files": 300, "bytes": 3000}}
    (run, *_) = cleaned.call("history", "--json").json
    assert (run["state"], run["plan"]) == ("refused", problem["plan"])
    assert run["report"]["would_remove"] == problem["would_remove"]
    assert cleaned.call("cleanup", "--approve", problem["plan"]).code == 0
    assert _left(cleaned) == _FILES


def test_what_is_refused_each_night_is_one_line_of_the_history(site: Site) -> None:
    for number in range(_FILES):
        site.file(f"uploads/{number}.mp4")
    for _ in range(12):
        assert site.call("cleanup", "--yes").code == 3
    told = site.call("history").out
    assert told.count("refused") == 1
    assert "12 times" in told
    assert len(site.call("history", "--json").json) == 12
