"""Samples of how much the areas and disks hold, for the forecast; the older, the fewer.

All are kept for two days, then one an hour for two weeks, then one a day for 400 days.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shelflife.clock import DAY, HOUR
from shelflife.policy.load import Sample
from shelflife.records.sqlite.database import transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shelflife.records.usage import DiskSample

_THINNED: Final = ((2 * DAY, HOUR), (14 * DAY, DAY))
"""Beyond this age, one sample in so much time."""

_KEEP: Final = 400 * DAY
"""Age at which samples are forgotten."""


class SqliteUsageBook:
    """The samples of one storage."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def add(
        self,
        at: int,
        areas: Mapping[str, tuple[int, int]],
        gone: Mapping[str, tuple[int, int]],
        disks: Sequence[DiskSample],
    ) -> None:
        """Record what areas hold (files, bytes) at `at` (ns), and what went of them since the last sample.

        A sample that finds no room on a full disk is left out.
        """
        with suppress(sqlite3.OperationalError), transaction(self._connection):
            for area, (files, size) in areas.items():
                before = self._connection.execute(
                    "SELECT gone_files, gone_bytes FROM area_usage WHERE area = ? ORDER BY at DESC LIMIT 1",
                    (area,),
                ).fetchone() or (0, 0)
                more = gone.get(area, (0, 0))
                self._connection.execute(
                    "INSERT OR REPLACE INTO area_usage VALUES (?, ?, ?, ?, ?, ?)",
                    (area, at, files, size, before[0] + more[0], before[1] + more[1]),
                )
            self._connection.executemany(
                "INSERT OR REPLACE INTO disk_usage VALUES (?, ?, ?, ?, ?)",
                [(disk.disk, at, disk.used, disk.available, disk.outside) for disk in disks],
            )
            self._thin(at)

    def last(self) -> int:
        """Return when the last sample was taken (ns); 0 before the first."""
        (at,) = self._connection.execute("SELECT max(at) FROM disk_usage").fetchone()
        return int(at or 0)

    def latest(self) -> dict[str, int]:
        """Return when the last sample of each area was taken (ns)."""
        return dict(self._connection.execute("SELECT area, max(at) FROM area_usage GROUP BY area").fetchall())

    def areas(self, *, since: int) -> dict[str, list[Sample]]:
        """Return the samples of each area from `since` (ns) on, in the order of time."""
        rows = self._connection.execute(
            "SELECT area, at, files, bytes, gone_files, gone_bytes FROM area_usage WHERE at >= ? ORDER BY at",
            (since,),
        )
        found: dict[str, list[Sample]] = {}
        for area, *values in rows:
            found.setdefault(area, []).append(Sample(*values))
        return found

    def outside(self, *, since: int) -> dict[str, list[Sample]]:
        """Return likewise, for each disk, what of it belongs to no area."""
        rows = self._connection.execute(
            "SELECT disk, at, outside FROM disk_usage WHERE at >= ? ORDER BY at", (since,)
        )
        found: dict[str, list[Sample]] = {}
        for disk, at, outside in rows:
            found.setdefault(disk, []).append(Sample(at, 0, outside))
        return found

    def _thin(self, now: int) -> None:
        for table, key in (("area_usage", "area"), ("disk_usage", "disk")):
            for age, width in _THINNED:
                self._connection.execute(
                    f"DELETE FROM {table} WHERE at < ? AND (({key}, at) NOT IN "
                    f"(SELECT {key}, max(at) FROM {table} WHERE at < ? GROUP BY {key}, at / ?))",
                    (now - age, now - age, width),
                )
            self._connection.execute(f"DELETE FROM {table} WHERE at < ?", (now - _KEEP,))
