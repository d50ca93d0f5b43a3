"""The directories of areas: what they are called, and that none lies in another.

An area's key is made of lower-case letters, digits and ``_``. With ``-`` for ``_`` it names the same area, on
the command line as in a file, because the directory of ``contact_sheets`` is ``contact-sheets/``; an older
directory ``contact_sheets/`` beside it belongs to the area too, as its alias.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import PurePosixPath
from types import MappingProxyType

__all__ = [
    "BASE_PATH",
    "DEFAULT_RETENTION",
    "STATE_DIRECTORY",
    "TRASH_DIRECTORY",
    "area_key",
    "check_directory",
    "default_directories",
    "is_area_key",
    "overlaps",
]

DEFAULT_RETENTION: Mapping[str, int] = MappingProxyType(
    {
        "temp": 86_400,
        "uploads": 604_800,
        "contact_sheets": 2_592_000,
        "frames": 2_592_000,
        "outputs": -1,
    }
)
"""The areas of a configuration file that names none, and their retention in seconds."""

BASE_PATH = "."
"""The path of an area that is all of the base path."""
STATE_DIRECTORY = ".shelflife"
"""Where a storage keeps index, journal and lock, unless ``state_dir`` says otherwise."""
TRASH_DIRECTORY = ".trash"
"""Where an area keeps removed files."""

_ALONE = (
    "is all of the base path, and so must be the only directory of the only area; `default_areas: false` leaves "
    "out the areas that are there by default"
)

_GLOB = re.compile(r"[*?]|\[.*\]|\{.*,.*\}")
"""What a shell would take for a pattern. A directory of such a name is nearly always a mistake."""

_KEY = re.compile(r"[a-z][a-z0-9_]*")


def area_key(name: str) -> str:
    """Return the key that a name of an area stands for: ``contact_sheets`` for ``contact-sheets``."""
    return name.replace("-", "_")


def is_area_key(key: str) -> bool:
    """Whether a key is spelled as the keys of areas are."""
    return _KEY.fullmatch(key) is not None


def default_directories(key: str) -> tuple[str, ...]:
    """Return the directory of an area that names none, and then its aliases.

    >>> default_directories("contact_sheets")
    ('contact-sheets', 'contact_sheets')
    """
    return (key.replace("_", "-"), key) if "_" in key else (key,)


def check_directory(text: str) -> str:
    """Return the path of an area's directory below the base path, normalised; else `ValueError`."""
    if found := _GLOB.search(text):
        raise ValueError(
            f'"{found[0]}" is not a pattern here: each area is one directory; '
            "allowed: a relative path, such as frames (patterns go into protect and rules)"
        )
    parts = PurePosixPath(text).parts
    if text and not parts:
        return BASE_PATH
    if text.startswith(("/", "~")) or ".." in parts or not parts or not text.isprintable():
        raise ValueError(
            'not a directory below base_path; allowed: a relative path without "..", such as frames, and "." '
            "for the base path itself"
        )
    if reserved := {STATE_DIRECTORY, TRASH_DIRECTORY}.intersection(parts):
        raise ValueError(
            f"{reserved.pop()} is where the storage keeps its own files; choose another directory"
        )
    return "/".join(parts)


def overlaps(directories: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str, str]]:
    """Yield area, directory and reason for each directory that is, holds or lies in another one.

    Such a directory would have two retentions, and its files would be counted twice. Where only one of two
    areas has directories that its key does not imply, it is the one to blame.
    """
    by_default = sorted(directories.items(), key=lambda area: area[1] != default_directories(area[0]))
    all_of_them = [(key, PurePosixPath(path)) for key, paths in by_default for path in paths]
    alone = [key for key, path in all_of_them if str(path) == BASE_PATH]
    if alone and len(all_of_them) > 1:
        yield (
            alone[0],
            BASE_PATH,
            _ALONE,
        )
        return
    for (other, first), (key, second) in combinations(all_of_them, 2):
        if first == second:
            yield key, str(second), f"is a directory of area {other} already"
        elif first in second.parents:
            yield key, str(second), f"lies in {first}, a directory of area {other}; areas must not overlap"
        elif second in first.parents:
            yield key, str(second), f"holds {first}, a directory of area {other}; areas must not overlap"
