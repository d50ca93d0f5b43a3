"""Locks that end with their process, and that no child keeps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shelflife.records import kernel_locks


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to lock."""
    return tmp_path / "lock"


def test_one_at_a_time_has_it_and_looking_takes_it_from_nobody(path: Path) -> None:
    mine, other, looking = _open(path), _open(path), _open(path)
    with kernel_locks.locking(mine), kernel_locks.locking(other):
        assert not kernel_locks.is_locked(looking)
        assert kernel_locks.try_to_lock(mine)
        assert kernel_locks.is_locked(looking)
        assert not kernel_locks.try_to_lock(other)
    assert not kernel_locks.is_locked(looking)
    os.close(looking)


def test_a_child_does_not_keep_what_its_parent_ends(path: Path) -> None:
    mine, looking = _open(path), _open(path)
    may_end, end = os.pipe()
    with kernel_locks.locking(mine):
        assert kernel_locks.try_to_lock(mine)
        if (child := os.fork()) == 0:
            os.close(end)
            is_theirs = kernel_locks.is_ours(mine)
            os.read(may_end, 1)
            os._exit(is_theirs)
        os.close(may_end)
        assert kernel_locks.is_locked(looking)
    assert not kernel_locks.is_locked(looking)
    os.close(end)
    os.close(looking)
    assert os.waitpid(child, 0)[1] == 0
