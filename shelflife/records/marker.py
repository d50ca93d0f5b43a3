"""The marker: a storage and its journal know each other by one UUID.

Holds are in the journal. A journal that was made for another storage, or lost and made anew, knows nothing of
this one's holds, so nothing is removed until a person says that it is meant (`shelflife init --adopt`).
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.errors import RecordsError
from shelflife.records.state import NO_ROOM

if TYPE_CHECKING:
    from shelflife.records.journal import Journal
    from shelflife.records.state import StateDirectory

logger = logging.getLogger(__name__)


def check_marker(state: StateDirectory, journal: Journal, *, adopt: bool = False) -> None:
    """See that marker and journal belong together; a storage that has neither gets both.

    With `adopt`, the marker is written anew. Raises RecordsError when they do not, or cannot be read.
    """
    marked, known = _read(state), journal.identity.current()
    if known is None and (marked is None or adopt):
        _join(state, journal)
        return
    if marked is None and journal.identity.is_blank:
        adopt = True  # whoever made the journal came no further, or is at it now: there is nothing to lose
    elif marked is None:
        marked = _read(state)  # the marker comes before the first record: was there none, there is one now
    if known is None or (marked != known and not adopt):
        raise RecordsError(_mismatch(state, marked, known))
    if marked != known:
        _write(state, known)


def marker_fault(state: StateDirectory, journal: Journal | None) -> str | None:
    """Say why `check_marker` would refuse a journal, None if there is none yet; None if it would not.

    Nothing is written. Raises RecordsError if the marker cannot be read.
    """
    marked, known = _read(state), None if journal is None else journal.identity.current()
    if marked == known or (marked is None and journal is not None and journal.identity.is_blank):
        return None
    return _mismatch(state, marked, known)


def _mismatch(state: StateDirectory, marked: str | None, known: str | None) -> str:
    return (
        f"the journal {state.journal} does not belong to the storage that {state.marker} marks "
        f"(it is of {known or 'no storage'}, the marker says {marked or 'nothing'}), so holds are "
        "unknown and nothing is removed; if this is meant, `shelflife init --adopt` joins the two"
    )


def _join(state: StateDirectory, journal: Journal) -> None:
    identity = journal.identity.claim(_new_identity())
    try:
        _write(state, identity)
    except RecordsError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_ROOM:
            journal.identity.forget()
            logger.warning("no room to mark the storage; the next run does it")
            return
        raise


def _read(state: StateDirectory) -> str | None:
    try:
        return state.marker.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RecordsError(f"cannot read the marker {state.marker}: {error}") from error


def _write(state: StateDirectory, identity: str) -> None:
    """Write the marker so that it is there as a whole or not at all."""
    new = state.marker.with_name(f"{state.marker.name}.{_new_identity()}")  # nobody else writes to this one
    try:
        try:
            state.create_file(new)
            new.write_text(identity + "\n", encoding="utf-8")
            os.replace(new, state.marker)
        finally:
            with suppress(OSError):
                new.unlink()
    except OSError as error:
        raise RecordsError(f"cannot write the marker {state.marker}: {error}") from error


def _new_identity() -> str:
    """Return a random UUID (RFC 9562, version 4). To load `uuid` for one would take longer than a cleanup."""
    random = os.urandom(16).hex()
    return f"{random[:8]}-{random[8:12]}-4{random[13:16]}-8{random[17:20]}-{random[20:]}"
