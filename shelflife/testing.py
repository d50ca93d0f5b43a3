"""For tests of programs that use shelflife: a storage of their own, and files as old as a test needs them.

A pytest plugin: name it in the top-level `conftest.py` (`pytest_plugins = ["shelflife.testing"]`) or on the
command line (`-p shelflife.testing`), and ask for the fixture `storage`::

    def test_uploads_go_after_a_week(storage):
        old = storage.file("uploads/old.mp4", age="8d")
        new = storage.file("uploads/new.mp4", age="6d")
        storage.engine.cleanup()
        assert (old.exists(), new.exists()) == (False, True)

`make_storage` makes one with other areas or settings. Nothing here waits: files are given their age, and
`Storage.tick` moves the clock that the storage's engine reads.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pytest

from shelflife import clock
from shelflife.clock import SECOND
from shelflife.engine import Engine
from shelflife.settings import DEFAULT_RETENTION, Expire, Settings, parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shelflife.events import Event

__all__ = ["MakeStorage", "Storage", "aged_file", "make_storage", "set_age", "storage"]


@dataclass(slots=True, kw_only=True)
class Storage:
    """A storage in a directory of its own, with its areas' directories made."""

    settings: Settings
    """What its engine works by; `dataclasses.replace` and `Settings.replace` make another storage of it."""

    events: list[Event] = field(default_factory=list)
    """Everything that its engine told, in order."""

    ahead: int = 0
    """How far its clock is ahead of the real one, in nanoseconds."""

    @property
    def base_path(self) -> Path:
        """The directory that holds the areas."""
        return self.settings.base_path

    @property
    def engine(self) -> Engine:
        """An engine of this storage, whose clock is the storage's and whose events are recorded."""
        return Engine(self.settings, listeners=[self.events.append], clock=self.now)

    def now(self) -> int:
        """Return the storage's time in nanoseconds since the epoch."""
        return clock.now() + self.ahead

    def tick(self, duration: str | int | None = None) -> None:
        """Move the clock on by a duration (``"2h"``, or seconds).

        Without one, it moves past the time that a directory must have been left alone before the index
        trusts its listing (`index.settle`).
        """
        seconds = self.settings.index.settle + 1 if duration is None else parse_duration(duration)
        self.ahead += seconds * SECOND

    def path(self, path: str | Path) -> Path:
        """Return a path of the storage, given relative to its base path."""
        return self.base_path / path

    def file(
        self, path: str | Path, *, age: str | float = "40d", size: int = 10, content: bytes | None = None
    ) -> Path:
        """Make a file, and the directories above it, and return its absolute path.

        Args:
            path: relative to the base path: ``"frames/42/0001.jpg"``. Where a directory expires as a whole
                (`expire: directory`), those above it are as old as if the file had been made then.
            age: how long ago, by the storage's clock, it was last modified: ``"40d"``, or seconds.
            size: bytes, all zero; not used when there is `content`.
            content: what is in it.
        """
        before = {place: place.stat().st_mtime_ns for place in self._of_unit(path) if place.exists()}
        made = aged_file(self.path(path), age=age, size=size, content=content, now=self.now())
        for place in self._of_unit(path):
            changed = max(before.get(place, 0), made.stat().st_mtime_ns)
            os.utime(place, ns=(changed, changed))
        return made

    def _of_unit(self, path: str | Path) -> list[Path]:
        """Return the directories above a file that go with it as one."""
        for area in self.settings.areas.values():
            for top in map(self.path, area.directories):
                if area.expire is Expire.DIRECTORY and top in self.path(path).parents:
                    return [place for place in self.path(path).parents if top in place.parents]
        return []

    def directory(self, path: str | Path, *, age: str | float = "40d") -> Path:
        """Make an empty directory, and those above it, and return its absolute path."""
        place = self.path(path)
        place.mkdir(parents=True, exist_ok=True)
        set_age(place, age, now=self.now())
        return place

    def files(self) -> list[str]:
        """Return the files and links that are there, relative to the base path, sorted; not the state."""
        state = self.settings.state_path
        return sorted(
            str(path.relative_to(self.base_path))
            for path in self.base_path.rglob("*")
            if (path.is_symlink() or not path.is_dir()) and not path.is_relative_to(state)
        )


class MakeStorage(Protocol):
    """Makes storages for one test, each in a directory of its own."""

    def __call__(self, areas: Mapping[str, object] | None = None, **others: object) -> Storage:
        """Make one: by default with the areas of a configuration file that names none.

        Args:
            areas: as for `Settings.build`: ``{"inbox": "2d", "archive": -1}``.
            others: further settings, sections as mappings: ``cleanup={"dry_run": True}``.
        """


def aged_file(
    path: Path,
    *,
    age: str | float = "40d",
    size: int = 10,
    content: bytes | None = None,
    now: int | None = None,
) -> Path:
    """Make a file that was last modified `age` (``"40d"``, or seconds) before `now` (ns); return its path.

    Missing directories above it are made, as old as the file; those that are there stay as old as they are.
    """
    made = [above for above in path.parents if not above.exists()]
    there = next(above for above in path.parents if above.exists())
    before = there.stat()
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        with path.open("wb") as file:
            file.truncate(size)
    else:
        path.write_bytes(content)
    for old in (path, *made):
        set_age(old, age, now=now)
    os.utime(there, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path


def set_age(path: Path, age: str | float, *, now: int | None = None) -> None:
    """Say that a file, link or directory was last modified `age` before `now` (ns; None: the real time).

    Only its modification time can be set; its change time (ctime) is always that of this call.
    """
    seconds = parse_duration(age) if isinstance(age, str) else age
    modified = (clock.now() if now is None else now) - int(seconds * SECOND)
    os.utime(path, ns=(modified, modified), follow_symlinks=False)


@pytest.fixture
def make_storage(tmp_path: Path) -> MakeStorage:
    """Make storages below `tmp_path`: ``make_storage({"inbox": "2d"}, cleanup={"enabled": False})``."""
    made = 0

    def make(areas: Mapping[str, object] | None = None, **others: object) -> Storage:
        nonlocal made
        made += 1
        base_path = tmp_path / ("storage" if made == 1 else f"storage-{made}")
        settings = Settings.build(
            base_path=base_path, areas=DEFAULT_RETENTION if areas is None else areas, **others
        )
        storage = Storage(settings=settings)
        storage.engine.create()
        return storage

    return make


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    """A storage in `tmp_path` with the areas of a configuration file that names none."""
    return make_storage()
