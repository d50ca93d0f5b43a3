"""`shelflife forecast`: what expires on the coming days, and when the disk will be full."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from shelflife.cli import output
from shelflife.cli.columns import Column, Table
from shelflife.cli.options import Config, Json, engine_of
from shelflife.cli.terminal import columns_of
from shelflife.cli.whatif import show_age
from shelflife.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.explain.foresee import DiskOutlook, Forecast

_WIDTH: Final = 60
_HEIGHT: Final = 10
_MARGIN: Final = 10
"""Columns beside the picture."""
_WIDEST: Final = 80
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"


def forecast(config: Config = None, as_json: Json = False) -> int:
    """Show what expires on the coming days, and when the disks will be full.

    From the last scan, and from how much came in lately. "In 4–6 days" holds in four cases of five.

    Example: shelflife forecast
    """
    from shelflife.shapes.outlook import forecast_as_json

    found = engine_of(config).forecast()
    if as_json:
        output.print_json(forecast_as_json(found))
        return ExitCode.DONE
    _show_days(found)
    for disk in found.outlook.disks:
        _show_disk(disk)
    show_age(found.as_of)
    return ExitCode.DONE


def _show_days(found: Forecast) -> None:
    from shelflife.formats import human_size

    table = Table(
        [
            Column("area"),
            Column("size", right=True),
            Column("new per day", right=True),
            Column("goes today", right=True),
            Column("tomorrow", right=True, spare=3),
            Column("in 7 days", right=True, spare=1),
            Column("day by day", spare=2),
        ]
    )
    for outlook, (_, days) in zip(found.outlook.areas, found.expiring, strict=True):
        sizes = [load.bytes for load in days]
        inflow = human_size(outlook.inflow.bytes) if outlook.inflow.is_measured else "?"
        expires = [human_size(size) for size in (sizes[0], sizes[1], sum(sizes[:7]))]
        if outlook.cutoff is None:
            expires = ["–"] * 3
        table.add(outlook.area, human_size(outlook.now.bytes), inflow, *expires, _bars(sizes))
    output.print_table(table)


def _bars(values: Sequence[float]) -> str:
    top = max(values, default=0)
    return "".join(_BLOCKS[round(8 * value / top)] if top else " " for value in values)


def _show_disk(disk: DiskOutlook) -> None:
    space = disk.disk.usage.space
    output.print_line("")
    output.print_prose(f"the disk of {', '.join(disk.disk.areas)}: {space.share:.1f} % in use")
    if disk.course.is_known:
        days = min(_WIDTH, (columns_of(sys.stdout) or _WIDEST) - _MARGIN)
        for line in _draw(disk.course.likely[: days + 1], space.used + space.available):
            output.print_line(line)
    if disk.high is not None:
        output.print_line(f"  above the high watermark: {disk.high}")
    output.print_line(f"  full: {disk.full}")


def _draw(course: Sequence[float], whole: int) -> list[str]:
    """Return the share in use for each of the coming days, as bars."""
    lines = []
    for row in range(_HEIGHT, 0, -1):
        cells = [min(1.0, max(0.0, used / whole * _HEIGHT - (row - 1))) for used in course]
        label = f"{row * 100 // _HEIGHT:>3} % " if row in (_HEIGHT, _HEIGHT // 2) else "      "
        lines.append((label + "│" + "".join(_BLOCKS[round(8 * cell)] for cell in cells)).rstrip())
    days = len(course) - 1
    lines.append("      └" + "─" * len(course))
    lines.append("       today" + f"in {days} days".rjust(len(course) - 5))
    return lines
