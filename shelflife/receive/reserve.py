"""Reserving: room that is promised to one file, and the ledger of all that is.

Looking and promising are one step: writers take turns for it, across processes. Where the file system can, blocks
are set aside for what is promised, so that nobody else can take them, and from then on they show in its numbers.
Where they do not show, the ledger alone knows. An entry of the ledger is a claim: it ends with its process.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shelflife.files.draft import NamedDraft, NamelessDraft, give_back, set_aside, sweep_drafts
from shelflife.files.mounts import shows_allocated
from shelflife.policy.admission import DiskRoom, limit_of
from shelflife.policy.load import Load
from shelflife.records.claims import RECEIVING, Claims, OwnClaim
from shelflife.records.promises import Promise
from shelflife.records.state import NO_ROOM
from shelflife.storage.disks import usage_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shelflife.files.draft import Draft
    from shelflife.receive.destination import Destination

_BLOCK: Final = 4096
"""What is promised is rounded up to so many bytes, as file systems do."""

_TELL: Final = 4 * 1024 * 1024
"""Bytes written after which the ledger is told, where they do not show before they are written."""


class Reservation:
    """Room that is promised to one file, and the file itself: a draft."""

    def __init__(self, place: Destination, draft: Draft, claim: OwnClaim) -> None:
        """Take over a draft, and the claim for it."""
        self.place = place
        self.draft = draft
        self.promised: int = claim.content["promised"]
        self.is_published = False
        self._claim = claim
        self._shows = shows_allocated(place.anchor.fd)
        self._sets_aside = True
        self._told = 0

    @property
    def name(self) -> str:
        """Its own name, never used again."""
        return self._claim.name

    def grow(self, size: int) -> None:
        """Promise `size` bytes in all. Raises DoesNotFit, OSError; what was promised stays promised."""
        more = _rounded(size) - self.promised
        if more <= 0:
            return
        claims = Claims(self.place.state, RECEIVING)
        with claims.exclusive():
            wish = Load(allocated=more)
            _decide(self.place, claims, wish)
            self._promise(more)

    def _promise(self, more: int) -> None:
        try:
            self._sets_aside = self._sets_aside and set_aside(self.draft.fd, self.promised, more)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            # The file system knows better than its own numbers: an owner's quota, blocks for its own use.
            room = _room(self.place, [])
            none = replace(room.usage, space=room.usage.space._replace(available=0))
            raise DoesNotFit(self.place, Load(allocated=more), replace(room, usage=none)) from error
        self.promised += more
        self._tell(os.fstat(self.draft.fd).st_size)

    def cut(self, size: int) -> None:
        """Take note that the file was cut to `size` bytes, which gave back what was set aside beyond them."""
        self.promised = min(self.promised, _rounded(size))
        self._tell(size)

    def wrote(self, size: int) -> None:
        """Take note that the file has so many bytes by now."""
        if not (self._shows and self._sets_aside) and size - self._told >= _TELL:
            self._tell(size)

    def _tell(self, written: int) -> None:
        self._told = written
        shown = self.promised if self._shows and self._sets_aside else min(written, self.promised)
        self._claim.change(promised=self.promised, hidden=self.promised - shown)

    def give_back(self) -> None:
        """Give back what was promised beyond the size that the file has. Raises OSError."""
        give_back(self.draft.fd, self.promised)

    def end(self) -> None:
        """End it: a draft that has no name by now is gone, unless it has a time to live.

        In a forked child it stays the parent's.
        """
        keep = self._claim.content["keep"]
        if not self._claim.is_ours:
            self.draft.keep()
        elif self.is_published or keep is None:
            self.draft.discard()
            self._claim.release()
        else:
            with suppress(OSError):
                self._tell(os.fstat(self.draft.fd).st_size)
                self._claim.change(until=self.place.clock() + keep)
            self.draft.keep()
            self._claim.let_go()
        self.place.close()

    def give_up(self) -> None:
        """End it, also where it has a time to live: the draft is gone."""
        self.draft.discard()
        self._claim.release()
        self.place.close()


def reserve(place: Destination, size: int, *, keep: int | None = None) -> Reservation:
    """Promise `size` bytes and an inode to a file that is to be at a place.

    With `keep`, it lives so long (ns) after each go, whatever becomes of the process; else as long as that.
    Raises DoesNotFit, OSError, and nothing is promised then.
    """
    claims = Claims(place.state, RECEIVING)
    with claims.exclusive():
        _decide(place, claims, Load(files=1, allocated=_rounded(size)))
        empty = Promise(place.area.name, place.path, place.device, 0, 0)
        until = None if keep is None else place.clock() + keep
        claim = claims.add({**empty._asdict(), "keep": keep}, until=until)
        try:
            draft = None if keep is not None else NamelessDraft.begin(place.anchor.fd)
            made = Reservation(place, draft or _named(place, claims, claim), claim)
        except BaseException:
            claim.release()
            raise
        try:
            if size:
                made._promise(_rounded(size))
        except BaseException:
            made.draft.discard()
            claim.release()
            raise
    return made


def _named(place: Destination, claims: Claims, claim: OwnClaim) -> NamedDraft:
    """Begin a draft that has its claim's name: one without a claim is what a killed process left."""
    sweep_drafts(place.anchor, claims.names)
    return NamedDraft.begin(place.anchor, claim.name, place.owner)


def _rounded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


class DoesNotFit(Exception):  # noqa: N818 - a state, not a fault
    """What is wished for does not fit as things are: perhaps once room was made."""

    def __init__(self, place: Destination, wish: Load, room: DiskRoom) -> None:
        """Take the wish, and the room that there is for it."""
        super().__init__(place.path, wish, room)
        self.place, self.wish, self.room = place, wish, room


def _decide(place: Destination, claims: Claims, wish: Load) -> None:
    """Return if a wish fits, in this process's turn. Raises DoesNotFit."""
    room = _room(place, [Promise.of(record.content) for record in claims.sweep(place.clock())])
    if limit_of(wish, room) is not None:
        raise DoesNotFit(place, wish, room)


def _room(place: Destination, promises: Iterable[Promise]) -> DiskRoom:
    here = [promise for promise in promises if promise.device == place.device]
    return DiskRoom(
        usage=usage_of(place.anchor.fd),
        hidden=Load(allocated=sum(promise.hidden for promise in here)),
        promised=sum(promise.promised for promise in here),
        promised_here=sum(promise.promised for promise in here if promise.area == place.area.name),
        share=place.area.receive_share,
        quota=place.area.quota,
    )
