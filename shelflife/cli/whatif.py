"""`shelflife whatif`: what other settings would mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from shelflife.cli import output
from shelflife.cli.columns import Column, Table
from shelflife.cli.grammar import Argument
from shelflife.cli.options import Config, Json, engine_of
from shelflife.errors import ExitCode

if TYPE_CHECKING:
    from shelflife.explain.foresee import AreaOutlook, Outlook, WhatIf

Changes = Annotated[
    list[str],
    Argument("AREA.KEY=VALUE", help="Settings of areas: uploads.retention=3d frames.quota=50GB"),
]


def whatif(changes: Changes, config: Config = None, as_json: Json = False) -> int:
    """Show what other settings would do, next to the present ones; nothing is changed.

    What would go is exact to the hour, from the last scan. "In the long run" is what an area would hold if as
    much came in as lately.

    Example: shelflife whatif uploads.retention=3d frames.quota=50GB
    """
    from shelflife.settings.quantities import change_of
    from shelflife.shapes.outlook import whatif_as_json

    found = engine_of(config).whatif(dict(change_of(text) for text in changes))
    if as_json:
        output.print_json(whatif_as_json(found))
    else:
        _show(found)
    return ExitCode.DONE


def _show(found: WhatIf) -> None:
    table = Table(
        [
            Column("area"),
            Column(""),
            Column("size", right=True),
            Column("would go", right=True),
            Column("files", right=True, spare=1),
            Column("in the long run", right=True),
        ]
    )
    for before, after in zip(found.before.areas, found.after.areas, strict=True):
        for label, area in (("now", before), ("changed", after)):
            table.add(
                before.area if label == "now" else "",
                label,
                _size(area.now.bytes) if label == "now" else "",
                _size(area.goes.bytes),
                output.number(area.goes.files),
                _settles(area),
            )
            if after == before:
                break
    output.print_table(table)
    for old, new in zip(_when(found.before), _when(found.after), strict=True):
        output.print_prose(old if old == new else f"{old}; changed: {new.partition(': ')[2]}")
    show_age(found.as_of)


def show_age(as_of: int | None) -> None:
    """Say how old the numbers are."""
    from shelflife.formats import moment

    if as_of is None:
        output.say("the storage has not been scanned yet; `shelflife stats` does that")
    else:
        output.print_prose(f"as of {moment(as_of)}")


def _when(outlook: Outlook) -> list[str]:
    return [f"the disk of {', '.join(disk.disk.areas)} – full: {disk.full}" for disk in outlook.disks]


def _settles(area: AreaOutlook) -> str:
    if area.settles is None:
        return f"+{_size(area.inflow.bytes)} a day"
    return _size(area.settles.bytes)


def _size(size: float) -> str:
    from shelflife.formats import human_size

    return human_size(size)
