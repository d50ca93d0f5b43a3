"""The scheduled cleanup of the media-analysis service.

The engine's scheduler (`shelflife.schedule`) in the shapes that this service has always had. The module's
`cleanup_scheduler` is the one of the running application; it reads and starts nothing until it is used::

    from api.scheduler import cleanup_scheduler

    cleanup_scheduler.start()
    cleanup_scheduler.get_metrics()["last_run"]
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api import config as configuration
from api.storage import StorageManager
from shelflife.engine import Engine
from shelflife.errors import CleanupDisabled
from shelflife.records.history import Totals
from shelflife.settings.in_force import SettingsInForce
from shelflife.shapes.metrics import metrics_as_json

if TYPE_CHECKING:
    from api.config import Config
    from shelflife.schedule.scheduler import Scheduler
    from shelflife.settings import Settings

__all__ = ["CleanupScheduler", "cleanup_scheduler", "get_scheduler"]

logger = logging.getLogger(__name__)


class CleanupScheduler:
    """Runs the cleanups of one storage by the schedule of the configuration.

    Args:
        config: where the schedule and the other values of the section `cleanup` come from, and the storage
            unless there is a manager. Default: that of the process, or what the manager was given.
        storage_manager: whose storage is cleaned up; its base path and retention hold then.

    The configuration's file is read again every minute and before each run, so that a changed schedule is in
    effect without a restart. Values that a program has put into `config.storage_cleanup`, or handed to the
    manager, stay.
    """

    def __init__(self, config: Config | None = None, storage_manager: StorageManager | None = None) -> None:
        self._config = config
        self._manager = storage_manager
        self._made: StorageManager | None = None
        self._scheduler: Scheduler | None = None
        self.in_force = SettingsInForce(self._load, initial=self._settings)
        """The settings in force in this process, for whoever else cleans up in it."""
        self._lock = threading.Lock()

    @property
    def config(self) -> Config:
        """The configuration it was given, or that of the process."""
        return self._config or configuration.config

    @property
    def storage_manager(self) -> StorageManager:
        """The manager it was given, or one for the storage of the configuration."""
        if self._manager is not None:
            return self._manager
        if self._made is None:
            self._made = _ConfiguredStorage(self.config)
        return self._made

    @property
    def scheduler(self) -> object | None:
        """The APScheduler that keeps the time; None before `start` and after `stop`."""
        return self._scheduler.clockwork if self._scheduler else None

    def start(self) -> None:
        """Begin to keep the schedule, in a thread of its own; return at once.

        Does nothing where `enabled` is false, and logs that; warns when it is already running.

        Raises:
            ValueError: the schedule, or something else in the configuration, is wrong.
        """
        with self._lock:
            if self._scheduler is not None and self._scheduler.running:
                logger.warning("the cleanup scheduler is already running")
                return
            self.in_force.read()
            scheduler = self._new()
            self._scheduler = scheduler if scheduler.start() else None

    def stop(self) -> None:
        """End the schedule, and a run at its next batch, within 5 s. Harmless when it does not run."""
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.stop()

    def run_now(self) -> dict[str, Any]:
        """Run a cleanup at once and return `get_metrics()`.

        Where `enabled` is false nothing is run, and a warning says so; where `dry_run` is true, what would go
        is logged.

        Raises:
            ValueError: the configuration is wrong; that is recorded as a refused run.
            shelflife.errors.CleanupBusy: another cleanup of this storage is running.
        """
        try:
            (self._scheduler or self._new()).run_now()
        except CleanupDisabled as error:
            logger.warning("no cleanup: %s", error)
        return self.get_metrics()

    def get_metrics(self) -> dict[str, Any]:
        """Return what all executed runs of this storage did, by whomever, and how the scheduler is.

        Dry and refused runs do not count. Times are ISO 8601 in UTC, or None when there was none.
        """
        running = self._scheduler is not None and self._scheduler.running
        engine = Engine(self.in_force.settings if running else self.in_force.look(max_age=0))
        exists = engine.settings.base_path.is_dir()  # where nothing is yet, nothing was cleaned
        totals = engine.totals() if exists else Totals()
        cleaning = exists and engine.holder() is not None
        return dict(metrics_as_json(engine.settings.cleanup, totals, running=running, cleaning=cleaning))

    # -- inside

    def _new(self) -> Scheduler:
        """Return a scheduler by the settings in force."""
        return Engine(self.in_force.settings).scheduler(load=self.in_force)

    def _load(self) -> Settings:
        """Return the settings by the configuration's file as it is now."""
        return self._settings_by(self.config.reload())

    def _settings(self) -> Settings:
        """Return the settings by the configuration as it was read last."""
        return self._settings_by(self.config)

    def _settings_by(self, config: Config) -> Settings:
        """Return the settings of a configuration, with what a program has set laid over."""
        manager = self._manager
        if manager is None:
            return config.settings.replace(cleanup=_changed(self.config, self.config.storage_cleanup))
        given = manager.settings
        wanted = manager.cleanup_config if self._config is None else self._config.storage_cleanup
        cleanup = {**dict(config.settings.cleanup), **_changed(self.config, wanted)}
        if given.cleanup.dry_run:  # from either side it holds
            cleanup["dry_run"] = True
        return given.replace(cleanup=cleanup)


class _ConfiguredStorage(StorageManager):
    """The storage of a configuration that need not be the one of the process."""

    def __init__(self, config: Config) -> None:
        self._configured = config.settings
        self.base_path = Path(config.storage_base_path)
        self.retention_periods = dict(config.storage_retention)
        self.cleanup_config = dict(config.storage_cleanup)


def _changed(config: Config, cleanup: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs from the file as the configuration has it: a program has set that."""
    read = dict(config.settings.cleanup)
    return {key: value for key, value in cleanup.items() if key not in read or value != read[key]}


cleanup_scheduler = CleanupScheduler()
"""The scheduler of the running application."""


def get_scheduler() -> CleanupScheduler:
    """Return the scheduler of the running application."""
    return cleanup_scheduler
