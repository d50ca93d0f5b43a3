"""`shelflife stats`: the storage in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from shelflife.cli import output
from shelflife.cli.columns import Column, Table
from shelflife.cli.grammar import Option
from shelflife.cli.options import Config, Json, engine_of
from shelflife.clock import SECOND
from shelflife.errors import ExitCode

if TYPE_CHECKING:
    from shelflife.records.statistics import Statistics
    from shelflife.settings import Settings


def stats(
    config: Config = None,
    as_json: Json = False,
    as_recorded: Annotated[
        bool,
        Option("--as-recorded", help="Show what the last scan found, without looking at the disk."),
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
    from shelflife.formats import format_age, human_size, minute, moment

    table = Table(
        [
            Column("area"),
            Column("files", right=True),
            Column("size", right=True),
            Column("directories", right=True, spare=2),
            Column("oldest (UTC)", spare=1),
            Column("newest (UTC)", spare=3),
            Column("kept"),
        ]
    )
    for area in statistics.areas:
        kept = settings.areas[area.area]
        table.add(
            area.area,
            output.number(area.files) if area.as_of else "?",
            human_size(area.bytes) if area.as_of else "?",
            output.number(area.directories) if area.as_of else "?",
            "–" if area.oldest is None else minute(area.oldest),
            "–" if area.newest is None else minute(area.newest),
            "indefinite" if kept.is_indefinite else format_age(kept.retention * SECOND),
        )
    total = [output.number(statistics.files), human_size(statistics.bytes)]
    table.add_total("total", *total, output.number(statistics.directories))
    output.print_table(table)
    if statistics.trash_files:
        parts = [
            f"{area.area} {output.number(area.trash_files)} files, {human_size(area.trash_bytes)}"
            for area in statistics.areas
            if area.trash_files
        ]
        output.print_prose(f"besides, in the trash: {'; '.join(parts)}")
    if statistics.as_of is None:
        output.say("not every area was scanned yet; `shelflife stats` without --as-recorded does")
    else:
        output.print_prose(f"as of {moment(statistics.as_of)}")
