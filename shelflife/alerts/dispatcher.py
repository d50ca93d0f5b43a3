"""The dispatcher: compares what needs a person with what was told, and has the difference told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shelflife.alerts.conditions import ENDED, AlertKind, conditions_of
from shelflife.alerts.sender import Sender
from shelflife.errors import ShelflifeError
from shelflife.run.making_room import ReliefOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.records.alerts import Message
    from shelflife.run.making_room import DiskRelief
    from shelflife.run.workplace import Workplace

logger = logging.getLogger(__name__)


class Dispatcher:
    """Tells people what needs them. One for each process; several processes tell everything once together."""

    def __init__(self, sender: Sender | None = None) -> None:
        """Prepare; nothing is read or sent."""
        self.sender = sender or Sender()
        self._fault = ""

    def look(self, work: Workplace, relieved: Sequence[DiskRelief] | None = None) -> None:
        """See what needs a person, after `relieved` was done about the disks, and have it told.

        It is written down whether or not there is a receiver. Returns without waiting for any, and never raises a
        fault: whatever is wrong with telling must not stop what is told about.
        """
        try:
            self._look(work, relieved)
        except (ShelflifeError, OSError) as error:
            if str(error) != self._fault:
                self._fault = str(error)
                logger.error("cannot see what is to be told: %s", error)  # noqa: TRY400 - it says all
        else:
            self._fault = ""

    def _look(self, work: Workplace, relieved: Sequence[DiskRelief] | None) -> None:
        now, has_receiver = work.clock(), work.settings.alerts.has_receiver
        messages: Sequence[Message] = ()
        with work.records.open_journal() as journal:
            book = journal.alerts
            found = conditions_of(work, now, book.active(), relieved)
            ends = {str(kind): text for kind, text in ENDED.items()}
            book.update(found, at=now, told=ends, tell=has_receiver)
            if has_receiver:
                for relief in relieved or ():
                    if relief.outcome is ReliefOutcome.RELIEVED and relief.runs:
                        key = f"{AlertKind.PRESSURE}:{relief.disk.name}"
                        book.say(
                            at=now, event="ended", kind=AlertKind.PRESSURE, key=key, text=_relieved(relief)
                        )
                messages = book.claim(at=now)
        self.sender.send(work, messages)


def tell(work: Workplace, relieved: Sequence[DiskRelief] | None, *, wait: float) -> bool:
    """Have people told what needs them, with one try for each receiver and `wait` seconds for it.

    Returns whether all was delivered; the rest is told by whoever looks next. Never raises a fault.
    """
    dispatcher = Dispatcher(Sender(pauses=()))
    dispatcher.look(work, relieved)
    return dispatcher.sender.wait(timeout=wait)


def _relieved(found: DiskRelief) -> str:
    before, after = found.disk.usage, found.after
    gone = sum(report.removed + report.total("purged") for report in found.runs)
    return (
        f"the disk of {', '.join(found.disk.areas)} was at {before.share:.1f} %: "
        f"{gone} files went, now it is at {after.share:.1f} %"
    )
