"""What a cleanup needs: `check` says ✗ exactly where a cleanup refuses, or leaves an area out."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shelflife import Engine, Settings, ShelflifeError
from shelflife.explain.check import Level
from shelflife.testing import aged_file
from tests.integration.engine.users import NOBODY, common_directory, needs_root, ordinary_user
from tests.integration.engine.volumes import mounted

AREAS = {"temp": "1d", "uploads": "1d"}


class Scene:
    """A storage with something due in each area, used before or not."""

    def __init__(self, directory: Path, *, used: bool, own_state: bool) -> None:
        self.base = directory / "storage"
        self.state = directory / "state" if own_state else self.base / ".shelflife"
        self.others: dict[str, object] = {"state_dir": self.state} if own_state else {}
        self.engine().create()
        if used:
            self.engine().cleanup()
        for area in AREAS:
            aged_file(self.base / area / "due")

    def engine(self) -> Engine:
        return Engine(Settings.build(base_path=self.base, areas=AREAS, **self.others))


Breakage = Callable[[Scene], object]


def _nothing(_: Scene) -> None:
    pass


def _sql(scene: Scene, statement: str) -> None:
    with closing(sqlite3.connect(scene.state / "journal.db")) as connection, connection:
        connection.execute(statement)


def _replace(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("a file")


def _link(path: Path, target: Path) -> None:
    shutil.rmtree(path)
    path.symlink_to(target)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _no_areas(scene: Scene) -> None:
    for area in AREAS:
        shutil.rmtree(scene.base / area)


def _no_journal(scene: Scene) -> None:
    for file in scene.state.glob("journal.db*"):
        file.unlink()


ALWAYS: dict[str, Breakage] = {
    "nothing": _nothing,
    "no base path": lambda scene: os.rename(scene.base, scene.base.with_name("elsewhere")),
    "base path a file": lambda scene: _replace(scene.base),
    "base path not readable": lambda scene: scene.base.chmod(0o300),
    "base path not enterable": lambda scene: scene.base.chmod(0o600),
    "base path not writable": lambda scene: scene.base.chmod(0o500),
    "not mounted": lambda scene: scene.others.update(require_mount=True),
    "an area missing": lambda scene: shutil.rmtree(scene.base / "temp"),
    "an area a file": lambda scene: _replace(scene.base / "temp"),
    "an area a link": lambda scene: _link(scene.base / "temp", scene.base / "uploads"),
    "an area not readable": lambda scene: (scene.base / "temp").chmod(0o300),
    "an area not enterable": lambda scene: (scene.base / "temp").chmod(0o600),
    "an area not writable": lambda scene: (scene.base / "temp").chmod(0o500),
    "another mode": lambda scene: (scene.base / "temp").chmod(0o777),
    "both areas missing": _no_areas,
    "no schedule": lambda scene: scene.others.update(cleanup={"enabled": False}),
}

USED: dict[str, Breakage] = {
    "state not readable": lambda scene: scene.state.chmod(0o300),
    "state not writable": lambda scene: scene.state.chmod(0o500),
    "state not enterable": lambda scene: scene.state.chmod(0o600),
    "state a file": lambda scene: _replace(scene.state),
    "home a file": lambda scene: _replace(scene.base / ".shelflife"),
    "no state": lambda scene: shutil.rmtree(scene.state),
    "no marker": lambda scene: (scene.base / ".shelflife/marker").unlink(),
    "another marker": lambda scene: (scene.base / ".shelflife/marker").write_text("another"),
    "a marker that cannot be read": lambda scene: (scene.base / ".shelflife/marker").chmod(0),
    "a marker that is no text": lambda scene: (scene.base / ".shelflife/marker").write_bytes(b"\xff"),
    "no journal": _no_journal,
    "a journal that cannot be read": lambda scene: (scene.state / "journal.db").chmod(0o200),
    "a journal that cannot be written": lambda scene: (scene.state / "journal.db").chmod(0o400),
    "a journal that is none": lambda scene: (scene.state / "journal.db").write_bytes(b"none" * 1024),
    "a journal that is a directory": lambda scene: _directory(scene.state / "journal.db"),
    "a journal of a later version": lambda scene: _sql(scene, "PRAGMA user_version = 9999"),
    "a lock that cannot be opened": lambda scene: (scene.base / ".shelflife/lock").chmod(0o400),
    "a lock that is a directory": lambda scene: _directory(scene.base / ".shelflife/lock"),
    "no lock": lambda scene: (scene.base / ".shelflife/lock").unlink(),
    "an index that is none": lambda scene: (scene.state / "index.db").write_bytes(b"none" * 1024),
    "an index that cannot be read": lambda scene: (scene.state / "index.db").chmod(0),
    "no index": lambda scene: (scene.state / "index.db").unlink(),
}

TABLE = [
    *(
        pytest.param(breakage, used, id=f"{name}, {'used' if used else 'new'}")
        for name, breakage in ALWAYS.items()
        for used in (False, True)
    ),
    *(pytest.param(breakage, True, id=name) for name, breakage in USED.items()),
]


@contextmanager
def _storage(*, used: bool, own_state: bool) -> Iterator[Scene]:
    """Make it for an ordinary user, whom permissions stop."""
    with common_directory() as directory, ordinary_user():
        scene = Scene(directory, used=used, own_state=own_state)
        try:
            yield scene
        finally:
            for path in (scene.base, scene.state):
                if path.is_dir():
                    path.chmod(0o700)


def _agree(engine: Engine, areas: Path) -> None:
    """See that `check` and a cleanup say the same."""
    crosses = [finding for finding in engine.check() if finding.level is Level.ERROR]
    left_out = {
        finding.check.removeprefix("area ") for finding in crosses if finding.check.startswith("area ")
    }
    refused = [finding for finding in crosses if not finding.check.startswith("area ")]
    if refused:  # else a cleanup that refuses fails the test
        with pytest.raises(ShelflifeError):
            engine.cleanup()
        return
    report = engine.cleanup()
    for area in report.areas:
        stays = not (areas / area.area).is_dir() or bool(area.errors) or area.failed > 0
        assert (area.area in left_out) is stays, (area.errors, area.failures)


@pytest.mark.parametrize("own_state", [False, True], ids=["state within", "state apart"])
@pytest.mark.parametrize(("breakage", "used"), TABLE)
def test_check_says_that_a_cleanup_does_not_work_exactly_where_it_does_not(
    breakage: Breakage, *, used: bool, own_state: bool
) -> None:
    with _storage(used=used, own_state=own_state) as scene:
        breakage(scene)
        _agree(scene.engine(), scene.base)


@needs_root
@pytest.mark.parametrize("kind", ["tmpfs", "overlay", "bindfs", "mergerfs"])
@pytest.mark.parametrize("own_state", [False, True], ids=["state within", "state apart"])
def test_it_says_so_on_other_file_systems_too(tmp_path: Path, kind: str, *, own_state: bool) -> None:
    with mounted(kind, tmp_path / "volume") as volume:
        others: dict[str, object] = {"state_dir": tmp_path / "state"} if own_state else {}
        engine = Engine(Settings.build(base_path=volume, areas=AREAS, **others))
        engine.create()
        for area in AREAS:
            aged_file(volume / area / "due")
        _agree(engine, volume)


@needs_root
def test_it_says_so_on_a_disk_that_is_mounted_read_only(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path / "volume") as volume:
        engine = Engine(Settings.build(base_path=volume, areas=AREAS))
        engine.create()
        for area in AREAS:
            aged_file(volume / area / "due")
        assert os.system(f"mount -o remount,ro {volume}") == 0
        _agree(engine, volume)


@needs_root
def test_another_owner_of_the_storage_is_no_fault_for_root(tmp_path: Path) -> None:
    engine = Engine(Settings.build(base_path=tmp_path / "storage", areas=AREAS))
    engine.create()
    for path in (tmp_path / "storage", *(tmp_path / "storage" / area for area in AREAS)):
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o700)
    aged_file(tmp_path / "storage/temp/due")
    _agree(engine, tmp_path / "storage")
