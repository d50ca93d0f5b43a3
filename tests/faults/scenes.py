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
    at_base: bool = False
    """Whether the area is all of the base path."""

    @property
    def values(self) -> dict[str, Any]:
        """Its settings, as `Settings.build` takes them."""
        area = {
            "retention": "7d",
            "expire": "directory" if self.units else "file",
            "trash": "30d" if self.trash else 0,
            "in_use": "check" if self.in_use else "off",
        }
        areas = (
            {"media": area | {"path": "."}} if self.at_base else {"media": area, "archive": {"retention": -1}}
        )
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
        for path in self._placed("whole/sub", "whole", "mixed"):
            if (self.base / path).is_dir():
                set_age(self.base / path, "40d")
        return self

    def _placed(self, *paths: str) -> list[str]:
        """Return paths below the area relative to the base path."""
        return [path if self.at_base else f"media/{path}" for path in paths]

    @property
    def due(self) -> list[str]:
        """The files that a cleanup removes."""
        if self.units:
            return self._placed("whole/1", "whole/2", "whole/sub/3", "single", "second/1")
        whole = ["d/7", "d/8", "a/e/9", "a/e/10"] if self.whole else []
        return self._placed("1", "2", "a/3", "a/4", "a/b/5", "c/6", *whole)

    @property
    def left_alone(self) -> list[str]:
        """The files that stay."""
        stays = self._placed("mixed/new", "new") if self.units else self._placed("new", "a/new")
        return stays if self.at_base else [*stays, "archive/old"]

    def places(self) -> dict[str, list[str]]:
        """Return by former path where each file of the areas is now."""
        found: dict[str, list[str]] = {}
        for top, _, names in os.walk(self.base):
            for name in names:
                path = os.path.relpath(os.path.join(top, name), self.base)
                parts = path.split("/")
                if parts[0] == ".shelflife":
                    continue
                if TRASH_DIRECTORY in parts:
                    at = parts.index(TRASH_DIRECTORY)
                    parts[at : at + 2] = []
                found.setdefault("/".join(parts), []).append(path)
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
                assert TRASH_DIRECTORY in where[0].split("/"), f"{path} was left"
            else:
                assert not where, f"{path} was left at {where}"
        if not self.trash:
            assert not list(self.base.rglob(TRASH_DIRECTORY)), "a trash was left"

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
