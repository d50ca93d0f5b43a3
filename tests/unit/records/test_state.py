from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from shelflife.records.state import Owner, StateDirectory
from tests.integration.engine.users import NOBODY, common_directory, needs_root


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_nobody_else_can_read_the_state_whatever_the_umask(state: StateDirectory, umask: int) -> None:
    before = os.umask(umask)
    try:
        state.create_file(state.journal)
    finally:
        os.umask(before)
    assert _mode(state.path) == 0o700
    assert _mode(state.journal) & 0o077 == 0


def test_making_it_again_changes_nothing(state: StateDirectory) -> None:
    state.create_file(state.lock)
    state.lock.write_text("held")
    state.path.chmod(0o750)
    state.create_file(state.lock)
    assert state.lock.read_text() == "held"
    assert _mode(state.path) == 0o750


def test_lock_and_marker_stay_with_the_storage(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "elsewhere", tmp_path / "storage/.shelflife", Owner.of(tmp_path))
    assert {state.index.parent, state.journal.parent, state.index_lock.parent} == {tmp_path / "elsewhere"}
    assert {state.lock.parent, state.marker.parent} == {tmp_path / "storage/.shelflife"}


@needs_root
def test_what_root_makes_belongs_to_the_owner_of_the_base_path() -> None:
    with common_directory() as base:
        state = StateDirectory(base / ".shelflife", base / ".shelflife", Owner.of(base))
        state.create_file(state.journal)
        state.create_file(state.lock)
        for path in (state.path, state.journal, state.lock):
            assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)


def test_a_reserve_is_set_aside_and_gives_way(state: StateDirectory) -> None:
    state.create_file(state.index)
    state.keep_reserve()
    reserve = state.path / "reserve"
    assert sum(path.stat().st_blocks * 512 for path in reserve.iterdir()) >= 4 * 1024 * 1024
    state.keep_reserve()
    state.release_reserve()
    assert not reserve.exists()
    assert state.index.exists()
    state.drop_index()
    assert not state.index.exists()
    state.release_reserve()
    state.drop_index()
