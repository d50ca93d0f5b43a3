"""Races on directories that are just being moved aside as one, in compiled code and in Python.

No hook gets in between there. So the kernel stops the process, by strace, in the moment in which the directory is
aside and not looked at yet; then a writer does its worst, and the run goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shelflife.testing import set_age
from tests.faults.scenes import GOES, STAYS, Scene
from tests.faults.tracing import meddle, needs_strace

pytestmark = needs_strace


class Lone(Scene):
    """A storage with one directory of expired files, which goes as one."""

    @property
    def due(self) -> list[str]:
        return [f"media/dir/{number}" for number in range(4)]

    @property
    def left_alone(self) -> list[str]:
        return ["archive/old"]


@dataclass(slots=True)
class Writer:
    """A service that has the directory open, and a file in it, since before the run."""

    directory: Path
    fd: int
    file: int

    def append(self) -> None:
        """Write on at the end of the file that is open."""
        os.write(self.file, STAYS)

    def create(self) -> None:
        """Add a file by the open directory."""
        fd = os.open("added", os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=self.fd)
        os.write(fd, STAYS)
        os.close(fd)

    def replace(self) -> None:
        """Put a young file in the place of an expired one, by the open directory."""
        self.create()
        os.rename("added", "1", src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def make_anew(self) -> None:
        """Make the directory anew, since it is not there, and write a file into it."""
        self.directory.mkdir()
        (self.directory / "anew").write_bytes(STAYS)

    def make_anew_and_create(self) -> None:
        """Both: what is aside must come back, and its name is taken."""
        self.create()
        self.make_anew()

    def take_names(self) -> None:
        """Take the names of files as well."""
        self.append()
        self.directory.mkdir()
        (self.directory / "0").write_bytes(STAYS)


_OLD = {str(number): GOES for number in range(4)}
_ATTACKS: dict[str, tuple[Callable[[Writer], None], dict[str, bytes]]] = {
    "append": (Writer.append, _OLD | {"0": GOES + STAYS}),
    "create": (Writer.create, _OLD | {"added": STAYS}),
    "replace": (Writer.replace, _OLD | {"1": STAYS}),
    "make anew": (Writer.make_anew, {"anew": STAYS}),
    "make anew and create": (Writer.make_anew_and_create, _OLD | {"added": STAYS, "anew": STAYS}),
    "take names": (Writer.take_names, _OLD | {"0": STAYS}),
}
"""What the writer does, and what must be in the directory afterwards, or – if it was due – in the trash."""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """Return the writer, once `_set_up` has made the directory."""
    made = Writer(tmp_path / "storage/media/dir", -1, -1)
    yield made
    for fd in (made.fd, made.file):
        if fd >= 0:
            os.close(fd)


def _set_up(writer: Writer, **kind: bool) -> Lone:
    scene = Lone(writer.directory.parents[1], in_use=False, whole=True, **kind)
    scene.set_up()
    set_age(writer.directory, "40d")
    writer.fd = os.open(writer.directory, os.O_RDONLY)
    writer.file = os.open(writer.directory / "0", os.O_WRONLY | os.O_APPEND)
    return scene


def _content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()} if directory.is_dir() else {}


@pytest.mark.parametrize("attack", _ATTACKS)
def test_whatever_is_written_into_a_directory_that_is_aside_is_not_lost(writer: Writer, attack: str) -> None:
    scene = _set_up(writer, trash=True)
    act, expected = _ATTACKS[attack]
    report = meddle(scene.values, "renameat2", 1, lambda: act(writer)).report
    assert (report["state"], report["failed"]) == ("done", 0)
    there = _content(writer.directory)
    trashed = {path.name: path.read_bytes() for path in scene.base.glob("media/.trash/2*/dir/*")}
    displaced = {path.name: path.read_bytes() for path in scene.base.glob("media/.trash/displaced/*/dir/*")}
    assert displaced == ({"0": GOES + STAYS} if attack == "take names" else {})
    assert {name: content for name, content in there.items() if content != GOES} == {
        name: content for name, content in expected.items() if content != GOES
    }
    assert trashed == {name: GOES for name in _OLD if expected.get(name, GOES) == GOES}
    assert report["displaced"] == len(displaced)


@pytest.mark.parametrize("trash", [False, True], ids=["no-trash", "trash"])
@pytest.mark.parametrize("attack", _ATTACKS)
def test_whatever_is_written_into_a_unit_that_is_aside_is_not_lost(
    writer: Writer, attack: str, *, trash: bool
) -> None:
    scene = _set_up(writer, units=True, trash=trash)
    act, expected = _ATTACKS[attack]
    report = meddle(scene.values, "renameat2", 1, lambda: act(writer)).report
    assert (report["state"], report["failed"]) == ("done", 0)
    there = _content(writer.directory)
    displaced = [_content(path) for path in scene.base.glob("media/.trash/displaced/*/dir")]
    match attack:
        case "make anew":
            assert (there, displaced) == ({"anew": STAYS}, [])
        case "make anew and create":
            assert (there, displaced) == ({"anew": STAYS}, [_OLD | {"added": STAYS}])
        case "take names":
            assert (there, displaced) == ({"0": STAYS}, [_OLD | {"0": GOES + STAYS}])
        case _:
            assert (there, displaced) == (expected, [])
    assert report["displaced"] == len(displaced)
    assert (report["trashed"] + report["removed"] == 4) == (attack == "make anew")


def test_a_directory_that_was_touched_while_it_was_aside_comes_back_with_its_times(writer: Writer) -> None:
    scene = _set_up(writer, trash=True)
    before = writer.directory.stat().st_mtime_ns
    now = time.time_ns()
    meddle(scene.values, "renameat2", 1, lambda: os.utime(writer.file, ns=(now, now)))
    assert _content(writer.directory) == {"0": GOES}
    assert writer.directory.stat().st_ino == os.fstat(writer.fd).st_ino
    assert (writer.directory / "0").stat().st_mtime_ns == now
    assert writer.directory.stat().st_mtime_ns > before  # the others went from it, one by one
