"""A storage in numbers: what `get_storage_stats` promises, and `as_of` and `complete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NotRequired

from shelflife.formats import format_bytes, format_retention, iso_or_none, printable
from shelflife.shapes.schema import Count, Schema, Time, TypedDict, shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.records.statistics import AreaStatistics, Statistics
    from shelflife.settings import Settings

__all__ = ["AreaStats", "StorageStats", "stats_as_json"]


@shape
class AreaStats(TypedDict):
    """One area in numbers."""

    path: str
    """Its directory; absolute."""
    files: Count
    size_bytes: Count
    """Apparent size of the files."""
    size_human: str
    oldest_file: Time | None
    """Time of the oldest file that may expire."""
    newest_file: Time | None
    retention_seconds: Annotated[int, Schema(minimum=-1)]
    """How long files are kept; -1: indefinitely."""
    retention_human: str
    trash_files: Count
    """Files that wait in its trash, as the last run left it; they are not part of `files`."""
    trash_bytes: Count
    """Their apparent size."""
    trash_human: str
    error: NotRequired[str]
    """What could not be looked at; the numbers then hold what was known before."""


@shape
class StorageStats(TypedDict):
    """A storage in numbers, as its index knows it."""

    base_path: str
    total_size_bytes: Count
    total_size_human: str
    total_files: Count
    total_directories: Count
    total_trash_files: Count
    """Files that wait in the trash of all areas."""
    total_trash_bytes: Count
    total_trash_human: str
    directories: dict[str, AreaStats]
    """By area."""
    as_of: Time | None
    """When the storage was last looked at; null before the first time."""
    complete: bool
    """False until every area was looked at once: the numbers may still be too low."""


def stats_as_json(statistics: Statistics, settings: Settings) -> StorageStats:
    """Return a storage in numbers."""
    return {
        "base_path": printable(str(settings.base_path)),
        "total_size_bytes": statistics.bytes,
        "total_size_human": format_bytes(statistics.bytes),
        "total_files": statistics.files,
        "total_directories": statistics.directories,
        "total_trash_files": statistics.trash_files,
        "total_trash_bytes": statistics.trash_bytes,
        "total_trash_human": format_bytes(statistics.trash_bytes),
        "directories": {area.area: _area(area, settings) for area in statistics.areas},
        "as_of": iso_or_none(statistics.as_of),
        "complete": statistics.complete,
    }


def _area(area: AreaStatistics, settings: Settings) -> AreaStats:
    retention = settings.areas[area.area].retention
    stats: AreaStats = {
        "path": printable(str(settings.base_path / area.directory)),
        "files": area.files,
        "size_bytes": area.bytes,
        "size_human": format_bytes(area.bytes),
        "oldest_file": iso_or_none(area.oldest),
        "newest_file": iso_or_none(area.newest),
        "retention_seconds": retention,
        "retention_human": format_retention(retention),
        "trash_files": area.trash_files,
        "trash_bytes": area.trash_bytes,
        "trash_human": format_bytes(area.trash_bytes),
    }
    if area.errors:
        stats["error"] = printable(_summary(area.errors))
    return stats


def _summary(errors: Sequence[str]) -> str:
    return f"{errors[0]} (and {len(errors) - 1} more)" if len(errors) > 1 else errors[0]
