"""Measuring: how much of an area has which age, from the index where that will do, else from the disk.

The index gives hours for all directories at once (`histogram_of`, `size_of`). What it cannot know – who holds
a file, how many names it has, in which second it was changed – comes from listing the directories in question
(`measure_of`): those with files of the hour that decides, or, under pressure, those with something to give.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shelflife.clock import HOUR
from shelflife.files.held import held_directory, held_entry
from shelflife.files.listing import FOREVER, read_directory
from shelflife.files.survey import managed
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.load import NOTHING, Histogram, Load
from shelflife.policy.rules import File
from shelflife.settings import Expire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.policy.area import Area
    from shelflife.policy.choose import Measure
    from shelflife.policy.holds import Holds
    from shelflife.records.sqlite.index import Index
    from shelflife.scan.context import Context

_LAST: Final = Cutoffs.only(Cutoff(at=FOREVER, cause=Cause.RETENTION))
"""Before this one is every file."""


def size_of(index: Index, directories: Sequence[str]) -> Load:
    """Return what an area holds in these directories, protected files included, as far as it can be read."""
    size = NOTHING
    for root in _known(index, directories):
        found = index.sums(root)
        size = size.plus(
            Load(
                found.scanned, found.readable_bytes + found.readable_protected_bytes, found.readable_allocated
            )
        )
    return size


def histogram_of(index: Index, area: Area, directories: Sequence[str]) -> Histogram:
    """Return by hour what an area could lose, as the index has it."""
    histogram: Histogram = {}
    for root in _known(index, directories):
        by_unit = area.expire is Expire.DIRECTORY
        for hour, load in index.hours(root, own=by_unit).items():
            _add(histogram, hour, load)
        for moment, load in _units(index, root) if by_unit else ():
            _add(histogram, moment // HOUR, load)
    return histogram


def candidates_of(
    context: Context, area: Area, roots: Sequence[tuple[str, Anchor]], *, before: int, measure: Measure
) -> Histogram:
    """Return by hour what may go: from the index, or measured where a person holds something."""
    if context.holds():
        return measure(-FOREVER, before, HOUR)
    return histogram_of(context.index, area, [directory for directory, _ in roots])


def measure_of(context: Context, area: Area, roots: Sequence[tuple[str, Anchor]]) -> Measure:
    """Return what measures an area on the disk; files that are protected or held are not counted.

    What cannot be read is left out. Raises what `context.between` raises.
    """

    def measure(start: int, end: int, width: int) -> Histogram:
        histogram: Histogram = {}
        for directory, anchor in roots:
            for moment, load in _within(context, area, directory, anchor, start, end):
                _add(histogram, moment // width, load)
        return histogram

    return measure


def _within(
    context: Context, area: Area, directory: str, anchor: Anchor, start: int, end: int
) -> Iterator[tuple[int, Load]]:
    index, holds = context.index, context.holds()
    root = index.root(directory)
    paths = index.between(root, start, end)
    if area.expire is Expire.DIRECTORY:
        for path, moment, load in _named_units(index, root):
            if start <= moment < end and not _is_held_unit(holds, directory, path):
                yield moment, load
        paths = [path for path in paths if not path]
    for path in paths:
        context.between()
        if held_directory(holds, anchor, area.name, directory, path) is None:
            with suppress(OSError):  # gone, or not to be read: nothing of it can be counted on
                yield from _files(area, directory, anchor, path, start, end, holds)


def _files(
    area: Area, directory: str, anchor: Anchor, path: str, start: int, end: int, holds: Holds
) -> Iterator[tuple[int, Load]]:
    with anchor.directory(path) as fd:
        for chunk in read_directory(fd, area.rules.age_from):
            for entry in managed(chunk, path):
                moment = entry.time
                if not entry.is_file or not start <= moment < end:
                    continue
                if not area.rules.judge(File(path + entry.name, moment), _LAST).remove:
                    continue
                if held_entry(holds, area.name, f"{directory}/{path}{entry.name}", fd, entry) is None:
                    yield moment, Load(1, entry.size, entry.allocated if entry.links == 1 else 0)


def _known(index: Index, directories: Iterable[str]) -> Iterator[int]:
    """Yield the numbers of those directories that the index knows."""
    for directory in directories:
        if (root := index.find(directory)) is not None:
            yield root


def _is_held_unit(holds: Holds, directory: str, path: str) -> bool:
    place = f"{directory}/{path}"
    return bool(holds) and bool(holds.covering(place.rstrip("/")) or holds.below(place))


def _units(index: Index, root: int) -> Iterator[tuple[int, Load]]:
    for _, moment, load in _named_units(index, root):
        yield moment, load


def _named_units(index: Index, root: int) -> Iterator[tuple[str, int, Load]]:
    """Yield path, time and load of the units that would go if they were old enough."""
    for row in index.units(root):
        if row.state <= 2 and not row.protected_files and not row.staying and row.newest != -FOREVER:
            yield row.path, max(row.newest, row.changed), Load(row.files, row.bytes, row.allocated)


def _add(histogram: Histogram, bucket: int, load: Load) -> None:
    histogram[bucket] = histogram.get(bucket, NOTHING).plus(load)
