"""The storage of the media-analysis service, in the shapes that this service has always had.

What a cleanup does is the engine's business (`shelflife.engine`); here its answers become dictionaries.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any, ClassVar, Final

from api import config as configuration
from shelflife import clock
from shelflife.clock import SECOND
from shelflife.engine import Engine
from shelflife.errors import StorageError, UsageError
from shelflife.files.listing import EntryKind, entry_at
from shelflife.formats import format_bytes, format_retention, printable
from shelflife.policy.choose import by_retention_of_classes
from shelflife.policy.rules import File
from shelflife.records.statistics import statistics_of
from shelflife.settings import DEFAULT_RETENTION, INDEFINITE, STATE_DIRECTORY
from shelflife.shapes import cleanup as shapes
from shelflife.shapes.stats import stats_as_json

if TYPE_CHECKING:
    from shelflife.settings import AreaSettings, Settings

__all__ = ["MOST_FILES", "StorageManager"]

MOST_FILES: Final = 10_000
"""Files that a result names for each area; all are counted, and `files_truncated` tells whether more went."""

_HERE: Final = -100
"""AT_FDCWD: instead of a directory, where paths may be absolute."""


class StorageManager:
    """Looks after the areas of one storage. Its methods block, and may be called from several threads.

    It holds nothing but the values below, and each call reads them anew: what is changed here after
    construction is checked and in effect with the next call.

    Args:
        base_path: the directory that holds the areas; absolute.
        retention_periods: for each area the seconds after which its files go, -1 for never. An area that is
            not named keeps its files indefinitely.
        cleanup_config: values of the section `cleanup`; those not named come from the configuration.

    What is not given, or empty, comes from the configuration (`api.config.config`). Its `dry_run: true` holds
    whatever is given here.

    Raises:
        ValueError: a value is wrong; the message says which, and what is allowed.
    """

    VALID_DIRECTORIES: ClassVar[tuple[str, ...]] = tuple(DEFAULT_RETENTION)
    """The areas that every storage of this service has; a configuration may add others."""

    DEFAULT_RETENTION: ClassVar[Mapping[str, int]] = DEFAULT_RETENTION
    """Seconds that files are kept where the configuration does not say otherwise; -1: indefinitely."""

    base_path: Path
    """The directory that holds the areas."""
    retention_periods: dict[str, int]
    """Seconds that files are kept, by area; -1, or an area that is missing: indefinitely."""
    cleanup_config: dict[str, Any]
    """`enabled`, `schedule`, `dry_run`, `batch_size`, `lock_timeout` (seconds), `timezone`."""

    def __init__(
        self,
        base_path: Path | str | None = None,
        retention_periods: Mapping[str, int] | None = None,
        cleanup_config: Mapping[str, Any] | None = None,
    ) -> None:
        configured = configuration.config.settings
        self._configured = configured
        self.base_path = Path(base_path or configured.base_path)
        self.retention_periods = (
            {configured.area_name(name): seconds for name, seconds in retention_periods.items()}
            if retention_periods
            else {name: area.retention for name, area in configured.areas.items()}
        )
        self.cleanup_config = dict(cleanup_config or {})
        self.cleanup_config = dict(self.settings.cleanup)  # checks everything

    @property
    def settings(self) -> Settings:
        """What the attributes amount to now. Raises ValueError when one of them is wrong."""
        configured = self._configured
        for name, seconds in self.retention_periods.items():
            _check_retention(name, seconds)
        # Another storage has records of its own.
        elsewhere = configured.state_dir is not None and self.base_path != configured.base_path
        return configured.replace(
            base_path=self.base_path,
            state_dir=self.base_path / STATE_DIRECTORY if elsewhere else None,
            retention={name: self.retention_periods.get(name, INDEFINITE) for name in configured.areas},
            cleanup=self.cleanup_config | ({"dry_run": True} if configured.cleanup.dry_run else {}),
        )

    @property
    def engine(self) -> Engine:
        """The engine that works by these settings, for what goes beyond this class."""
        return Engine(self.settings)

    # -- directories

    def ensure_directories(self) -> dict[str, bool]:
        """Make the areas' directories where they are missing, with mode 755; return True for each area.

        Space and permission are checked before anything is made.

        Raises:
            OSError: PermissionError, no space left, and whatever else making a directory may raise.
            shelflife.errors.StorageError: a file or a symbolic link is where a directory should be.
        """
        return dict.fromkeys(self.engine.create(), True)

    def validate_paths(self) -> dict[str, dict[str, Any]]:
        """Return, area by area, whether its directory is there and can be used. Changes nothing."""
        return {name: _validated(self._directory(area)) for name, area in self.settings.areas.items()}

    # -- cleanup

    def cleanup_directory(
        self, directory: str, dry_run: bool = False, batch_size: int = 100
    ) -> dict[str, Any]:
        """Remove the expired files of one area, by its key or its directory's name, and return what was done.

        Args:
            directory: the area: ``contact_sheets`` or ``contact-sheets``.
            dry_run: only say what would go.
            batch_size: files removed between two looks at lock and shutdown; 100 is also the most.

        Raises:
            ValueError: there is no such area; the message lists those there are.
            shelflife.errors.CleanupBusy: another cleanup of this storage is running.
        """
        _check_batch_size(batch_size)
        settings = self.settings
        (result,) = _cleanup(settings, [settings.area_name(directory)], dry_run, batch_size)
        return dict(result)

    def cleanup_temp(self, dry_run: bool = False) -> dict[str, Any]:
        """Clean up the area `temp`, as `cleanup_directory` does."""
        return self._cleanup_one("temp", dry_run)

    def cleanup_uploads(self, dry_run: bool = False) -> dict[str, Any]:
        """Clean up the area `uploads`, as `cleanup_directory` does."""
        return self._cleanup_one("uploads", dry_run)

    def cleanup_contact_sheets(self, dry_run: bool = False) -> dict[str, Any]:
        """Clean up the area `contact_sheets`, as `cleanup_directory` does."""
        return self._cleanup_one("contact_sheets", dry_run)

    def cleanup_frames(self, dry_run: bool = False) -> dict[str, Any]:
        """Clean up the area `frames`, as `cleanup_directory` does."""
        return self._cleanup_one("frames", dry_run)

    def cleanup_all(self, dry_run: bool = False) -> dict[str, Any]:
        """Clean up every area whose files expire, in one run, and return what was done, also area by area.

        Raises:
            shelflife.errors.CleanupBusy: another cleanup of this storage is running.
        """
        settings = self.settings
        names = [name for name, area in settings.areas.items() if not area.is_indefinite]
        done = _cleanup(settings, names, dry_run, settings.cleanup.batch_size)
        return dict(shapes.all_areas(done, dry_run=dry_run or settings.cleanup.dry_run))

    # -- statistics

    def get_storage_stats(self) -> dict[str, Any]:
        """Return the storage in numbers, looked at now; what could not be is in its area's `error`."""
        engine = self.engine
        try:
            statistics = engine.stats(refresh=True)
        except StorageError as error:
            errors = {name: [str(error)] for name in engine.areas}
            statistics = statistics_of(engine.areas.values(), None, errors)
        return dict(stats_as_json(statistics, engine.settings))

    # -- kept because existing tests call them

    def _get_file_age_seconds(self, path: Path | str) -> float:
        """Return how long ago a file was last modified; never negative. Raises OSError when there is none."""
        return max(0.0, (clock.now() - os.lstat(path).st_mtime_ns) / SECOND)

    def _should_cleanup(self, path: Path | str, directory: str) -> bool:
        """Return whether a file of an area would go by itself now; False when its age cannot be told."""
        engine = self.engine
        area = engine.areas[engine.settings.area_name(directory)]
        try:
            entry = entry_at(_HERE, os.fspath(path), area.rules.age_from)
        except OSError:
            return False
        if entry.kind > EntryKind.LINK:
            return False
        file = File(self._below_area(path, area.directories), entry.time)
        return area.rules.judge(file, by_retention_of_classes(area, clock.now())).remove

    @staticmethod
    def _format_bytes(size: float) -> str:
        """Return a size for people: `500.00 B`, `2.00 KB`, `1.00 GB`."""
        return format_bytes(size)

    @staticmethod
    def _format_retention(seconds: int) -> str:
        """Return a retention for people: `Indefinite`, `59 seconds`, `1 hours`, `7 days`."""
        return format_retention(seconds)

    # -- inside

    def _cleanup_one(self, area: str, dry_run: bool) -> dict[str, Any]:
        return self.cleanup_directory(area, dry_run, self.settings.cleanup.batch_size)

    def _directory(self, area: AreaSettings) -> Path:
        """Return an area's own directory, or the alias that is there instead."""
        places = [self.base_path / directory for directory in area.directories]
        return next((place for place in places if os.path.lexists(place)), places[0])

    def _below_area(self, path: Path | str, directories: tuple[str, ...]) -> str:
        """Return a path relative to the area's directory that it lies in; a name alone if it lies in none."""
        path = Path(path)
        for directory in directories:
            if path.is_relative_to(self.base_path / directory):
                return str(path.relative_to(self.base_path / directory))
        return path.name


def _cleanup(
    settings: Settings, names: list[str], dry_run: bool, batch_size: int
) -> list[shapes.AreaCleanup]:
    """Clean up areas, or say what would go, and return the result of each."""
    dry_run = dry_run or settings.cleanup.dry_run
    try:
        if dry_run:
            return _preview(settings, names)
        if all(settings.areas[name].is_indefinite for name in names):
            return _nothing_to_do(settings, names)
        return _run(settings, names, batch_size)
    except StorageError as error:
        if settings.base_path.is_dir():
            raise
        # A storage that is not there is reported like an area that is not there.
        return [shapes.nothing_done(name, [f"{name}: {error}"], dry_run=dry_run) for name in names]


def _preview(settings: Settings, names: list[str]) -> list[shapes.AreaCleanup]:
    engine = Engine(settings)
    return shapes.of_plan(engine.plan(names), settings, files=engine.files, most=MOST_FILES)


def _nothing_to_do(settings: Settings, names: list[str]) -> list[shapes.AreaCleanup]:
    """Look at areas that keep their files indefinitely: no run, but what cannot be looked at is said."""
    plan = Engine(settings).plan(names)
    return [
        shapes.nothing_done(area.area, area.errors, dry_run=False, scanned=area.scanned)
        for area in plan.areas
    ]


def _run(settings: Settings, names: list[str], batch_size: int) -> list[shapes.AreaCleanup]:
    removed = shapes.RemovedFiles(settings, most=MOST_FILES, now=clock.now())
    report = Engine(settings, listeners=[removed]).cleanup(names, batch_size=batch_size)
    return shapes.of_run(report, removed)


def _check_retention(area: str, seconds: object) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < INDEFINITE:
        raise UsageError(
            f"retention_periods: {area}: {seconds!r}: not a retention; "
            "allowed: a whole number of seconds from 0, or -1 (indefinitely)"
        )


def _check_batch_size(batch_size: object) -> None:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise UsageError(f"batch_size: {batch_size!r}: not a count; allowed: a whole number from 1")


def _validated(path: Path) -> dict[str, Any]:
    try:
        is_directory = S_ISDIR(os.lstat(path).st_mode)  # a symbolic link is none: it may lead anywhere
        exists = True
    except OSError:
        is_directory = exists = False
    return {
        "path": printable(str(path)),
        "exists": exists,
        "is_directory": is_directory,
        "readable": is_directory and os.access(path, os.R_OK | os.X_OK),
        "writable": is_directory and os.access(path, os.W_OK | os.X_OK),
    }
