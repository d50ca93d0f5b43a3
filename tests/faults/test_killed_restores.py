"""SIGKILL at each system call that changes anything while a run is restored: each file is here or there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelflife import Engine, Selection, Settings
from shelflife.errors import UsageError
from shelflife.files.removal import Result
from shelflife.testing import aged_file, set_age
from tests.faults.tracing import CHANGES, Call, calls_of, needs_strace, sabotage

pytestmark = needs_strace

_WHOLE = [f"whole/{name}" for name in ("a", "b", "sub/c")]
_SHARED = [f"shared/{number}" for number in range(3)]
_TAKEN = "taken"


class Scene:
    """A storage whose first run put a directory, files of another one, and one file into the trash."""

    def __init__(self, base: Path) -> None:
        area = {"retention": "7d", "trash": "30d"}
        self.base = base
        self.values: dict[str, Any] = {
            "base_path": base,
            "areas": {"media": area},
            "index": {"settle": 0},
            "cleanup": {"workers": 1},
        }
        self.engine = Engine(Settings.build(**self.values))
        self.engine.create()
        self.values["base_path"] = str(base)
        for path in (*_WHOLE, *_SHARED, _TAKEN):
            aged_file(base / "media" / path, age="40d", content=path.encode())
        aged_file(base / "media/shared/young", age="1d", content=b"young")
        for path in ("whole/sub", "whole"):
            set_age(base / "media" / path, "40d")
        assert self.engine.cleanup().total("trashed") == 7
        aged_file(base / "media" / _TAKEN, age="1d", content=b"new")

    def assert_each_is_in_one_place(self) -> None:
        """See that nothing is lost, doubled or replaced, wherever the kill came."""
        for path in (*_WHOLE, *_SHARED):
            there = [self.base / "media" / path, *self.base.glob(f"media/.trash/*/{path}")]
            found = [place for place in there if place.exists()]
            assert [place.read_bytes() for place in found] == [path.encode()], path
        assert (self.base / "media" / _TAKEN).read_bytes() == b"new"
        assert (self.base / "media/shared/young").read_bytes() == b"young"

    def assert_done(self) -> None:
        """See that all is back, recorded once, and held."""
        for path in (*_WHOLE, *_SHARED):
            assert (self.base / "media" / path).read_bytes() == path.encode()
        assert [path.read_bytes() for path in self.base.glob(f"media/.trash/*/{_TAKEN}")] == [b"taken"]
        runs = [run for run in self.engine.history() if run.trigger == "restore"]
        assert not any(run.state in ("planning", "running") for run in runs)
        back = [
            record.path
            for run in runs
            for record in self.engine.run_files(run.id)
            if record.result is Result.RESTORED
        ]
        assert sorted(back) == sorted(["media/whole", *(f"media/{path}" for path in _SHARED)])
        assert self.engine.cleanup().total("trashed") == 0
        self.assert_each_is_in_one_place()


@pytest.mark.parametrize(
    "all_changes", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["moves", "all"]
)
def test_a_restore_that_is_killed_anywhere_loses_nothing_and_the_next_one_completes_it(
    tmp_path: Path, *, all_changes: bool
) -> None:
    traced = Scene(tmp_path / "traced")
    calls = calls_of(traced.values, tmp_path / "log", restores=1)
    names = CHANGES if all_changes else ("renameat2", "unlinkat", "rmdir")
    assert Call("renameat2", 4) in calls
    traced.assert_done()
    for call in calls:
        if call.name not in names:
            continue
        scene = Scene(tmp_path / f"{call.name}-{call.number}")
        sabotage(scene.values, call.name, "signal=KILL", str(call.number), restores=1)
        scene.assert_each_is_in_one_place()
        assert scene.engine.cleanup().total("trashed") == 0, "what is back already is held by now"
        scene.assert_each_is_in_one_place()
        try:
            scene.engine.bring_back(Selection(runs=(1,)))
        except UsageError:
            pytest.fail("the file whose name is taken waits there still")
        scene.assert_done()


@pytest.mark.parametrize("code", ["EIO", "ENOSPC", "EDQUOT", "EACCES", "EPERM"])
def test_what_a_failing_disk_keeps_in_the_trash_is_told_and_comes_back_later(
    tmp_path: Path, code: str
) -> None:
    scene = Scene(tmp_path / "storage")
    ended = sabotage(scene.values, "renameat2", f"error={code}", "1+", restores=1)
    assert ended.report["restored"] == 0
    assert ended.report["failed"] or any(area["errors"] for area in ended.report["areas"].values())
    scene.assert_each_is_in_one_place()
    scene.engine.bring_back(Selection(runs=(1,)))
    scene.assert_done()


def test_where_a_rename_cannot_promise_to_replace_nothing_all_comes_back_all_the_same(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "storage")
    ended = sabotage(scene.values, "renameat2", "error=EINVAL", "1+", restores=1)
    assert (ended.report["restored"], ended.report["taken"], ended.report["failed"]) == (6, 1, 0)
    scene.assert_done()
