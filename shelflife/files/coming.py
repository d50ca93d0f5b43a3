"""What comes back out of the trash, as it is handed to the primitives, and what they say became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from shelflife.files.candidates import Candidates

OTHER_ONE: Final = -1
"""The code of an entry that is not the one that is listed any more."""


class Waiting(NamedTuple):
    """Some of what is in a directory of the trash."""

    files: Candidates
    """All that is no directory."""
    directories: Candidates
    """Names and inodes only."""


class Coming(NamedTuple):
    """Entries of one directory that are to come back."""

    source: str
    """The directory in the trash, below its anchor, with a trailing slash."""
    home: str
    """The directory they come back to, below its own."""
    entries: Candidates


class Came(NamedTuple):
    """What became of them."""

    error: int
    """Why the directories could not be opened; 0 if they could."""
    codes: Sequence[int]
    """For each, as far as it was reached: 0, it came back; `OTHER_ONE`; or an errno."""
