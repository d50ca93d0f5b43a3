"""Other users, for tests of permissions: whoever is root may do everything, so root becomes somebody else."""

from __future__ import annotations

import encodings.ascii
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Test = TypeVar("Test", bound="Callable[..., None]")

_LATE: Final = (encodings.ascii,)
"""What is imported when first used, perhaps from where the ordinary user can't read it."""

NOBODY: Final = 65534
"""User and group without any rights, on every Linux."""


def needs_root(test: Test) -> Test:
    """Mark a test that needs root, for mounts or for files of several owners; it is skipped without."""
    skipped: Test = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")(test)
    marked: Test = pytest.mark.root(skipped)
    return marked


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Be a user without privileges for a while: nobody, when we are root, else who we are.

    The whole process changes, with its threads, and whatever it starts meanwhile.
    """
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@contextmanager
def common_directory() -> Iterator[Path]:
    """Make a directory that the ordinary user owns and can reach, which pytest's own ones are not."""
    with tempfile.TemporaryDirectory(prefix="shelflife-test-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
        try:
            yield directory
        finally:
            make_readable(directory)


def make_readable(directory: Path) -> None:
    """Give the owner all rights to the directories of a tree again, so that it can be removed."""
    for root, names, _ in os.walk(directory):
        for name in names:
            if not os.path.islink(path := os.path.join(root, name)):
                os.chmod(path, 0o755)
