"""Pinning: what a person does about holds."""

from __future__ import annotations

import os
from contextlib import contextmanager
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any, Final

from shelflife.errors import UsageError
from shelflife.files.anchor import Anchor
from shelflife.files.kernel import generation
from shelflife.files.listing import signed
from shelflife.policy.holds import Hold
from shelflife.records.journal import Journal
from shelflife.records.marker import check_marker
from shelflife.run.lock import wait_for_batch
from shelflife.storage.paths import Place, locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.run.workplace import Workplace

EVERY: Final = 2**62
"""More than there can be."""

_PATIENCE: Final = 60.0
"""Seconds to wait for a batch that hangs."""


def add_hold(
    work: Workplace,
    path: str,
    *,
    until: int | None = None,
    reason: str = "",
    instead_of: int | None = None,
) -> Hold:
    """Hold a file, or a directory with all below it; return when no batch in hand can still ignore it.

    Raises UsageError when it lies in no area or is not there, HoldChanged unless it replaces the hold of the
    number `instead_of`, if given, RecordsError, StorageError.
    """
    place = locate(path, work.settings.base_path, work.areas)
    if until is not None and until <= work.clock():
        raise UsageError("the end of a hold must lie in the future")
    records = work.records
    with records.open_journal() as journal:
        check_marker(records.state, journal)
        hold = record_hold(work, journal, place, until=until, reason=reason, instead_of=instead_of)
    if not wait_for_batch(records.state, patience=_PATIENCE):
        raise UsageError(
            f"{place.whole} is held from now on, but a cleanup has hung in one batch for {_PATIENCE:.0f} s, and "
            "what it has in hand may still go"
        )
    _see_that_it_is_there(work, place, hold)
    return hold


def _see_that_it_is_there(work: Workplace, place: Place, hold: Hold) -> None:
    """Raise UsageError, and end the hold, when what is held went before the hold could count."""
    try:
        with opened(work, place) as (fd, name):
            os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        with work.records.open_journal() as journal:
            journal.holds.end(hold.path, work.clock())
        raise UsageError(
            f"{place.whole} went while it was being held: a cleanup had it in hand, or somebody else took it away"
        ) from None
    except OSError:
        return  # it cannot be told, and the hold does no harm


def record_hold(
    work: Workplace,
    journal: Journal,
    place: Place,
    *,
    until: int | None,
    reason: str,
    instead_of: int | None = None,
) -> Hold:
    """Write down a hold on what is at `place` now. Raises UsageError when nothing is, and as `HoldBook.add`."""
    try:
        found = kept_at(work, place)
    except OSError as error:
        raise UsageError(f"cannot hold {place.whole}: {error.strerror}") from error
    hold = Hold(id=0, created=work.clock(), until=until, reason=reason, **found)
    return journal.holds.add(hold, instead_of=instead_of)


def kept_at(work: Workplace, place: Place) -> dict[str, Any]:
    """Return what is at a place as the fields by which a hold or a lease knows it again. Raises OSError."""
    with opened(work, place) as (fd, name):
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        born = generation(fd, name)
    return {
        "path": place.whole,
        "tree": S_ISDIR(status.st_mode),
        "area": place.area.name,
        "inode": signed(status.st_ino),
        "born": born,
    }


@contextmanager
def opened(work: Workplace, place: Place) -> Iterator[tuple[int, str]]:
    """Open the directory that a place is in, as a context: its descriptor, and the place's name in it."""
    parent, _, name = place.path.rpartition("/")
    with (
        work.hold_base() as base,
        Anchor.open(base, place.directory) as anchor,
        anchor.directory(f"{parent}/" if parent else "") as fd,
    ):
        yield fd, name or "."


def end_hold(work: Workplace, path: str, *, only: int | None = None) -> list[Hold]:
    """End the hold on a path, or of a run, by its number; return what was ended.

    With `only`, no other than the one of that number. Raises UsageError when nothing holds it.
    """
    if path.isdecimal():
        return _end_of_run(work, int(path))
    place = locate(path, work.settings.base_path, work.areas)
    with work.records.open_journal() as journal:
        ended = journal.holds.end(place.whole, work.clock(), only=only)
    if not ended:
        raise UsageError(f"{place.whole} is not held by a hold of its own; `shelflife hold list` shows all")
    return ended


def _end_of_run(work: Workplace, run: int) -> list[Hold]:
    with work.records.open_journal() as journal:
        ended = journal.holds.end_of_run(run, work.clock())
    if not ended:
        raise UsageError(
            f"nothing that run {run} brought back is held by a hold of its own; `shelflife hold list` shows all"
        )
    return ended


def list_holds(
    work: Workplace,
    *,
    ended: bool = False,
    areas: Sequence[str] = (),
    limit: int = EVERY,
    before: int | None = None,
) -> list[Hold]:
    """Return the holds that are active, the latest first; with `ended`, all there ever were.

    Of some areas (all, if there are none), at most `limit`, before hold number `before`.
    """
    with work.records.read_journal() as journal:
        if journal is None:
            return []
        active = None if ended else work.clock()
        return journal.holds.latest(limit=limit, before=before, active=active, areas=areas)


def hold_on(work: Workplace, path: str) -> Hold | None:
    """Return the hold on a path itself, if there is one. Raises UsageError when it lies in no area."""
    place = locate(path, work.settings.base_path, work.areas)
    with work.records.read_journal() as journal:
        return next(iter(journal.holds.on(place.whole, work.clock())), None) if journal else None


def hold_of(work: Workplace, number: int) -> Hold:
    """Return the hold of that number. Raises UsageError when there is none."""
    with work.records.read_journal() as journal:
        hold = journal.holds.one(number) if journal else None
    if hold is None:
        raise UsageError(f"there is no hold {number}; `shelflife hold list --all` lists them")
    return hold
