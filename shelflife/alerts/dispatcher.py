"""The desk: compares what needs a person with what was told, and has the difference told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shelflife.alerts.conditions import ENDED, Kind, conditions_of
from shelflife.alerts.sender import Sender
from shelflife.errors import ShelflifeError
from shelflife.run.pressure import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.engine import Engine
    from shelflife.run.pressure import DiskRelief

logger = logging.getLogger(__name__)


class Dispatcher:
    """Tells people what needs them. One for each process; several processes tell everything once together."""

    def __init__(self, sender: Sender | None = None) -> None:
        """Prepare; nothing is read or sent."""
        self.sender = sender or Sender()
        self._fault = ""

    def look(self, engine: Engine, relieved: Sequence[DiskRelief] | None = None) -> None:
        """See what needs a person, after `relieved` was done about the disks, and have it told.

        Returns without waiting for any receiver, and never raises a fault: whatever is wrong with telling must
        not stop what is told about.
        """
        if not engine.settings.alerts.has_receiver:
            return
        try:
            self._look(engine, relieved)
        except (ShelflifeError, OSError) as error:
            if str(error) != self._fault:
                self._fault = str(error)
                logger.error("cannot see what is to be told: %s", error)  # noqa: TRY400 - it says all
        else:
            self._fault = ""

    def _look(self, engine: Engine, relieved: Sequence[DiskRelief] | None) -> None:
        now = engine.now()
        with engine.alert_book() as book:
            found = conditions_of(engine, now, book.active(), relieved)
            book.update(found, at=now, told={str(kind): text for kind, text in ENDED.items()})
            for relief in relieved or ():
                if relief.outcome is Outcome.RELIEVED and relief.runs:
                    key = f"{Kind.PRESSURE}:{relief.disk.name}"
                    book.say(at=now, event="ended", kind=Kind.PRESSURE, key=key, text=_relieved(relief))
            messages = book.claim(at=now)
        self.sender.send(engine, messages)


def _relieved(found: DiskRelief) -> str:
    before, after = found.disk.usage, found.after
    gone = sum(report.removed + report.total("purged") for report in found.runs)
    return (
        f"the disk of {', '.join(found.disk.areas)} was at {before.share:.1f} %: "
        f"{gone} files went, now it is at {after.share:.1f} %"
    )
