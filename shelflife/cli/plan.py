"""`shelflife plan`: what a cleanup would remove."""

from __future__ import annotations

import os
import sys
from heapq import nlargest
from typing import TYPE_CHECKING, Annotated

from shelflife import clock
from shelflife.cli import output
from shelflife.cli.columns import Column, Table
from shelflife.cli.grammar import Option
from shelflife.cli.options import Areas, Config, Json, engine_of, moment_of
from shelflife.cli.terminal import CARE, Styled
from shelflife.errors import ExitCode
from shelflife.formats import counted, human_size, minute, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shelflife.engine import Engine
    from shelflife.policy.plan import Plan
    from shelflife.scan.planner import PlannedFile


Files = Annotated[bool, Option("--files", help="Print the path of each file, one a line, and nothing else.")]

Null = Annotated[bool, Option("-0", "--null", help="Like --files, but raw paths, each followed by a NUL.")]

At = Annotated[
    str | None,
    Option(
        "--at",
        metavar="TIME",
        help="As if it were that time: 2026-12-24, 2026-12-24T18:00Z, or +2d from now.",
    ),
]

Top = Annotated[
    int | None,
    Option(
        "--top",
        metavar="N",
        least=1,
        help="Also the N directories most would go from; with --files: the N largest.",
    ),
]


def plan(
    areas: Areas = None,
    config: Config = None,
    as_json: Json = False,
    files: Files = False,
    null: Null = False,
    at: At = None,
    top: Top = None,
) -> int:
    """Show what a cleanup would remove now, and remove nothing.

    Example: shelflife plan uploads --at +2d --files

    Example: shelflife plan -0 | xargs -0 du -ch
    """
    moment = None if at is None else moment_of(at, clock.now())
    engine, made = make(config, areas, quiet=as_json or files or null, at=moment)
    if null:
        _write_paths(_absolute(engine, made, top))
    elif files:
        _print_files(_absolute(engine, made, top), as_json=as_json)
    else:
        # A plan for another time is never run, so nobody is asked to approve it.
        show(made, engine.needs_approval(made) if at is None else [], as_json=as_json, top=top or 0)
        if not as_json:
            _say_what_is_unexpected(engine)
    return report_errors(made)


def _say_what_is_unexpected(engine: Engine) -> None:
    """Tell what came with old times and, before anything was ever cleaned, what else nobody is likely to mean."""
    findings = engine.arrivals() if engine.history(limit=1) else engine.unexpected()
    found = [f"! {finding.check}: {finding.message}" for finding in findings]
    output.say_all(found, more="`shelflife check` lists all")


def make(
    config: Path | None, areas: list[str] | None, *, quiet: bool, at: int | None = None
) -> tuple[Engine, Plan]:
    """Return the engine and the plan that was asked for."""
    from shelflife.cli.progress import progress

    with progress(quiet=quiet) as listeners:
        engine = engine_of(config, listeners=listeners)
        engine.require_areas(areas or None)
        return engine, engine.plan(areas or None, at=at)


def show(made: Plan, reasons: list[str], *, as_json: bool, top: int = 0, command: bool = True) -> None:
    """Print a plan, area by area, and the reasons why a person must approve it before it may run.

    Besides the `top` directories that most would go from, and, unless `command` is False, how to approve it.
    """
    from shelflife.shapes.plan import plan_as_json

    if as_json:
        output.print_json(plan_as_json(made, reasons, top=top))
        return
    output.print_table(_areas_of(made))
    for line in _largest(made, top) if top else _units(made):
        output.print_line(line)
    if links := sum(area.links for area in made.areas):
        output.print_line(f"and {counted(links, 'symbolic link', 'symbolic links')}")
    output.print_special(sum(area.special for area in made.areas))
    output.print_prose(f"plan {made.id}, made for {moment(made.made)}; nothing was removed")
    for reason in reasons:
        output.print_prose(reason, first=[Styled("a person must approve it: ", CARE)], indent="  ")
    if reasons and command:
        output.print_line(f"to approve and run it: shelflife cleanup --approve {made.id}")


def _areas_of(made: Plan) -> Table:
    """Return a plan as a table, area by area."""
    table = Table(
        [
            Column("area"),
            Column("files", right=True),
            Column("size", right=True),
            Column("directories", right=True, spare=1),
            Column("older than (UTC)", spare=2),
            Column("because of"),
        ]
    )
    for area in made.areas:
        if not area.cutoffs:
            table.add(area.area, "–", "–", "–", "–", "kept indefinitely")
            continue
        counts = [output.number(area.files), human_size(area.bytes), output.number(area.directories)]
        # What is of no rule may be kept indefinitely where rules let other files go.
        own = ("–", "its rules") if area.cutoff is None else (minute(area.cutoff.at), area.cutoff.cause.value)
        table.add(area.area, *counts, *own)
    directories = sum(area.directories for area in made.areas)
    table.add_total("total", output.number(made.files), human_size(made.bytes), output.number(directories))
    return table


def _units(made: Plan) -> Iterator[str]:
    """Yield a line for each unit that would go, so that it can be held in time; the first of many."""
    from shelflife.formats import counted, human_size

    units = [due for area in made.areas for due in area.due if due.unit]
    for due in units[: output.MOST_LINES]:
        counts = f"{counted(due.files, 'file', 'files')}, {human_size(due.bytes)}"
        yield f"  {due.root}/{due.path}  {counts}"
    if len(units) > output.MOST_LINES:
        yield f"  … and {len(units) - output.MOST_LINES} more; `--files` lists all that is in them"


def _largest(made: Plan, top: int) -> Iterator[str]:
    """Yield a line for each of the directories that most would go from."""
    for due in nlargest(top, (due for area in made.areas for due in area.due), key=lambda due: due.bytes):
        yield f"  {human_size(due.bytes):>10}  {counted(due.files, 'file', 'files'):>12}  {due.root}/{due.path}"


def report_errors(made: Plan) -> int:
    """Tell what could not be looked at; return the exit code."""
    output.say_all(made.errors, more="`shelflife plan --json` lists all")
    return ExitCode.SOME_FAILED if made.errors else ExitCode.DONE


def _absolute(engine: Engine, made: Plan, top: int | None) -> Iterator[tuple[PlannedFile, str]]:
    """Yield the files of a plan with their absolute paths; only the `top` largest, if that is said."""
    base, files = str(engine.settings.base_path), engine.files(made)
    for file in files if top is None else nlargest(top, files, key=lambda file: file.size):
        yield file, os.path.join(base, file.path)


def _write_paths(files: Iterable[tuple[PlannedFile, str]]) -> None:
    stdout = sys.stdout.buffer
    for _, path in files:
        stdout.write(os.fsencode(path) + b"\0")
    stdout.flush()


def _print_files(files: Iterable[tuple[PlannedFile, str]], *, as_json: bool) -> None:
    from shelflife.shapes.plan import planned_file_as_json

    for file, path in files:
        if as_json:
            output.print_json_line(planned_file_as_json(file, path))
        else:
            output.print_line(path)
