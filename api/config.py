"""The configuration of the media-analysis service.

`Config` shows the settings of the retention engine in the shapes that this service has always had: paths as
text, dictionaries with plain values. What a file may say, its defaults and its checks are the engine's
(`shelflife.settings`); here is only where the file is looked for.

The module's `config` is read when it is first used, not when it is imported::

    from api.config import config

    config.storage_base_path
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shelflife.settings import Settings

__all__ = ["Config", "config"]

_CHECKOUT = Path(__file__).resolve().parent.parent
_DEPLOYED = Path("/opt/services/media-analysis")

_CLEANUP_KEYS = {"enabled", "schedule", "dry_run", "batch_size", "lock_timeout"}
"""What the service's own code knows of the section `cleanup`: the keys that it had from the beginning."""


class Config:
    """The configuration as it stands at the moment of construction.

    Each object has its own values: changing the dictionaries of one changes neither another nor the settings.

    Args:
        config_path: the file to read. Without it, ``config.yaml`` is looked for in the checkout, in the
            working directory, and where the service is deployed; without any, everything has its default.

    Raises:
        shelflife.errors.SettingsError: a `ValueError` that lists every problem of file and environment.
    """

    config_path: Path | None
    """The file that was read; None when there was none."""
    settings: Settings
    """What the retention engine makes of it."""
    storage_base_path: str
    """The directory that holds the areas; absolute."""
    storage_retention: dict[str, int]
    """Retention of each area in seconds; -1: indefinitely."""
    storage_cleanup: dict[str, bool | int | str]
    """`enabled`, `schedule`, `dry_run`, `batch_size`, `lock_timeout` (seconds); the rest is in `settings`."""

    def __init__(self, config_path: Path | str | None = None) -> None:
        from shelflife.settings import find_config, load_settings

        path = Path(config_path) if config_path is not None else find_config(_search_path())
        self.settings = load_settings(path, directory=_CHECKOUT)
        self.config_path = self.settings.source
        self.storage_base_path = str(self.settings.base_path)
        self.storage_retention = {key: area.retention for key, area in self.settings.areas.items()}
        self.storage_cleanup = {name: value for name, value in self.settings.cleanup if name in _CLEANUP_KEYS}

    @property
    def STORAGE_BASE_PATH(self) -> str:  # noqa: N802 - its name since the first version
        """The same as `storage_base_path`."""
        return self.storage_base_path

    def reload(self) -> Config:
        """Return the configuration as it stands now; this object stays as it is.

        The file that was read is read again; if it has gone, that is an error. Where there was none, one is
        looked for.
        """
        return Config(self.config_path)


class _LazyConfig(Config):
    """A `Config` that is read when one of its attributes is first asked for."""

    def __init__(self) -> None:
        """Read nothing."""

    def __getattr__(self, name: str) -> object:
        """Only asked for what `Config.__init__` has not set yet."""
        if name.startswith("__") or "settings" in vars(self):
            raise AttributeError(f"{Config.__name__!r} object has no attribute {name!r}", name=name, obj=self)
        super().__init__()
        return getattr(self, name)


def _search_path() -> Iterator[Path]:
    yield _CHECKOUT
    yield Path.cwd()
    if not _is_test():  # a test on the machine where the service runs must not touch its storage
        yield _DEPLOYED


def _is_test() -> bool:
    """Whether pytest runs this, or started the process that does."""
    return "pytest" in sys.modules or "PYTEST_VERSION" in os.environ


config: Config = _LazyConfig()
"""The configuration of this process."""
