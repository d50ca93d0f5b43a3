"""A file as the rules see it."""

from __future__ import annotations

from typing import Final, NamedTuple

KEEP_FILE: Final = ".gitkeep"
"""Keeps an empty directory in a git checkout: never removed, never counted, at any depth."""


class File(NamedTuple):
    """A file or link as the rules see it."""

    path: str
    """Relative to its area's directory."""

    time: int
    """What its age is counted from, in ns since the epoch."""

    is_link: bool = False
    """Whether it is a symbolic link."""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]
