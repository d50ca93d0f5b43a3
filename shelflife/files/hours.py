"""Histograms packed: how much a directory holds by the hour of file time, as the index keeps it.

Each is a string of 64-bit integers in the machine's order: first the hours since the epoch, ascending, then the
files of each, then their apparent bytes, then their bytes on disk. In this form compiled code writes it, and
whole columns are summed up without an object for each hour.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from shelflife.clock import HOUR
from shelflife.policy.load import NOTHING, Load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS: Final = 4
"""Integers for each hour: itself, files, bytes, bytes on disk."""


def pack_hours(hours: Mapping[int, Load]) -> bytes:
    """Return a histogram packed."""
    keys = sorted(hours)
    packed = array("q", keys)
    for column in range(COLUMNS - 1):
        packed.extend(hours[hour][column] for hour in keys)
    return packed.tobytes()


def unpack_hours(packed: bytes) -> dict[int, Load]:
    """Return what `pack_hours` packed."""
    values = array("q", packed)
    count = len(values) // COLUMNS
    columns = [values[column * count : (column + 1) * count] for column in range(COLUMNS)]
    return dict(zip(columns[0], map(Load, *columns[1:]), strict=True))


def sum_of_hours(histograms: Iterable[Mapping[int, Load]]) -> dict[int, Load]:
    """Return what histograms have together."""
    result: dict[int, Load] = {}
    for histogram in histograms:
        for hour, load in histogram.items():
            result[hour] = result.get(hour, NOTHING).plus(load)
    return result


def sum_of_packed(histograms: Iterable[bytes]) -> dict[int, Load]:
    """Return what packed histograms have together: of any number of directories, hour by hour."""
    sums: dict[int, list[int]] = {}
    for packed in histograms:
        values = array("q", packed)
        count = len(values) // COLUMNS
        for position in range(count):
            found = sums.get(values[position])
            if found is None:
                found = sums[values[position]] = [0, 0, 0]
            found[0] += values[count + position]
            found[1] += values[2 * count + position]
            found[2] += values[3 * count + position]
    return {hour: Load(*found) for hour, found in sums.items()}


def files_before(packed: bytes, hour: int) -> int:
    """Return how many files of a packed histogram are of hours before `hour`."""
    values = array("q", packed)
    count = len(values) // COLUMNS
    return sum(values[count : count + bisect_left(values, hour, 0, count)])


def first_moment(packed: bytes) -> int | None:
    """Return where the first hour of a packed histogram begins (ns); None where it is empty."""
    return array("q", packed[:8])[0] * HOUR if packed else None


def less_hours(packed: bytes, gone: bytes) -> bytes:
    """Return a packed histogram less another one, which is a part of it."""
    values, others = array("q", packed), array("q", gone)
    count = len(others) // COLUMNS
    for position in range(count):
        length = len(values) // COLUMNS
        place = bisect_left(values, others[position], 0, length)
        if place == length or values[place] != others[position]:
            continue
        for column in range(1, COLUMNS):
            values[column * length + place] -= others[column * count + position]
        if values[length + place] <= 0:
            for column in reversed(range(COLUMNS)):
                del values[column * length + place]
    return values.tobytes()
