"""Patterns: gitignore's (https://git-scm.com/docs/gitignore), relative to the area's directory.

The last pattern that matches decides, `!` takes back what a pattern before it matched, a trailing `/` means a
directory and everything below it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pathspec import GitIgnoreSpec


class Patterns:
    """A list of patterns, compiled when first asked."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = tuple(patterns)

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patterns) and self.patterns == other.patterns

    def __hash__(self) -> int:
        return hash(self.patterns)

    def __repr__(self) -> str:
        return f"Patterns({list(self.patterns)!r})"

    def deciding(self, path: str) -> str | None:
        """Return the pattern that matches `path` (relative to the area's directory) in the end, or None."""
        if not self.patterns:
            return None
        result = self._spec.check_file(path)
        return self.patterns[result.index] if result.include and result.index is not None else None

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec  # imported when needed: most areas have no patterns

        return GitIgnoreSpec.from_lines(self.patterns)
