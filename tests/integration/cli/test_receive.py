"""`shelflife receive`: standard input becomes a file, or nothing."""

from __future__ import annotations

import io
import sys

import pytest

from tests.integration.cli.conftest import Site


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    given = io.BytesIO(b"hello")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given))
    return given


def test_standard_input_becomes_a_file(site: Site, stdin: io.BytesIO) -> None:
    result = site.call("receive", "uploads/4711/clip.mp4", "--size", "5", "--json")
    assert (result.code, result.json) == (0, {"path": "uploads/4711/clip.mp4", "bytes": 5})
    assert (site.base / "uploads/4711/clip.mp4").read_bytes() == b"hello"


def test_for_people_it_says_where_it_is(site: Site, stdin: io.BytesIO) -> None:
    result = site.call("receive", "contact-sheets/a.jpg")
    assert result.out == f"{site.base / 'contact-sheets/a.jpg'} (5 bytes)\n"


def test_what_does_not_fit_ends_with_5_and_is_not_read(site: Site, stdin: io.BytesIO) -> None:
    result = site.call("receive", "uploads/clip.mp4", "--size", "900TB", "--json")
    assert (result.code, result.json["error"]["type"]) == (5, "no-room")
    assert result.json["error"]["needed"] == 900 * 10**12
    assert stdin.tell() == 0
    assert not (site.base / "uploads/clip.mp4").exists()


@pytest.mark.parametrize("size", ["4", "6"])
def test_what_is_shorter_or_longer_than_announced_is_not_published(
    site: Site, stdin: io.BytesIO, size: str
) -> None:
    result = site.call("receive", "uploads/clip.mp4", "--size", size)
    assert result.code == 2
    assert f"5 bytes came, not {size}: nothing was published" in result.err
    assert not (site.base / "uploads/clip.mp4").exists()


def test_a_name_that_is_taken_is_replaced_only_if_asked(site: Site, stdin: io.BytesIO) -> None:
    old = site.file("uploads/clip.mp4")
    assert site.call("receive", "uploads/clip.mp4").code == 2
    assert old.read_bytes() != b"hello"
    stdin.seek(0)
    assert site.call("receive", "uploads/clip.mp4", "--overwrite").code == 0
    assert old.read_bytes() == b"hello"


@pytest.mark.parametrize("target", ["uploads", "uploads/", "nowhere/a", "uploads/../a"])
def test_what_names_no_file_in_an_area_is_refused(site: Site, stdin: io.BytesIO, target: str) -> None:
    assert site.call("receive", target).code == 2


def test_a_size_that_is_none_is_refused(site: Site, stdin: io.BytesIO) -> None:
    result = site.call("receive", "uploads/a", "--size", "much")
    assert (result.code, '--size "much"' in result.err) == (2, True)
