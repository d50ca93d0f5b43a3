"""What looks at a disk that is too full tell later ones: what is on its way, and what areas have given."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from typing import Any, Final

from shelflife.policy.gain import OnItsWay, Remembered
from shelflife.policy.load import Load
from shelflife.policy.watermark import Sight
from shelflife.records.sqlite.database import transaction

SCHEMA: Final = """
    CREATE TABLE pressure (
        disk TEXT PRIMARY KEY,              -- the first of the areas' directories on it
        remembered TEXT NOT NULL            -- JSON: shelflife.policy.gain.Remembered
    );
    """


class SqlitePressureBook:
    """What is remembered of the disks of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def recall(self, disk: str, file_system: int) -> Remembered:
        """Return what is remembered of a disk, if it still is the file system of that id."""
        row = self._connection.execute("SELECT remembered FROM pressure WHERE disk = ?", (disk,)).fetchone()
        found = Remembered(file_system=file_system) if row is None else _remembered(json.loads(row[0]))
        return found if found.file_system == file_system else Remembered(file_system=file_system)

    def remember(self, disk: str, remembered: Remembered) -> None:
        """Replace what is remembered of a disk. What finds no room on a full disk is left out."""
        with suppress(sqlite3.OperationalError), transaction(self._connection):
            self._connection.execute(
                "INSERT OR REPLACE INTO pressure VALUES (?, ?)", (disk, json.dumps(_as_json(remembered)))
            )


def _as_json(remembered: Remembered) -> dict[str, Any]:
    expected = remembered.expected
    return {
        "file_system": remembered.file_system,
        "expected": None
        if expected is None
        else {
            "at": expected.at,
            "load": [expected.load.files, expected.load.allocated],
            "peak": [[load.files, load.allocated] for load in expected.peak],
            "has_shown": expected.has_shown,
        },
        "taken": dict(remembered.taken),
    }


def _remembered(found: dict[str, Any]) -> Remembered:
    expected = found["expected"]
    return Remembered(
        file_system=found["file_system"],
        expected=None
        if expected is None
        else OnItsWay(
            at=expected["at"],
            load=_load(expected["load"]),
            peak=Sight(*map(_load, expected["peak"])),
            has_shown=expected["has_shown"],
        ),
        taken=found["taken"],
    )


def _load(found: list[int]) -> Load:
    return Load(files=found[0], allocated=found[1])
