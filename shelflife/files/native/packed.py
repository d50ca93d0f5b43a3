"""Records: what the compiled reading writes for each directory (`write_record` in reading.c).

A run reads many directories to plan and comes back to them a while later to act. Until then a record stays as it
is, some hundred bytes and one object, and is taken apart when somebody asks what is in it.
"""

from __future__ import annotations

import os
from array import array
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.files.candidates import Candidates
from shelflife.files.hours import COLUMNS
from shelflife.files.known import Gone, Known
from shelflife.files.listing import FOREVER
from shelflife.files.reading import NOTHING, DueCounts, Reading
from shelflife.files.survey import KEY_SIZE, Key, Survey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.rules import NativeRules


_BUCKET: Final = 8 * COLUMNS
"""Bytes of an hour in a histogram."""


class _Header(NamedTuple):
    """The numbers that a record begins with."""

    error: int
    device: int
    inode: int
    mtime: int
    ctime: int
    same: int
    partial: int
    entries: int
    staying: int
    special: int
    fault: int
    newest: int
    newest_change: int
    files: int
    bytes: int
    allocated: int
    first_due: int
    oldest: int
    oldest_inode: int
    rest_files: int
    rest_bytes: int
    rest_allocated: int
    rest_first_due: int
    rest_oldest: int
    rest_oldest_inode: int
    due_files: int
    due_bytes: int
    due_links: int
    more: int
    children: int
    due: int
    hours: int
    rest_hours: int
    child_names: int
    names: int

    @property
    def length(self) -> int:
        """Bytes that follow."""
        hours, children = _BUCKET * (self.hours + self.rest_hours), self.child_names + 8 * self.children
        return hours + children + self.names + (24 + 8 + 1) * self.due


_HEADER: Final = Struct(f"={len(_Header._fields)}q")

_KEY: Final = slice(16, 16 + KEY_SIZE)
"""Where in a record inode, mtime and ctime are."""


def readings_of(
    packed: bytes, known: Sequence[Known | None], native: NativeRules, cutoffs: Cutoffs
) -> list[Reading]:
    """Return the readings of as many directories as something is, or is not, `known` of."""
    found: list[Reading] = []
    start = 0
    for one in known:
        head = _Header._make(_HEADER.unpack_from(packed, start))
        end = start + _HEADER.size
        if head.error:
            found.append(Reading(error=head.error))
        else:
            end += head.length
            found.append(Record(packed[start:end], head, one if head.partial else None, native, cutoffs))
        start = end
    return found


_Parts = tuple[_Header, bytes, bytes, bytes, bytes]
"""The numbers; the histograms of all and of the rest; names and inodes of subdirectories; what is due."""


class Record(Reading):
    """A reading that is taken apart when it is asked for."""

    __slots__ = ("_known", "_native", "_packed", "_parts")

    def __init__(
        self, packed: bytes, head: _Header, known: Known | None, native: NativeRules, cutoffs: Cutoffs
    ) -> None:
        """Take a record, and by which values it was read; of a partial one, what was known of the directory."""
        self._packed = packed
        self._known = known
        self.error = 0
        self.device = head.device
        self._native = native
        self.cutoffs = cutoffs
        self.listed = head.due
        self.more = bool(head.more)
        self.is_partial = bool(head.partial)
        self.entries = head.entries if known is None else known.files
        self.is_complete = not head.fault
        self.fold()

    def fold(self) -> None:
        """See `Reading`."""
        self._survey = self._due = None
        self._parts: _Parts | None = None

    @property
    def survey(self) -> Survey:
        """See `Reading`."""
        if self._survey is None:
            head, hours, _, children, _ = self._take_apart()
            if self._known is None:
                self._survey = _survey(head, hours)
            else:
                self._survey = self._known.survey()
                self._survey.due_files, self._survey.due_bytes = head.due_files, head.due_bytes
            if head.children:
                self._survey.children = _children(children, head)
            self._survey.move_to(self._native.number)
        return self._survey

    @property
    def due(self) -> Candidates:
        """See `Reading`."""
        if self._due is None:
            head, *_, due = self._take_apart()
            self._due = _candidates(due, head) if due else NOTHING
        return self._due

    @property
    def key(self) -> bytes:
        """See `Reading`."""
        return self._packed[_KEY]

    @property
    def counts(self) -> DueCounts:
        """See `Reading`."""
        head = self._head()
        empty = head.mtime if head.entries == 0 else None
        number = self._native.number
        others = {number: (head.due_files, head.due_bytes)} if number and head.due_files else {}
        return DueCounts(head.due_files, head.due_bytes, head.due_links, empty, others)

    def rest(self) -> Survey:
        """See `Reading`."""
        if not self.listed:
            return self.survey
        head, hours, rest_hours, *_ = self._take_apart()
        if self._known is not None and self._native.cutoff is not None:
            gone = Gone(head.files, head.bytes, head.allocated, hours)
            rest = self._known.without(gone, self._native.cutoff)
        else:
            rest = _rest(head, self.survey, rest_hours)
        rest.move_to(self._native.number)
        return rest

    @property
    def weight(self) -> int:
        """See `Reading`."""
        return 500 + len(self._packed) + (300 + len(self._known.hours) if self._known else 0)

    def _head(self) -> _Header:
        return _Header._make(_HEADER.unpack_from(self._packed))

    def _take_apart(self) -> _Parts:
        if self._parts is None:
            head, packed = self._head(), self._packed
            hours = _HEADER.size + _BUCKET * head.hours
            rest = hours + _BUCKET * head.rest_hours
            children = rest + head.child_names + 8 * head.children
            self._parts = (
                *(head, packed[_HEADER.size : hours], packed[hours:rest]),
                *(packed[rest:children], packed[children:]),
            )
        return self._parts


def _survey(head: _Header, hours: bytes) -> Survey:
    return Survey(
        key=Key(head.inode, head.mtime, head.ctime),
        complete=not head.fault,
        errno=head.fault,
        entries=head.entries,
        files=head.files,
        bytes=head.bytes,
        allocated=head.allocated,
        staying=head.staying,
        special=head.special,
        first_due=head.first_due,
        oldest=head.oldest,
        oldest_inode=head.oldest_inode,
        newest=head.newest,
        newest_change=head.newest_change,
        packed_hours=hours,
        due_files=head.due_files,
        due_bytes=head.due_bytes,
        due_links=head.due_links,
        changed=not head.same,
    )


def _rest(head: _Header, survey: Survey, hours: bytes) -> Survey:
    """Return a survey of what stays when all that is due is gone.

    What stays is younger than what goes: where anything does, the newest is the newest of all.
    """
    stays = head.rest_files > 0 or head.rest_first_due < FOREVER
    return Survey(
        key=survey.key,
        complete=survey.complete,
        errno=survey.errno,
        entries=head.entries - head.due_files - head.due_links,
        files=head.rest_files,
        bytes=head.rest_bytes,
        allocated=head.rest_allocated,
        staying=head.staying,
        special=head.special,
        first_due=head.rest_first_due,
        oldest=head.rest_oldest,
        oldest_inode=head.rest_oldest_inode,
        newest=head.newest if stays else -FOREVER,
        newest_change=head.newest_change,
        packed_hours=hours,
        children=survey.children,
        changed=survey.changed,
    )


def _children(packed: bytes, head: _Header) -> dict[str, int]:
    names, inodes = packed[: head.child_names], packed[head.child_names :]
    numbers = [number % 2**64 for number in array("q", inodes)]
    return dict(zip(os.fsdecode(names).split("/"), numbers, strict=True))


def _candidates(packed: bytes, head: _Header) -> Candidates:
    facts = head.names + 24 * head.due
    times = facts + 8 * head.due
    return Candidates(packed[: head.names], packed[head.names : facts], packed[facts:times], packed[times:])
