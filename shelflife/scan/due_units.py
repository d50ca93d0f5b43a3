"""Units that are due: what the index proposes, and each as it is now."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from shelflife.files.listing import FOREVER
from shelflife.policy.plan import DueDirectory
from shelflife.policy.rules import Unit, judge_unit
from shelflife.records.index import RowState
from shelflife.scan.unit import read_unit
from shelflife.scan.way import for_reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.files.reading import Flag
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.records.index import UnitRow
    from shelflife.scan.context import Context
    from shelflife.scan.unit import UnitReading
    from shelflife.storage.root import AreaRoot

_PIECE: Final = 8
"""Units that are handed to a thread at once."""


def unit_is_due(row: UnitRow, area: Area, cutoffs: Cutoffs) -> bool:
    """Return whether the index proposes a unit: all of it could be read, and it is expired."""
    classes = area.rules.classes
    going = [number for number in row.newest if number == 0 or not classes[number].is_kept]
    unit = Unit(
        newest=max(row.newest.values(), default=None),
        # Whether noise made a directory young is seen when the unit is read: it must not be found too late here.
        changed=-FOREVER if row.newest else row.changed,
        classes=frozenset(going or {0}),
        protected=len(row.newest) - len(going),
        staying=row.staying,
    )
    return row.state <= RowState.UNSETTLED and judge_unit(unit, cutoffs).remove


def due_units(context: Context, root: AreaRoot, cutoffs: Cutoffs) -> Iterator[DueDirectory]:
    """Yield the units of a root that are before their cutoffs, each as it is now; what cannot be read stays.

    Each one's own directory, as it was read, goes into the listings.
    """
    index, holds = context.index, context.holds()
    number = index.root(root.directory)
    paths = iter([row.path for row in index.units(number) if unit_is_due(row, root.area, cutoffs)])

    def read(piece: list[str], _stop: Flag) -> list[UnitReading | None]:
        return [_read_if_it_can(context, root, path, holds, cutoffs) for path in piece]

    pool = context.pool.suited_to(for_reading(root.anchor))
    for piece in pool.run(read, lambda: list(islice(paths, _PIECE)) or None, between=context.between):
        for found in piece:
            if found is None or not judge_unit(found.unit, cutoffs).remove:
                continue
            top = found.members[0]
            if top.reading is not None:
                context.listings.put(number, top.path, top.reading)
            kind = root.area.rules.longest_kept(found.unit.classes)
            yield DueDirectory(
                root=root.directory,
                path=top.path,
                files=found.files,
                bytes=found.bytes,
                unit=True,
                others=((kind, found.files, found.bytes),) if kind else (),
            )


def _read_if_it_can(
    context: Context, root: AreaRoot, path: str, holds: Holds, cutoffs: Cutoffs
) -> UnitReading | None:
    try:
        return read_unit(root, path, holds=holds, guarded=False, cutoffs=cutoffs, between=context.between)
    except OSError:
        return None
