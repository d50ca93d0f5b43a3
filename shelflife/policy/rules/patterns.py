"""Lists of patterns, with exactly the meaning they have in a .gitignore file (https://git-scm.com/docs/gitignore).

The last pattern that matches decides, and `!` takes back what a pattern before it matched. A directory is decided
about before what it holds: what lies below a matched directory is matched, and no `!` takes that back.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from shelflife.gitignore import Pattern, any_of, parse

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence

_MOST_REMEMBERED: Final = 4096
"""Directories whose patterns are remembered: files come directory by directory."""


class Patterns:
    """The patterns of one class, relative to the area's directory; made ready when first asked."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = tuple(patterns)
        self._directories: dict[str, str | None] = {}

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patterns) and self.patterns == other.patterns

    def __hash__(self) -> int:
        return hash(self.patterns)

    def __repr__(self) -> str:
        return f"Patterns({list(self.patterns)!r})"

    def deciding(self, path: str) -> str | None:
        """Return the pattern that matches the file at `path`, or a directory above it; None without one."""
        if not self.patterns:
            return None
        directory, slash, _ = path.rpartition("/")
        return self.of_directory(directory + slash) or self._last(path, is_directory=False)

    def of_directory(self, directory: str) -> str | None:
        """Return the pattern that matches a directory, or one above it; None without one.

        `directory` has a trailing slash; empty for the area's own, which nothing matches.
        """
        if not directory or not self.patterns:
            return None
        try:
            return self._directories[directory]
        except KeyError:
            pass
        above, slash, _ = directory[:-1].rpartition("/")
        found = self.of_directory(above + slash) or self._last(directory[:-1], is_directory=True)
        if len(self._directories) >= _MOST_REMEMBERED:
            self._directories = {}
        self._directories[directory] = found
        return found

    def decide_all_in(self, directory: str) -> bool | None:
        """Return whether every file right in a directory matches, or none; None where that is up to its name."""
        if self.of_directory(directory) is not None:
            return True
        packed = _packed(directory)
        for pattern in reversed(self.parsed):
            found = pattern.covers(packed)
            if found is None:
                return None
            if found:
                return not pattern.negative
        return False

    def _last(self, path: str, *, is_directory: bool) -> str | None:
        packed = _packed(path)
        name = packed[packed.rfind(b"/") + 1 :]
        for pattern in reversed(self.parsed):
            if (is_directory or not pattern.only_directories) and pattern.matches(packed, name):
                return None if pattern.negative else pattern.line
        return None

    @cached_property
    def parsed(self) -> list[Pattern]:
        """The patterns, made ready; lines that have none are left out."""
        return [pattern for line in self.patterns if (pattern := parse(line)) is not None]


class Sieve:
    """Tells at one go that none of many lists of patterns matches a file, as is so of most files."""

    def __init__(self, lists: Sequence[Patterns]) -> None:
        """Ask for all of `lists`; made ready when first asked."""
        self._lists = lists
        self._directories: dict[str, bool] = {}

    def catches(self, path: str) -> bool:
        """Return whether some list may match the file at `path`, or a directory above it: each is to be asked."""
        directory, slash, name = path.rpartition("/")
        return (
            self._names.fullmatch(_packed(name)) is not None
            or self._paths.fullmatch(_packed(path)) is not None
            or (bool(directory) and self._matches_directory(directory + slash))
        )

    def _matches_directory(self, directory: str) -> bool:
        found = self._directories.get(directory)
        if found is None:
            found = any(one.of_directory(directory) is not None for one in self._lists)
            if len(self._directories) >= _MOST_REMEMBERED:
                self._directories = {}
            self._directories[directory] = found
        return found

    @cached_property
    def _names(self) -> re.Pattern[bytes]:
        return self._any_of(of_names=True)

    @cached_property
    def _paths(self) -> re.Pattern[bytes]:
        return self._any_of(of_names=False)

    def _any_of(self, *, of_names: bool) -> re.Pattern[bytes]:
        """Return what matches wherever one does; one that takes back a match makes it match too often only."""
        return any_of(
            pattern
            for one in self._lists
            for pattern in one.parsed
            if pattern.of_names is of_names and not pattern.only_directories
        )


def _packed(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
