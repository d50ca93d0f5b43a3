"""`shelflife stats`: the storage in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelflife.cli import output
from shelflife.cli.options import Config, Json, engine_of
from shelflife.errors import ExitCode

if TYPE_CHECKING:
    from shelflife.records.statistics import Statistics
    from shelflife.settings import Settings


def stats(
    config: Config = None,
    as_json: Json = False,
    as_recorded: Annotated[
        bool,
        typer.Option("--as-recorded", help="Only what the last scan found; the storage is not looked at."),
    ] = False,
) -> int:
    """Show how much each area holds, and since when.

    Example: shelflife stats --json | jq .total_size_bytes
    """
    from shelflife.cli.progress import progress
    from shelflife.shapes.stats import stats_as_json

    with progress(quiet=as_json) as listeners:
        engine = engine_of(config, listeners=listeners)
        statistics = engine.stats(refresh=not as_recorded)
    if as_json:
        output.print_json(stats_as_json(statistics, engine.settings))
    else:
        _show(statistics, engine.settings)
    errors = [error for area in statistics.areas for error in area.errors]
    output.say_all(errors, more="`shelflife check` says what is wrong")
    return ExitCode.SOME_FAILED if errors else ExitCode.DONE


def _show(statistics: Statistics, settings: Settings) -> None:
    from shelflife.formats import format_bytes, format_retention, moment

    table = output.table(
        "area", "files", "size", "directories", "oldest", "newest", "kept",
        numbers=("files", "size", "directories"),
    )  # fmt: skip
    for area in statistics.areas:
        table.add_row(
            area.area,
            output.number(area.files) if area.as_of else "?",
            format_bytes(area.bytes) if area.as_of else "?",
            output.number(area.directories) if area.as_of else "?",
            "–" if area.oldest is None else moment(area.oldest),
            "–" if area.newest is None else moment(area.newest),
            format_retention(settings.areas[area.area].retention).lower(),
        )
    table.add_section()
    total = [output.number(statistics.files), format_bytes(statistics.bytes)]
    table.add_row("total", *total, output.number(statistics.directories))
    output.print_table(table)
    if statistics.as_of is None:
        output.say("not every area was scanned yet; `shelflife stats` without --as-recorded does")
    else:
        output.print_line(f"as of {moment(statistics.as_of)}")
