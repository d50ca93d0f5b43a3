from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.policy.rules.patterns import Patterns, Sieve

_TABLE = [
    # patterns, path, the pattern that protects it
    ([], "a.jpg", None),
    (["*.keep"], "a.keep", "*.keep"),
    (["*.keep"], "deep/down/a.keep", "*.keep"),
    (["*.keep"], "a.keep.jpg", None),
    (["/top.jpg"], "top.jpg", "/top.jpg"),
    (["/top.jpg"], "deep/top.jpg", None),
    (["reference/"], "reference/a.jpg", "reference/"),
    (["reference/"], "x/reference/deep/a.jpg", "reference/"),
    (["reference/"], "reference", None),  # a file of that name is no directory
    (["/reference/"], "x/reference/a.jpg", None),
    (["a/*.jpg"], "a/b.jpg", "a/*.jpg"),
    (["a/*.jpg"], "a/b/c.jpg", None),
    (["a/**/c.jpg"], "a/c.jpg", "a/**/c.jpg"),
    (["a/**/c.jpg"], "a/b/b/c.jpg", "a/**/c.jpg"),
    (["**/k/*"], "x/y/k/f", "**/k/*"),
    (["*.jpg", "!thumb.jpg"], "a.jpg", "*.jpg"),
    (["*.jpg", "!thumb.jpg"], "thumb.jpg", None),
    (["*.jpg", "!thumb.jpg"], "x/thumb.jpg", None),
    (["!thumb.jpg", "*.jpg"], "thumb.jpg", "*.jpg"),
    (["*.jpg", "!t*", "thumb.jpg"], "thumb.jpg", "thumb.jpg"),
    (["frame_[0-3]?.jpg"], "frame_29.jpg", "frame_[0-3]?.jpg"),
    (["frame_[!0-3]?.jpg"], "frame_29.jpg", None),
    (["\\#a"], "#a", "\\#a"),
    (["\\!a"], "!a", "\\!a"),
    (["a b"], "a b", "a b"),
    (["*"], "new\nline", "*"),
    (["*.keep"], "byte\udcff.keep", "*.keep"),
    (["Ä*"], "Ärger", "Ä*"),
    (["/reference/", "!*.tmp"], "reference/a.tmp", "/reference/"),  # nothing takes back what lies below
    (["reference", "!reference/a.tmp"], "x/reference/deep/a.tmp", "reference"),
    (["/reference/*", "!/reference/a.tmp"], "reference/a.tmp", None),  # the directory itself is not matched
    (["/a/", "!/a/"], "a/b", None),
    (["!/a/", "/a/"], "a/b", "/a/"),
    (["[[:digit:]].jpg"], "7.jpg", "[[:digit:]].jpg"),
    (["*.KEEP"], "a.keep", None),  # names are compared as they are, upper and lower case apart
]


@pytest.mark.parametrize(("patterns", "path", "pattern"), _TABLE)
def test_the_last_pattern_that_matches_decides(patterns: list[str], path: str, pattern: str | None) -> None:
    assert Patterns(patterns).deciding(path) == pattern


@pytest.mark.parametrize(("patterns", "path", "pattern"), _TABLE)
def test_a_sieve_catches_whatever_one_of_its_lists_matches(
    patterns: list[str], path: str, pattern: str | None
) -> None:
    sieve = Sieve([Patterns(["*.other", "!*.jpg"]), Patterns(patterns)])
    for _ in range(2):  # the second time what is known of the directories is asked
        assert sieve.catches(path) >= (pattern is not None)


_lists = st.lists(st.text(alphabet="ab*?/![]-.\\", max_size=6), max_size=4)
_paths = st.lists(st.text(alphabet="ab.-!", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


@given(lists=st.lists(_lists, max_size=4), path=_paths)
def test_a_sieve_lets_through_only_what_none_of_its_lists_matches(lists: list[list[str]], path: str) -> None:
    patterns = [Patterns(lines) for lines in lists]
    matched = any(one.deciding(path) is not None for one in patterns)
    assert Sieve(patterns).catches(path) or not matched


def test_a_sieve_lets_through_what_nothing_is_like() -> None:
    sieve = Sieve(
        [Patterns([f"*.kind{number}", f"/top{number}/", f"a/**/b{number}"]) for number in range(20)]
    )
    assert not any(map(sieve.catches, ("a.jpg", "deep/down/a.jpg", "a/b", "a/x/c1")))
    assert all(map(sieve.catches, ("a.kind19", "deep/a.kind0", "top3/deep/a.jpg", "a/x/y/b7")))
    assert not Sieve([]).catches("a.jpg")


def test_patterns_are_a_value() -> None:
    assert Patterns(["a", "b"]) == Patterns(("a", "b"))
    assert hash(Patterns(["a"])) == hash(Patterns(["a"]))
    assert Patterns(["a"]) != Patterns(["b"])
    assert Patterns(["a"]) != ["a"]
    assert (bool(Patterns()), bool(Patterns(["a"]))) == (False, True)
    assert repr(Patterns(["*.keep"])) == "Patterns(['*.keep'])"


_WHOLE = [
    # patterns, directory, whether all files right in it match
    ([], "", False),
    (["/premium/**"], "premium/", True),
    (["/premium/**"], "premium/deep/", True),
    (["/premium/**"], "", False),
    (["/premium/**"], "other/", False),
    (["/premium/"], "premium/deep/", True),
    (["premium/"], "x/premium/", True),
    (["/premium/"], "other/", False),
    (["@eaDir/"], "a/", False),
    (["/premium/*"], "premium/", True),
    (["/premium/*"], "premium/deep/", True),  # the directory `deep` matches, and so what it holds
    (["/premium/*.mp4"], "premium/", None),
    (["/premium/*.mp4"], "other/", False),
    (["*.log"], "a/", None),
    (["*"], "", True),
    (["*", "!*.mp4"], "", None),
    (["/premium/**", "!*.mp4"], "premium/", None),
    (["*.mp4", "!/premium/**"], "premium/", False),
    (["a/**/b"], "a/", None),
]


@pytest.mark.parametrize(("patterns", "directory", "whole"), _WHOLE)
def test_a_directory_is_decided_about_as_a_whole_where_names_do_not_matter(
    patterns: list[str], directory: str, whole: bool | None
) -> None:
    assert Patterns(patterns).decide_all_in(directory) is whole
