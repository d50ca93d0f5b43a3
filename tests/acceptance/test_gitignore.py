"""Patterns mean here what they mean to git: the same random rules and paths, asked of both."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from shelflife.policy.rules.patterns import Patterns

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git to compare with")

_NAMES = [
    "a",
    "b",
    "ab",
    "abc",
    "a.b",
    "A",
    ".a",
    "a b",
    "a ",
    " ",
    "Ä",
    "b\udcff",
    "\\",
    "!a",
    "#a",
    "[a]",
    "*",
    "-",
    "]",
    "^",
]
_PIECES = [
    *("a", "b", "ab", "c", ".", "A", " ", "Ä", "\udcff", "!", "#", "]", "-", "^"),
    *("*", "*", "*", "**", "**", "?", "/", "/", "/", "/**", "**/", "/**/", "***", "*/"),
    *("\\", "\\*", "\\ ", "\\a", "\\!", "\\[", "\\/"),
    *(
        "[ab]",
        "[!a]",
        "[^a]",
        "[a-c]",
        "[c-a]",
        "[]]",
        "[!]a]",
        "[a-]",
        "[-a]",
        "[\\]a]",
        "[a",
        "[",
        "[[:alpha:]]",
    ),
    *(
        "[![:upper:]b]",
        "[[:space:]]",
        "[[:punct:]]",
        "[[:nope:]]",
        "[[:a]",
        "[a-\\c]",
        "[/]",
        "[!/]",
        "[+-b]",
        "[[-b]",
    ),
]


def _line(chance: random.Random) -> str:
    body = "".join(chance.choices(_PIECES, k=chance.randint(1, 5)))
    start = chance.choice(["", "", "", "", "!", "/", "!/", "#", "**/"])
    return start + body + chance.choice(["", "", "", "/", " ", "  ", "\\ ", "/**", "/*"])


def _path(chance: random.Random) -> str:
    return "/".join(chance.choices(_NAMES, k=chance.choice([1, 1, 2, 2, 3, 4])))


class _Git:
    """A repository, the rules of which are replaced for each question."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._env = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(place)}
        subprocess.run(["git", "init", "-q", str(place)], env=self._env, check=True)

    def matched(self, rules: list[str], paths: list[str]) -> dict[str, bool]:
        """Return which of the paths git ignores under these rules."""
        (self._place / ".git/info/exclude").write_bytes(os.fsencode("\n".join(rules) + "\n"))
        answer = subprocess.run(
            ["git", "check-ignore", "--no-index", "-z", "-v", "-n", "--stdin"],
            input=b"".join(os.fsencode(path) + b"\0" for path in paths),
            env=self._env,
            cwd=self._place,
            capture_output=True,
            check=False,
        )
        assert answer.returncode in (0, 1), answer.stderr
        fields = answer.stdout.split(b"\0")
        found = zip(fields[2::4], fields[3::4], strict=False)
        return {os.fsdecode(path): pattern != b"" and not pattern.startswith(b"!") for pattern, path in found}


def _compare(git: _Git, seed: int, paths_each: int) -> None:
    chance = random.Random(seed)
    rules = [_line(chance) for _ in range(chance.choice([1, 1, 2, 3, 5]))]
    paths = sorted({_path(chance) for _ in range(paths_each)})
    patterns = Patterns(rules)
    ours = {path: patterns.deciding(path) is not None for path in paths}
    assert ours == git.matched(rules, paths), rules
    for path in paths:
        directory = path.rpartition("/")[0]
        whole = patterns.decide_all_in(f"{directory}/" if directory else "")
        assert whole is None or whole == ours[path], (rules, path)


def test_a_thousand_random_rule_sets_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    git = _Git(tmp_path)
    for seed in range(1000):
        _compare(git, seed, paths_each=60)


@pytest.mark.slow
def test_many_more_random_rule_sets_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    git = _Git(tmp_path)
    for seed in range(1000, 20_000):
        _compare(git, seed, paths_each=100)
