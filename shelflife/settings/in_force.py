"""Which settings are in force in a process: asked by everybody, answered here.

Those that were last read without a fault. They are read again when they are looked at and a minute has passed,
and before every run. A file that is broken meanwhile changes nothing for whoever only reads; whoever removes by
it calls `read`, which says what is wrong with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from shelflife.errors import Problem, SettingsError, ShelflifeError

if TYPE_CHECKING:
    from shelflife.settings.model import Settings

__all__ = ["FAULTS", "MAX_AGE", "SettingsInForce", "in_force_of"]

logger = logging.getLogger(__name__)

FAULTS: Final = (ShelflifeError, ValueError, OSError)
"""What reading settings may raise."""

MAX_AGE: Final = 60.0
"""Seconds after which settings that are looked at are read again."""


class SettingsInForce:
    """The settings in force. One for each process and storage; may be used by several threads.

    Nothing is read before the first question, so that one may be made while a module is imported, and used after
    a fork.
    """

    def __init__(
        self, load: Callable[[], Settings], *, initial: Callable[[], Settings] | None = None
    ) -> None:
        """Take what reads the settings anew; `initial` gives those before the first reading (None: `load`)."""
        self._load = load
        self._initial = initial or load
        self._lock = threading.Lock()
        self._settings: Settings | None = None
        self._read = 0.0
        self.fault = ""
        """What is wrong with the settings since they were last read; empty if nothing is."""

    @property
    def settings(self) -> Settings:
        """The settings in force, without reading them again. Raises one of `FAULTS` if there never were any."""
        with self._lock:
            if self._settings is None:
                self._settings = _loaded(self._initial)
                self._read = time.monotonic()
            return self._settings

    def read(self) -> Settings:
        """Read the settings again and return them. Raises one of `FAULTS`, and then leaves all as it was."""
        with self._lock:
            self._read = time.monotonic()
            try:
                self._settings = _loaded(self._load)
            except FAULTS as error:
                self.fault = str(error)
                raise
            self.fault = ""
            return self._settings

    def look(self, *, max_age: float = MAX_AGE) -> Settings:
        """Return the settings in force, read again if that was `max_age` seconds ago.

        What is wrong with them is logged once. Raises one of `FAULTS` only if there never were any.
        """
        settings = self.settings
        if time.monotonic() - self._read < max_age:
            return settings
        before = self.fault
        try:
            return self.read()
        except FAULTS as error:
            if str(error) != before:
                message = "the configuration cannot be read; the one before stays in force: %s"
                logger.error(message, error)  # noqa: TRY400 - it says all
            return settings


def in_force_of(given: Settings | Callable[[], Settings] | SettingsInForce) -> SettingsInForce:
    """Return what says which settings are in force: given as such, by what reads them, or for good."""
    if isinstance(given, SettingsInForce):
        return given
    return SettingsInForce(given if callable(given) else lambda: given)


def _loaded(load: Callable[[], Settings]) -> Settings:
    """Call somebody else's function, which may have faults of its own. Raises what is in `FAULTS`."""
    try:
        return load()
    except FAULTS:
        raise
    except Exception as error:
        raise SettingsError([Problem(reason=f"{type(error).__name__}: {error}")]) from error
