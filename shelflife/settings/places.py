"""Places in the file system that must never become a storage.

A storage deletes files and makes directories below its base path. One wrong line in a configuration must not
turn it loose on a home directory or on the program itself, whatever the areas are called.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = [
    "check_path",
    "check_path_text",
    "homes",
    "overlap",
    "resolved_against",
    "unsafe_area",
    "unsafe_base_path",
]

_ADVICE = "choose a directory of its own, such as /srv/media/storage"

_SYSTEM = (
    *("/dev", "/home", "/lost+found", "/opt", "/root", "/run", "/usr", "/usr/local", "/usr/share", "/var"),
    *("/var/cache", "/var/lib", "/var/spool"),
)
"""Directories that hold what belongs to many: none of them is a storage, though one may lie below."""

_SYSTEM_TREES = (
    *("/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys"),
    *("/usr/bin", "/usr/include", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/sbin"),
)
"""Directories in which no storage lies either."""


def check_path_text(value: object) -> str:
    """Return the text of a path, absolute or not; `ValueError` says what is wrong with it.

    Shells replace ``~`` and ``$HOME``; here they would be directories of that name, which nobody means.
    """
    if not isinstance(value, str) or not value or "\0" in value or "\n" in value:
        raise ValueError("not a path; allowed: the path of a directory, such as /srv/media/storage")
    if value.startswith(("~", "$")) or "${" in value:
        raise ValueError("~ and variables are not replaced here; write the path in full")
    return value


def check_path(value: object) -> Path:
    """Return a value as an absolute path; `ValueError` says what is wrong with it."""
    text = check_path_text(str(value) if isinstance(value, Path) else value)
    if not os.path.isabs(text):
        raise ValueError("not an absolute path; allowed: a path that begins with /")
    return Path(text)


def resolved_against(directory: Path, path: Path | str) -> Path:
    """Return a path, a relative one below `directory`; ``..`` leads where the file system leads."""
    joined = directory / path
    return joined.resolve() if ".." in joined.parts else joined


def overlap(one: Path, other: Path) -> bool:
    """Whether two directories are the same, or one lies in the other; symbolic links are followed."""
    first, second = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return first == second or first in second.parents or second in first.parents


def unsafe_base_path(path: Path, *, source: Path | None = None) -> str | None:
    """Say why a directory must not be a base path, or return None.

    Args:
        path: absolute; it need not exist. Symbolic links are followed.
        source: the configuration file, whose directory must not be in the storage either.
    """
    base = Path(os.path.realpath(path))
    if base == Path(base.anchor):
        return f"is the root of the file system; {_ADVICE}"
    if owner := homes().get(base):
        return f"is the home directory of {owner}; {_ADVICE}"
    if system := _system_directory(base):
        return f"{system}; {_ADVICE}"
    if source is not None and base in {*_parents(source), *_parents(source.parent / "_")}:
        return f"holds the configuration file {source}; {_ADVICE}"
    if base in _parents(Path(__file__)):
        return f"holds this program; {_ADVICE}"
    return None


def unsafe_area(base: Path, directory: str, homes: Mapping[Path, str]) -> str | None:
    """Say why a directory below a base path must not be one of an area, or return None; it need not exist.

    A symbolic link below the base path is not followed: a cleanup leaves an area out that is behind one.
    `homes` are those that there are, and whose.
    """
    area = Path(os.path.realpath(base)) / directory
    for home, owner in homes.items():
        if area == home:
            return f"is the home directory of {owner}; choose another directory"
        if area in home.parents:
            return f"holds {home}, the home directory of {owner}; choose another directory"
    return _system_directory(area)


def _system_directory(path: Path) -> str | None:
    for name in _SYSTEM:
        if path == Path(os.path.realpath(name)):
            return f"is {name}, which belongs to the system"
    for name in _SYSTEM_TREES:
        tree = Path(os.path.realpath(name))
        if path == tree or tree in path.parents:
            return f"is in {name}, which belongs to the system"
    return None


def _parents(path: Path) -> Sequence[Path]:
    return Path(os.path.realpath(path)).parents


def homes() -> dict[Path, str]:
    """Return every home, resolved, and whose it is."""
    found = {Path(os.path.realpath(user.pw_dir)): user.pw_name for user in pwd.getpwall() if user.pw_dir}
    if home := os.environ.get("HOME"):
        found[Path(os.path.realpath(home))] = "the user who runs this"
    return found
