"""Renaming without replacing, on file systems that promise it and on those that cannot."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife.files.kernel import rename_noreplace
from shelflife.files.rename import put_back, take_aside
from tests.integration.engine.volumes import REFUSING, mounted

KINDS = ["tmpfs", "overlay", *REFUSING]


class Scene:
    """A directory of others, and one of ours, on one file system."""

    def __init__(self, volume: Path) -> None:
        self.theirs, self.ours = volume / "theirs", volume / "ours"
        self.theirs.mkdir()
        self.ours.mkdir(mode=0o700)
        self.from_theirs = os.open(self.theirs, os.O_RDONLY)
        self.from_ours = os.open(self.ours, os.O_RDONLY)


@pytest.fixture(params=KINDS)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    with mounted(request.param, tmp_path / "volume") as volume:
        scene = Scene(volume)
        yield scene
        os.close(scene.from_theirs)
        os.close(scene.from_ours)


def _make(place: Path, kind: str, content: str) -> None:
    match kind:
        case "file":
            place.write_text(content)
        case "directory":
            place.mkdir()
            (place / content).touch()
        case "empty":
            place.mkdir()
        case "link":
            place.symlink_to(content)


def _shown(place: Path) -> object:
    if place.is_symlink():
        return os.readlink(place)
    return sorted(os.listdir(place)) if place.is_dir() else place.read_text()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_goes_aside_can_come_back_under_another_name(scene: Scene, kind: str) -> None:
    _make(scene.theirs / "it", kind, "content")
    before = _shown(scene.theirs / "it")
    take_aside(scene.from_theirs, "it", scene.from_ours, "aside")
    assert (os.listdir(scene.theirs), os.listdir(scene.ours)) == ([], ["aside"])
    put_back(scene.from_ours, "aside", scene.from_theirs, "again")
    assert (os.listdir(scene.theirs), os.listdir(scene.ours)) == (["again"], [])
    assert _shown(scene.theirs / "again") == before


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
@pytest.mark.parametrize("taken", ["file", "directory", "empty", "link"])
def test_neither_way_ever_replaces_anything(scene: Scene, kind: str, taken: str) -> None:
    for way, source, target in (
        (take_aside, scene.theirs, scene.ours),
        (put_back, scene.ours, scene.theirs),
    ):
        _make(source / "it", kind, "mine")
        _make(target / "name", taken, "another's")
        before = _shown(source / "it"), _shown(target / "name")
        descriptors = (scene.from_theirs, scene.from_ours)
        here, there = descriptors if source == scene.theirs else reversed(descriptors)
        with pytest.raises(FileExistsError):
            way(here, "it", there, "name")
        assert (_shown(source / "it"), _shown(target / "name")) == before
        os.rename(source / "it", source / f"done-{way.__name__}")
        os.rename(target / "name", target / f"taken-{way.__name__}")


def test_what_is_not_there_cannot_go_anywhere(scene: Scene) -> None:
    for way in (take_aside, put_back):
        with pytest.raises(FileNotFoundError):
            way(scene.from_theirs, "it", scene.from_ours, "it")
    assert os.listdir(scene.ours) == []


@pytest.mark.parametrize("kind", REFUSING)
def test_these_file_systems_are_among_those_that_cannot_promise(tmp_path: Path, kind: str) -> None:
    """Otherwise the tests above would show nothing."""
    with mounted(kind, tmp_path / "volume") as volume:
        scene = Scene(volume)
        (scene.theirs / "it").touch()
        with pytest.raises(OSError, match="Invalid argument") as refused:
            rename_noreplace(scene.from_theirs, "it", scene.from_ours, "it")
        assert refused.value.errno == errno.EINVAL


def test_a_directory_of_a_lower_layer_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "volume.lower/theirs/it").mkdir(parents=True)
    (tmp_path / "volume.lower/theirs/it/file").touch()
    with mounted("overlay", tmp_path / "volume") as volume:
        (volume / "ours").mkdir(mode=0o700)
        theirs, ours = (os.open(volume / name, os.O_RDONLY) for name in ("theirs", "ours"))
        with pytest.raises(OSError, match="cross-device") as refused:
            take_aside(theirs, "it", ours, "it")
        assert refused.value.errno == errno.EXDEV
        assert (os.listdir(volume / "theirs/it"), os.listdir(volume / "ours")) == (["file"], [])
        os.close(theirs)
        os.close(ours)
