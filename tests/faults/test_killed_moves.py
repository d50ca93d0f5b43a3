"""SIGKILL at each system call that changes anything while a directory goes as one, and while it comes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from shelflife.testing import set_age
from tests.faults.scenes import GOES, STAYS, Scene
from tests.faults.tracing import CHANGES, Call, calls_of, meddle, needs_strace, sabotage

pytestmark = needs_strace

_MOVES = ("renameat2", "mkdirat", "unlinkat", "fchmod", "fchown")
"""What changes the area or its trash; the other changes are the journal's."""


class Lone(Scene):
    """A storage with one directory of expired files, which goes as one."""

    @property
    def due(self) -> list[str]:
        return [f"media/dir/{number}" for number in range(3)]

    @property
    def left_alone(self) -> list[str]:
        return ["archive/old"]


def _scene(base: Path) -> Lone:
    scene = Lone(base, trash=True, whole=True)
    scene.set_up()
    set_age(base / "media/dir", "40d")
    return scene


def _add(scene: Scene) -> Callable[[], None]:
    """Return what adds a file to the directory once it was listed, so that it comes back."""

    def add() -> None:
        (scene.base / "media/dir/added").write_bytes(STAYS)

    return add


def _of(calls: list[Call], *, all_changes: bool) -> list[Call]:
    return [call for call in calls if call.name in (CHANGES if all_changes else _MOVES)]


def _assert_nothing_lost(scene: Scene) -> None:
    scene.assert_nothing_lost()
    (added,) = scene.places()["media/dir/added"]
    assert (scene.base / added).read_bytes() == STAYS
    assert not list(scene.base.glob("media/.trash/displaced"))


lengths = pytest.mark.parametrize(
    "all_changes", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["moves", "all"]
)


@lengths
def test_a_directory_on_its_way_as_one_is_whole_wherever_the_run_is_killed(
    tmp_path: Path, *, all_changes: bool
) -> None:
    traced = _scene(tmp_path / "traced")
    calls = _of(calls_of(traced.values, tmp_path / "log"), all_changes=all_changes)
    assert Call("renameat2", 1) in calls
    for call in calls:
        scene = _scene(tmp_path / f"{call.name}-{call.number}")
        sabotage(scene.values, call.name, "signal=KILL", str(call.number))
        scene.assert_nothing_lost()
        places = scene.places()
        assert len({os.path.dirname(places[path][0]) for path in scene.due}) == 1
        assert scene.engine.cleanup().state == "done"
        scene.assert_done()
        scene.assert_record_is_true()


def test_a_directory_on_its_way_back_is_whole_wherever_the_run_is_killed(tmp_path: Path) -> None:
    for number in count(1):
        scene = _scene(tmp_path / str(number))
        kill = f"inject=renameat2:signal=KILL:when={number}"
        # By the first mkdirat, which makes the trash, the directory was listed.
        killed = meddle(scene.values, "mkdirat", 1, _add(scene), "-e", kill).killed
        _assert_nothing_lost(scene)
        assert scene.engine.cleanup().state == "done"
        _assert_nothing_lost(scene)
        scene.assert_done()
        scene.assert_record_is_true()
        if not killed:
            break
    assert number > 2  # there, back, and then the files one by one


@lengths
def test_a_directory_that_the_next_run_puts_back_is_whole_wherever_that_is_killed(
    tmp_path: Path, *, all_changes: bool
) -> None:
    def killed_while_aside(base: Path) -> Lone:
        scene = _scene(base)
        assert sabotage(scene.values, "renameat2", "signal=KILL", "1").killed
        return scene

    traced = killed_while_aside(tmp_path / "traced")
    calls = _of(calls_of(traced.values, tmp_path / "log"), all_changes=all_changes)
    for call in calls:
        scene = killed_while_aside(tmp_path / f"{call.name}-{call.number}")
        sabotage(scene.values, call.name, "signal=KILL", str(call.number))
        scene.assert_nothing_lost()
        assert scene.engine.cleanup().state == "done"
        scene.assert_done()
        scene.assert_record_is_true()
        assert {path.read_bytes() for path in scene.base.glob("media/.trash/*/dir/*")} == {GOES}
