"""Measuring: how much of an area has which age, from the index where that will do, else from the disk.

The index gives hours for all directories at once (`histograms_of`, `size_of`). What it cannot know – who holds
a file, how many names it has, in which second it was changed – comes from listing the directories in question
(`measure_of`): those with files of the hour that decides, or, under pressure, those with something to give.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import HOUR
from shelflife.files.counting import judged
from shelflife.files.held import held_directory, held_entry
from shelflife.files.listing import FOREVER
from shelflife.policy.choose import Stock
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.load import NOTHING, Histogram, Load
from shelflife.records.index import RowState
from shelflife.scan.unit import is_held_by_path
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shelflife.files.listing import Entry
    from shelflife.policy.area import Area
    from shelflife.policy.choose import Measure
    from shelflife.records.index import Index, UnitRow
    from shelflife.scan.context import Context
    from shelflife.storage.root import AreaRoot

_LAST: Final = Cutoff(at=FOREVER, cause=Cause.RETENTION)
"""Before this one is every file."""

Blocks = Callable[["Entry"], int]
"""Says how many bytes on disk a file counts."""


def share_of(entry: Entry) -> int:
    """Return what a file counts in an area: of several names each has its share."""
    return entry.share


def freed_by(entry: Entry) -> int:
    """Return what the removal of a file gives back: nothing, as long as it has another name."""
    return entry.allocated if entry.links == 1 else 0


def size_of(index: Index, directories: Sequence[str]) -> Load:
    """Return what an area holds in these directories, files of all classes, as far as it can be read."""
    size = NOTHING
    for root in _known(index, directories):
        size = size.plus(index.sums(root).readable)
    return size


def histograms_of(
    index: Index, area: Area, directories: Sequence[str], *, top: str | None = None
) -> dict[int, Histogram]:
    """Return by class, and by hour, what an area could lose, as the index has it; of one `top`, if given.

    Of its own class also what is kept indefinitely as things are: under other settings it might not be.
    """
    histograms: dict[int, Histogram] = {}
    by_unit = area.expire is Expire.DIRECTORY
    for root in _known(index, directories):
        for number in {0, *_expiring(area)}:
            for hour, load in index.hours(
                root, number=number, own=by_unit or top == "", top=top or None
            ).items():
                _add(histograms.setdefault(number, {}), hour, load)
        for row in index.units(root) if by_unit else ():
            if _may_go(row, area):
                number, moment = _time_of(row)
                _add(histograms.setdefault(number, {}), moment // HOUR, row.load)
    return histograms


def stocks_of(
    context: Context, area: Area, roots: Sequence[AreaRoot], *, before: int, top: str | None = None
) -> dict[int, Stock]:
    """Return by class what may go of an area: from the index, or measured where a person holds something.

    With a `top`, only of that directory right below it, and of what is below that; empty: of its own directory.
    """
    measures = measures_of(context, area, roots, top=top)
    if context.holds():
        found = {number: measure(-FOREVER, before, HOUR) for number, measure in measures.items()}
    else:
        found = histograms_of(context.index, area, [root.directory for root in roots], top=top)
    return {number: Stock(found.get(number, {}), measure) for number, measure in measures.items()}


class Sought(NamedTuple):
    """What is measured of an area."""

    number: int
    """The class."""
    blocks: Blocks = share_of
    top: str | None = None
    """Only what is in this directory right below the area, at any depth; empty: in its own; None: everywhere."""

    def is_in(self, path: str) -> bool:
        """Return whether the directory at `path` counts."""
        return self.top is None or (path.startswith(f"{self.top}/") if self.top else not path)


def measures_of(
    context: Context,
    area: Area,
    roots: Sequence[AreaRoot],
    blocks: Blocks = share_of,
    *,
    top: str | None = None,
) -> dict[int, Measure]:
    """Return by class what measures what may go of an area on the disk, as `measure_of` does."""
    return {number: measure_of(context, roots, Sought(number, blocks, top)) for number in _expiring(area)}


def measure_of(context: Context, roots: Sequence[AreaRoot], sought: Sought) -> Measure:
    """Return what measures a class of an area on the disk; what a person holds is not counted.

    What cannot be read is left out. Raises what `context.between` raises.
    """

    def measure(start: int, end: int, width: int) -> Histogram:
        histogram: Histogram = {}
        for root in roots:
            for moment, load in _within(context, root, sought, start, end):
                _add(histogram, moment // width, load)
        return histogram

    return measure


def _within(
    context: Context, root: AreaRoot, sought: Sought, start: int, end: int
) -> Iterator[tuple[int, Load]]:
    """Yield time and load of what is of a class, and of a time from `start` on and before `end`."""
    index, holds, area = context.index, context.holds(), root.area
    if start >= end:
        return
    paths = index.between(index.root(root.directory), start, end)
    if area.expire is Expire.DIRECTORY:
        for row in index.units(index.root(root.directory)):
            kind, moment = _time_of(row)
            is_held = is_held_by_path(holds, root.place(row.path).rstrip("/"))
            if kind == sought.number and start <= moment < end and _may_go(row, area) and not is_held:
                yield moment, row.load
        paths = [path for path in paths if not path]
    for path in filter(sought.is_in, paths):
        context.between()
        if held_directory(holds, root.anchor, area.name, root.directory, path) is None:
            with suppress(OSError):  # gone, or not to be read: nothing of it can be counted on
                for moment, load in _files(context, root, path, sought):
                    if start <= moment < end:
                        yield moment, load


def _files(context: Context, root: AreaRoot, path: str, sought: Sought) -> Iterator[tuple[int, Load]]:
    area, holds = root.area, context.holds()
    everything = Cutoffs(
        tuple(_LAST if kind.number == sought.number else None for kind in area.rules.classes)
    )
    with root.anchor.directory(path) as fd:
        for chunk in judged(fd, path, area, everything):
            for entry, due in chunk:
                if not due or not entry.is_file:
                    continue
                if held_entry(holds, area.name, root.place(path + entry.name), fd, entry) is None:
                    yield entry.time, Load(1, entry.size, sought.blocks(entry))


def _expiring(area: Area) -> list[int]:
    """Return the numbers of the classes that are not kept indefinitely."""
    return [kind.number for kind in area.rules.classes if not kind.is_kept]


def _known(index: Index, directories: Iterable[str]) -> Iterator[int]:
    """Yield the numbers of those directories that the index knows."""
    for directory in directories:
        if (root := index.find(directory)) is not None:
            yield root


def _may_go(row: UnitRow, area: Area) -> bool:
    """Return whether a unit would go if it were old enough."""
    if row.state > RowState.DIRTY or row.staying or not row.newest:
        return False
    return not any(area.rules.classes[number].is_kept for number in row.newest if number)


def _time_of(row: UnitRow) -> tuple[int, int]:
    """Return the class and the time that decide over a unit: of its newest member, directories included."""
    number, newest = max(row.newest.items(), key=lambda item: item[1], default=(0, row.changed))
    return number, max(newest, row.changed)


def _add(histogram: Histogram, bucket: int, load: Load) -> None:
    histogram[bucket] = histogram.get(bucket, NOTHING).plus(load)
