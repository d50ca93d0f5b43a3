"""A few patterns that everybody knows; `tests/acceptance/test_gitignore.py` compares many with git itself."""

from __future__ import annotations

import pytest

from shelflife.gitignore import Pattern, literal_length, parse


def _parsed(line: str) -> Pattern:
    pattern = parse(line)
    assert pattern is not None
    return pattern


@pytest.mark.parametrize(
    ("line", "path", "matches"),
    [
        ("*.log", b"a.log", True),
        ("*.log", b"d/a.log", True),
        ("*.log", b"a.log.gz", False),
        ("/a", b"a", True),
        ("/a", b"d/a", False),
        ("d/*.log", b"d/a.log", True),
        ("d/*.log", b"d/e/a.log", False),
        ("d/**/a", b"d/a", True),
        ("d/**/a", b"d/e/f/a", True),
        ("**/a", b"d/a", True),
        ("d/**", b"d/a", True),
        ("d/**", b"d", False),
        ("a?c", b"abc", True),
        ("a?c", b"ac", False),
        ("[a-c].txt", b"b.txt", True),
        ("[!a-c].txt", b"b.txt", False),
        ("[^a-c].txt", b"d.txt", True),
        ("[[:digit:]]", b"7", True),
        ("[[:digit:]]", b"x", False),
        ("[]a]", b"]", True),
        ("\\*", b"*", True),
        ("\\*", b"a", False),
        ("a\\ ", b"a ", True),
        ("a  ", b"a", True),  # spaces at the end count for nothing, unless they are escaped
    ],
)
def test_a_pattern_matches_what_it_matches_in_a_gitignore_file(
    line: str, path: bytes, *, matches: bool
) -> None:
    assert _parsed(line).matches(path, path.rpartition(b"/")[2]) is matches


@pytest.mark.parametrize("line", ["", "   ", "# a comment"])
def test_an_empty_line_and_a_comment_are_no_patterns(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "negative", "only_directories", "of_names"),
    [
        ("a", False, False, True),
        ("!a", True, False, True),
        ("a/", False, True, True),
        ("/a", False, False, False),
        ("a/b", False, False, False),
        ("!/a/", True, True, False),
        ("\\!a", False, False, True),
    ],
)
def test_what_kind_of_pattern_it_is_is_told_by_its_first_and_last_characters(
    line: str, *, negative: bool, only_directories: bool, of_names: bool
) -> None:
    pattern = _parsed(line)
    assert (pattern.negative, pattern.only_directories, pattern.of_names) == (
        negative,
        only_directories,
        of_names,
    )


@pytest.mark.parametrize(
    ("line", "void"), [("a[", True), ("[[:nothing:]]", True), ("a\\", True), ("a[b]", False)]
)
def test_a_pattern_that_is_not_whole_matches_nothing(line: str, *, void: bool) -> None:
    assert _parsed(line).is_void is void


@pytest.mark.parametrize(
    ("line", "directory", "covers"),
    [
        ("*", b"d/", True),
        ("*.log", b"d/", None),
        ("d/", b"d/", False),  # of directories only
        ("/d/*", b"d/", True),
        ("/d/*", b"d/e/", False),
        ("/d/*", b"", False),
        ("/d/a", b"d/", None),
        ("/d/**", b"d/", True),
        ("/d/**", b"d/e/", True),
        ("/d/**", b"e/", False),
        ("/[d]/*", b"d/", None),
        ("/*", b"", True),
    ],
)
def test_whether_all_in_a_directory_match_is_known_where_their_names_do_not_matter(
    line: str, directory: bytes, *, covers: bool | None
) -> None:
    assert _parsed(line).covers(directory) is covers


@pytest.mark.parametrize(
    ("text", "length"), [(b"", 0), (b"abc", 3), (b"ab*", 2), (b"?", 0), (b"a[b", 1), (b"a\\b", 1)]
)
def test_the_plain_beginning_of_a_pattern_ends_before_the_first_special_byte(
    text: bytes, length: int
) -> None:
    assert literal_length(text) == length
