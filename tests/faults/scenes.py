"""Small storages to be killed, lied to and filled up; and what must be true of each afterwards."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelflife import Engine, Settings
from shelflife.files.removal import Result
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.testing import aged_file, set_age

GOES = b"expired: may go"
STAYS = b"must stay, whatever happens"


@dataclass(frozen=True, slots=True)
class Scene:
    """A storage with one area, in one of the ways in which things expire and go."""

    base: Path
    units: bool = False
    trash: bool = False
    in_use: bool = True
    whole: bool = False
    """Whether directories of which all is due count as settled, and so go by one rename."""

    @property
    def values(self) -> dict[str, Any]:
        """Its settings, as `Settings.build` takes them."""
        area = {
            "retention": "7d",
            "expire": "directory" if self.units else "file",
            "trash": "30d" if self.trash else 0,
            "in_use": "check" if self.in_use else "off",
        }
        areas = {"media": area, "archive": {"retention": -1}}
        # With one worker a run makes the same calls in the same order, each time.
        values = {"base_path": str(self.base), "areas": areas, "cleanup": {"workers": 1}}
        return values | {"index": {"settle": 0}} if self.whole else values

    @property
    def engine(self) -> Engine:
        """An engine of it."""
        return Engine(Settings.build(**self.values))

    def set_up(self) -> Scene:
        """Make its files, and a first journal, so that what is traced is an ordinary run."""
        self.engine.create()
        self.engine.cleanup()
        for path in (*self.due, *self.left_alone):
            aged_file(
                self.base / path,
                age="1h" if path in self.left_alone else "40d",
                content=STAYS if path in self.left_alone else GOES,
            )
        for path in ("media/whole/sub", "media/whole", "media/mixed"):
            if (self.base / path).is_dir():
                set_age(self.base / path, "40d")
        return self

    @property
    def due(self) -> list[str]:
        """The files that a cleanup removes."""
        if self.units:
            return ["media/whole/1", "media/whole/2", "media/whole/sub/3", "media/single", "media/second/1"]
        whole = ["media/d/7", "media/d/8", "media/a/e/9", "media/a/e/10"] if self.whole else []
        return ["media/1", "media/2", "media/a/3", "media/a/4", "media/a/b/5", "media/c/6", *whole]

    @property
    def left_alone(self) -> list[str]:
        """The files that stay."""
        if self.units:
            return ["media/mixed/new", "media/new", "archive/old"]
        return ["media/new", "media/a/new", "archive/old"]

    def places(self) -> dict[str, list[str]]:
        """Return by former path where each file of the areas is now."""
        found: dict[str, list[str]] = {}
        for top, _, names in os.walk(self.base):
            for name in names:
                path = os.path.relpath(os.path.join(top, name), self.base)
                parts = path.split("/")
                if parts[0] == ".shelflife":
                    continue
                former = path
                if parts[1] == TRASH_DIRECTORY:
                    former = "/".join([parts[0], *parts[3:]])
                found.setdefault(former, []).append(path)
        return found

    def assert_nothing_lost(self) -> None:
        """See that what must stay is where it was, as it was, and that nothing is there twice."""
        places = self.places()
        for path in self.left_alone:
            assert places.get(path) == [path], f"{path} is at {places.get(path)}"
            assert (self.base / path).read_bytes() == STAYS, f"{path} has another content"
        for path, where in places.items():
            assert len(where) == 1, f"{path} is there twice: {where}"
            if path in self.due:
                assert (self.base / where[0]).read_bytes() == GOES, f"{path} has another content"

    def assert_done(self) -> None:
        """See that what is due is gone, or in the trash, whole."""
        self.assert_nothing_lost()
        places = self.places()
        for path in self.due:
            where = places.get(path, [])
            if self.trash:
                assert where, f"{path} is lost: neither there nor in the trash"
                assert where[0].split("/")[1] == TRASH_DIRECTORY, f"{path} was left"
            else:
                assert not where, f"{path} was left at {where}"
        if not self.trash:
            assert not (self.base / "media" / TRASH_DIRECTORY).exists(), "a trash was left"

    def assert_record_is_true(self) -> None:
        """See that each due file has exactly one record of having gone, and that no record is open."""
        engine = self.engine
        gone: Counter[str] = Counter()
        for run in engine.history():
            assert run.state != "running", f"run {run.id} was left open"
            for record in engine.run_files(run.id):
                assert record.result is not Result.UNKNOWN, f"{record.path} has an open outcome"
                if record.result in (Result.REMOVED, Result.TRASHED):
                    gone[record.path] += 1
                    expected = Result.TRASHED if self.trash else Result.REMOVED
                    assert record.result is expected, f"{record.path} is said to be {record.result}"
        assert gone == Counter(self.due), f"recorded as gone: {gone}"
