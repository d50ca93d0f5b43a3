"""A file as the rules see it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

KEEP_FILE: Final = ".gitkeep"
"""Keeps an empty directory in a git checkout: never removed, never counted, at any depth."""


_LEFT_OPEN: Final = re.compile(r"\.nfs[0-9a-fA-F]{16,}")


def is_left_open(name: str) -> bool:
    """Return whether a name is one that NFS gives a file which was removed while somebody has it open.

    It goes by itself when it is closed; removing it only makes another one.
    """
    return _LEFT_OPEN.fullmatch(name) is not None


def stays_by_name(name: str) -> bool:
    """Return whether a file of that name is never removed and not counted, whatever else it is."""
    return name == KEEP_FILE or is_left_open(name)


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
