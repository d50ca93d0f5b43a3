"""Receiving that is killed at any system call: the file is there whole, or not at all, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from shelflife import Engine, Settings
from shelflife.files.draft import NamelessDraft
from shelflife.records.promises import promises_of
from shelflife.testing import set_age
from tests.faults.tracing import CHANGES, calls_of, needs_strace, sabotage

pytestmark = [needs_strace, pytest.mark.timeout(600)]

SIZE = 40_000
OLD = b"old"


def _make(base: Path, trash: str | int) -> Engine:
    engine = Engine(Settings.build(base_path=base, areas={"media": {"retention": "7d", "trash": trash}}))
    engine.create()
    return engine


def _values(engine: Engine) -> dict[str, Any]:
    trash = engine.settings.areas["media"].trash
    return {
        "base_path": str(engine.settings.base_path),
        "areas": {"media": {"retention": "7d", "trash": trash}},
    }


def _contents(base: Path) -> dict[str, bytes]:
    """Every file in the area, the trash included, by what its path is without the trash."""
    return {
        str(path.relative_to(base / "media")): path.read_bytes()
        for path in (base / "media").rglob("*")
        if path.is_file()
    }


def _kills(base: Path, receives: dict[str, Any], overwritten: bool) -> list[tuple[Engine, Any]]:
    """Receive a file once for each call that changes anything, and be killed there; return what is left."""
    engine = _make(base / "model", "1d")
    _put_old(engine, overwritten)
    calls = [
        call for call in calls_of(_values(engine), base / "log", receives=receives) if call.name in CHANGES
    ]
    assert {"linkat", "renameat2"} & {call.name for call in calls}
    found = []
    for call in calls:
        other = _make(base / str(call).replace(" ", "-"), "1d")
        _put_old(other, overwritten)
        ended = sabotage(_values(other), call.name, "signal=KILL", str(call.number), receives=receives)
        assert ended.killed, call
        found.append((other, call))
    return found


def _put_old(engine: Engine, wanted: bool) -> None:
    if wanted:
        path = engine.settings.base_path / "media/4711/clip.mp4"
        path.parent.mkdir()
        path.write_bytes(OLD)
        set_age(path, "1h")


@pytest.mark.parametrize("named", [False, True], ids=["nameless", "named"])
@pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwriting"])
def test_wherever_it_is_killed_the_file_is_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool, overwrite: bool
) -> None:
    if named:
        monkeypatch.setattr(NamelessDraft, "begin", lambda directory: None)
    receives = {
        "area": "media", "path": "4711/clip.mp4", "size": SIZE, "named": named, "overwrite": overwrite,
    }  # fmt: skip
    for engine, call in _kills(tmp_path, receives, overwrite):
        base = engine.settings.base_path
        contents = _contents(base)
        published = contents.get("4711/clip.mp4")
        allowed = {b"x" * SIZE, OLD if overwrite else None}
        assert published in allowed, call
        if overwrite:  # what is replaced is never lost
            assert OLD in contents.values(), call
        assert {path for path in contents if not path.startswith(".trash/")} <= {"4711/clip.mp4"}, call
        assert promises_of(engine.state, engine.now()) == [], call

        with engine.receive("media", "4711/next.mp4", size=4) as incoming:
            incoming.write(b"next")
            incoming.publish()
        assert list((base / "media/.trash/.incoming").glob("*")) == [], call
        assert os.listdir(engine.state.path / "receiving") == ["turn"], call
