"""SIGKILL at the system calls of a run, one after the other; then the next run: nothing lost, nothing twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shelflife import ShelflifeError
from tests.faults.scenes import Scene
from tests.faults.tracing import CHANGES, Call, calls_of, needs_strace, sabotage

pytestmark = needs_strace

_SAMPLE = 5
"""Kills of each kind of storage in the short version."""

kinds = pytest.mark.parametrize(
    "kind",
    [
        {},
        {"trash": True},
        {"trash": True, "whole": True},
        {"units": True},
        {"units": True, "trash": True},
        {"at_base": True},
        {"at_base": True, "trash": True, "whole": True},
        {"at_base": True, "units": True, "trash": True},
    ],
    ids=[
        *("files", "files-trash", "directories-trash", "units", "units-trash"),
        *("files-at-base", "directories-trash-at-base", "units-trash-at-base"),
    ],
)


@kinds
def test_a_run_that_is_killed_somewhere_loses_nothing_and_is_completed_by_the_next(
    tmp_path: Path, kind: dict[str, bool]
) -> None:
    changes = _changes(tmp_path, kind)
    for call in changes[:: len(changes) // _SAMPLE + 1]:
        _kill_at(call, tmp_path, kind)


@kinds
@pytest.mark.slow
def test_a_run_that_is_killed_anywhere_loses_nothing_and_is_completed_by_the_next(
    tmp_path: Path, kind: dict[str, bool]
) -> None:
    calls = _changes(tmp_path, kind)
    faults = []
    for call in calls:
        try:
            _kill_at(call, tmp_path, kind)
        except (AssertionError, ShelflifeError) as error:
            faults.append(f"{call}: {error!r}")
    assert not faults, f"{len(faults)} of {len(calls)} kills:\n" + "\n".join(faults)
    sys.stdout.write(f"{len(calls)} kills, 0 losses\n")


def _changes(tmp_path: Path, kind: dict[str, bool]) -> list[Call]:
    """Return the system calls of a run that change anything; between two of them the disk is in one state."""
    scene = Scene(tmp_path / "traced", **kind).set_up()
    calls = calls_of(scene.values, tmp_path / "log")
    scene.assert_done()
    scene.assert_record_is_true()
    changes = [call for call in calls if call.name in CHANGES]
    assert any(call.name in ("unlinkat", "renameat2") for call in changes)
    return changes


def _kill_at(call: Call, tmp_path: Path, kind: dict[str, bool]) -> None:
    name = f"{call.name}-{call.number}"
    scene = Scene(tmp_path / name, **kind).set_up()
    ended = sabotage(scene.values, call.name, "signal=KILL", str(call.number))
    if not ended.killed:  # the heartbeat is by the clock, so one run in many makes a call more, or less
        assert call.name in ("pwrite64", "write"), f"not killed at {call}: {ended.report}"
    scene.assert_nothing_lost()
    engine = scene.engine
    assert engine.holder() is None, f"the lock was left at {call}"
    report = engine.cleanup()
    try:
        assert (report.state, report.failed, report.errors) == ("done", 0, [])
        scene.assert_done()
        scene.assert_record_is_true()
        again = engine.cleanup()
        assert (again.removed, again.total("trashed"), again.failed) == (0, 0, 0)
    except AssertionError as error:
        error.add_note(f"killed at {call}")
        raise
