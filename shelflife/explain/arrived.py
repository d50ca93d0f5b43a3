"""What came with old times: files that are due although they have not been here for as long as they are kept.

A card that is copied with `cp -p`, an archive that is unpacked, a tree that is moved in: by their times they are
expired on arrival, and go in the same night. `check` tells of them, and so does `plan`.

After a cleanup it is told by what that one would have taken, had it been there then (`shelflife.scan.arrivals`);
before the first by when the files were made here.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.errors import RecordsError, ShelflifeError
from shelflife.explain.findings import Finding, warning
from shelflife.files.counting import judged
from shelflife.files.held import held_directory, held_entry
from shelflife.files.kernel import birth_time
from shelflife.formats import counted, human_size
from shelflife.policy.area import place_of
from shelflife.policy.choose import by_retention_of_classes
from shelflife.policy.holds import Holds
from shelflife.policy.limits import due_before
from shelflife.policy.plan import AreaPlan
from shelflife.policy.rules import File
from shelflife.run.leases import leased
from shelflife.scan.due_units import unit_is_due
from shelflife.scan.unit import is_held_by_path
from shelflife.settings import AgeFrom, Expire
from shelflife.storage.areas import hold_roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.limits import LastRun
    from shelflife.records.index import Index
    from shelflife.records.records import Records

_MOST: Final = 10_000
"""Due files of an area that are looked at: a check is not to take as long as a cleanup."""


class _Due(NamedTuple):
    """A file that is due, or a unit."""

    files: int
    bytes: int
    has_come: bool
    """Whether it was made here too late to be due by that."""


def arrived(base: int, areas: Iterable[Area], records: Records, now: int) -> Iterator[Finding]:
    """Yield a warning for each area of which much is due at `now` (ns) that came with older times.

    As far as the index knows of it; what cannot be read is left out. `base` is the held base path.
    """
    with suppress(RecordsError), records.read_index() as index, records.read_journal() as journal:
        if index is None:
            return
        last_runs = journal.approvals.last_runs() if journal else {}
        holds = (journal.holds.active(now) if journal else Holds()).with_leases(leased(records.state, now))
        for area in areas:
            if (
                found := _of_area(base, area, _Known(index, holds, last_runs.get(area.name)), now)
            ) is not None:
                yield found


class _Known(NamedTuple):
    """What is remembered."""

    rows: Index
    holds: Holds | None
    last: LastRun | None


def _of_area(base: int, area: Area, known: _Known, now: int) -> Finding | None:
    cutoffs = by_retention_of_classes(area, now)
    last = known.last
    if last is not None:
        cutoffs = due_before(AreaPlan(area=area.name, cutoffs=cutoffs), last)
    elif area.rules.age_from not in (AgeFrom.MODIFIED, AgeFrom.ACCESSED):
        return None  # what came late is not due then
    if not cutoffs:
        return None
    due = list(islice(_due(base, area, known, cutoffs), _MOST))
    late = due if last is not None else [one for one in due if one.has_come]
    files = sum(one.files for one in late) - (0 if last is None else last.left)
    if files <= 0:
        return None
    size = human_size(sum(one.bytes for one in late))
    least = "at least " if len(due) == _MOST else ""
    what = f"{least}{counted(files, 'file', 'files')} ({size})"
    came = "is due by its time, but came" if files == 1 else "are due by their times, but came"
    when = "after the last cleanup" if last is not None else "here more recently"
    return warning(
        f"area {area.name}", f"{what} {came} {when}; `age_from: arrived` counts from when a file came"
    )


def _due(base: int, area: Area, known: _Known, cutoffs: Cutoffs) -> Iterator[_Due]:
    """Yield what is before cutoffs, and nobody holds."""
    with suppress(ShelflifeError), hold_roots(base, area) as (roots, _):
        for _, directory, anchor in roots:
            root = known.rows.find(directory)
            if root is None:
                continue
            if area.expire is Expire.DIRECTORY:
                yield from _units(area, directory, root, known, cutoffs)
            for path in known.rows.due(root, cutoffs):
                if area.expire is Expire.DIRECTORY and path:
                    continue
                holds = known.holds
                if holds and held_directory(holds, anchor, area.name, directory, path) is not None:
                    continue
                with suppress(OSError), anchor.directory(path) as fd:
                    yield from _files(fd, directory, path, area, known, cutoffs)


def _units(area: Area, directory: str, root: int, known: _Known, cutoffs: Cutoffs) -> Iterator[_Due]:
    """Yield units. One that was unpacked here is as young as its directories: only a move brings in old ones."""
    for row in known.rows.units(root):
        is_held = known.holds is not None and is_held_by_path(known.holds, place_of(directory, row.path[:-1]))
        if unit_is_due(row, area, cutoffs) and not is_held:
            yield _Due(row.load.files, row.load.bytes, has_come=False)


def _files(fd: int, directory: str, path: str, area: Area, known: _Known, cutoffs: Cutoffs) -> Iterator[_Due]:
    for chunk in judged(fd, path, area, cutoffs):
        for entry, due in chunk:
            if not due or not entry.is_file:
                continue
            place = place_of(directory, path + entry.name)
            if known.holds and held_entry(known.holds, area.name, place, fd, entry):
                continue
            born = birth_time(fd, entry.name)
            by_birth = File(path + entry.name, max(entry.time, entry.ctime if born is None else born))
            yield _Due(1, entry.size, has_come=not area.rules.look_again(by_birth, cutoffs).remove)
