"""Admitting: trying to promise room, making some where that helps, and refusing in words that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from shelflife.clock import as_datetime
from shelflife.errors import NoRoom
from shelflife.formats import counted, human_size, moment, printable
from shelflife.policy.admission import Admission, Decision, Limit, Prospects, admit
from shelflife.policy.load import Load
from shelflife.receive.prospects import prospects_of
from shelflife.receive.reserve import DoesNotFit
from shelflife.run.making_room import make_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.policy.admission import DiskRoom
    from shelflife.run.workplace import Workplace

_Made = TypeVar("_Made")

_MARGIN: Final = 1024 * 1024
"""Bytes that are freed beyond what is needed: our records write meanwhile."""


def admitted(work: Workplace, attempt: Callable[[], _Made]) -> _Made:
    """Return what `attempt` does, which promises room; where that does not fit, room is made first.

    Raises NoRoom, StorageError, RecordsError, and what `attempt` raises but for DoesNotFit.
    """
    try:
        return attempt()
    except DoesNotFit as found:
        device = found.place.device
        admission = admit(found.wish, found.room, prospects_of(work, device), now=work.clock())
        path = found.place.path
        if admission.decision is Decision.AFTER_RELIEF:
            make_room(work, device, _wanted(found.wish, found.room))
            try:
                return attempt()
            except DoesNotFit as again:
                admission = admit(again.wish, again.room, Prospects(), now=work.clock())
    raise _refusal(path, admission)


def _wanted(wish: Load, room: DiskRoom) -> Load:
    """Return what must be free for a wish to fit, with what is promised already and is not to be promised."""
    return wish.plus(room.wanting).plus(Load(allocated=_MARGIN))


def _refusal(path: str, admission: Admission) -> NoRoom:
    needed, free, could_free = admission.needed, admission.free, admission.could_free
    in_inodes = admission.limit is Limit.INODES
    amounts = [load.files if in_inodes else load.allocated for load in (needed, free, could_free)]
    wanted, left, possible = (
        counted(amount, "inode", "inodes") if in_inodes else human_size(amount) for amount in amounts
    )
    why = {
        Limit.SHARE: f"area has its share of the room, and {left} of it are left",
        Limit.QUOTA: "area never holds so much: it is more than its quota",
    }.get(admission.limit or Limit.SPACE, f"disk has {left} to promise")
    parts = [f"there is no room for {printable(path)}: it needs {wanted}, and its {why}"]
    if amounts[2]:
        parts.append(f"making room could free {possible}")
    if admission.again is not None:
        parts.append(f"try again at {moment(admission.again)}")
    again = None if admission.again is None else as_datetime(admission.again)
    return NoRoom(
        "; ".join(parts), needed=amounts[0], available=amounts[1], could_free=amounts[2], again=again
    )
