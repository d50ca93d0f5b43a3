"""Resumable: a file that is received in several goes, by whichever process, until its time is up.

Room is promised to it as to any other, but it lies in `.trash/.incoming/` of its area, under the name of its
claim, which has a time to live: each go begins where the file ends on disk, and extends that time. One process at
a time writes; when the time is up, or it is given up, the file goes with the promise.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.errors import UsageError
from shelflife.files.draft import INCOMING, NamedDraft
from shelflife.policy.area import path_below
from shelflife.receive.destination import Destination
from shelflife.receive.incoming import Incoming, check_size, promised
from shelflife.receive.reserve import Reservation
from shelflife.records.claims import RECEIVING, Claims
from shelflife.records.promises import Promise

if TYPE_CHECKING:
    from shelflife.records.claims import ClaimRecord
    from shelflife.run.workplace import Workplace

KEPT: Final = 86_400
"""Seconds that a file waits for more of it, by default."""


class ReservationBusyError(UsageError):
    """Somebody else writes just now what was to be gone on with, or given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRecord:
    """Room that is promised to a file that is being received."""

    name: str
    """Its own, never used again."""
    area: str
    path: str
    """Where the file is to be, relative to the base path."""
    promised: int
    """Bytes."""
    offset: int | None
    """How many bytes of it are on disk; None where it has no name, so that nobody else can go on with it."""
    until: int | None
    """When it is given up unless somebody goes on (ns); None: with its process."""


def reserve_for(work: Workplace, area: str, path: str, size: int | None, seconds: float) -> ReservationRecord:
    """Promise room to a file that is received in several goes, each of them within so many seconds.

    Raises as `shelflife.receive.incoming.receive`, and UsageError for no time.
    """
    check_size(size)
    if not seconds > 0:
        raise UsageError("a reservation must end in the future; allowed: a number of seconds above 0")
    place = Destination.open(work, area, path)
    made = promised(work, place, size, keep=int(seconds * SECOND))
    made.end()
    return reservation_of(work, made.name)


def resume(work: Workplace, name: str) -> Incoming:
    """Go on with a file where it ends on disk; closed before it is published, it waits for more.

    Raises ReservationBusyError while somebody else writes it, UsageError when there is none of that name,
    StorageError.
    """
    incoming = Incoming(work, _taken(work, name))
    incoming.seek(0, os.SEEK_END)
    return incoming


def give_up(work: Workplace, name: str) -> ReservationRecord:
    """Give up a file that waits for more, and the room that is promised to it; return what it was.

    Raises as `resume`.
    """
    found = reservation_of(work, name)
    _taken(work, name).give_up()
    return found


def reservations(work: Workplace) -> list[ReservationRecord]:
    """Return what is being received, by whichever process. Raises StorageError."""
    return [_record(work, record) for record in Claims(work.records.state, RECEIVING).living(work.clock())]


def reservation_of(work: Workplace, name: str) -> ReservationRecord:
    """Return the reservation of that name. Raises UsageError when there is none, or its time was up."""
    record = Claims(work.records.state, RECEIVING).find(name, work.clock())
    if record is None:
        raise UsageError(f"there is no reservation {name}, or its time was up")
    return _record(work, record)


def _record(work: Workplace, record: ClaimRecord) -> ReservationRecord:
    promise = Promise.of(record.content)
    offset = None
    if (area := work.areas.get(promise.area)) is not None:
        with suppress(OSError):
            draft = work.settings.base_path / area.directories[0] / INCOMING / record.name
            offset = draft.stat(follow_symlinks=False).st_size
    return ReservationRecord(
        name=record.name,
        area=promise.area,
        path=promise.path,
        promised=promise.promised,
        offset=offset,
        until=record.until,
    )


def _taken(work: Workplace, name: str) -> Reservation:
    """Take over what waits for more. Raises as `resume`."""
    found = reservation_of(work, name)
    if found.until is None or found.area not in work.areas:
        raise UsageError(f"the reservation {name} is its process's: nobody else can go on with it")
    claims = Claims(work.records.state, RECEIVING)
    place = Destination.open(work, found.area, _below(work, found))
    try:
        with claims.exclusive():
            claim = claims.hold(name)
        if claim is None:
            raise UsageError(f"there is no reservation {name}, or its time was up")
        try:
            draft = NamedDraft.resume(place.anchor, name)
        except FileNotFoundError:
            claim.release()
            raise UsageError(f"what was received for {found.path} is gone: begin again") from None
    except BaseException as error:
        place.close()
        if isinstance(error, BlockingIOError):
            raise ReservationBusyError(f"somebody writes {found.path} just now; try again later") from None
        raise
    return Reservation(place, draft, claim)


def _below(work: Workplace, found: ReservationRecord) -> str:
    area = work.areas[found.area]
    below = path_below(area.directories[0], found.path)
    if below is None:
        raise UsageError(f"the area {found.area} was moved since {found.path} was begun")
    return below
