"""The configuration in force: the one that was last read without a fault.

It is read again every minute and before each scheduled run. A broken one changes nothing here; whoever wanted
to run by it reports it.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from shelflife.errors import Problem, SettingsError, ShelflifeError
from shelflife.policy.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.engine import Engine
    from shelflife.settings import Settings

logger = logging.getLogger(__name__)

FAULTS: Final = (ShelflifeError, ValueError, OSError)
"""What reading a configuration may raise."""


class Current:
    """The engine and the schedule in force."""

    def __init__(self, engine: Engine, load: Callable[[], Settings] | None, *, now: int) -> None:
        """Begin with an engine's own settings; `load` reads them anew (None: they never change)."""
        self._load = load
        self._lock = threading.Lock()
        self._asked = now
        self._fault = ""
        self.engine = engine
        self.since: int | None = None
        """Slots up to this moment (ns) are of no concern to the schedule in force; None: all are.

        A changed schedule begins where the old one was last known to hold, so nothing is made up for times
        at which it was not yet wanted."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.engine.settings

    @property
    def schedule(self) -> Schedule:
        """When cleanups are due."""
        return Schedule.of(self.settings.cleanup)

    def read(self, now: int) -> None:
        """Read the configuration again. Raises what `load` raises, and then leaves all as it is."""
        if self._load is None:
            return
        with self._lock:
            settings = _loaded(self._load)
            old, new = self.settings.cleanup, settings.cleanup
            if _timing(new) != _timing(old):
                self.since = self._asked
                state = f"the schedule is {new.schedule} ({new.timezone})" if new.enabled else "disabled"
                logger.info("the configuration has changed: %s", state)
            if self.since is not None and now < self.since:
                self.since = None  # the clock was set back
            if settings != self.settings:
                self.engine = self.engine.with_settings(settings)
            self._asked = now
            self._fault = ""

    def look(self, now: int) -> None:
        """Read the configuration again; log once what is wrong with it, and never raise that."""
        try:
            self.read(now)
        except FAULTS as error:
            if str(error) != self._fault:
                self._fault = str(error)
                message = "the configuration cannot be read; the one before stays in force: %s"
                logger.error(message, error)  # noqa: TRY400 - it says all


def _loaded(load: Callable[[], Settings]) -> Settings:
    """Call somebody else's function, which may have faults of its own. Raises what is in `FAULTS`."""
    try:
        return load()
    except FAULTS:
        raise
    except Exception as error:
        raise SettingsError([Problem(reason=f"{type(error).__name__}: {error}")]) from error


def _timing(cleanup: object) -> tuple[object, ...]:
    return tuple(getattr(cleanup, name) for name in ("enabled", "schedule", "timezone"))
