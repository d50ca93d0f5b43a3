"""`shelflife history`: runs, and what each of them did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelflife.cli import output
from shelflife.cli.options import Config, Json, engine_of

if TYPE_CHECKING:
    from shelflife.engine import Engine
    from shelflife.records.history import FileRecord, RunRecord


def history(
    run: Annotated[
        int | None,
        typer.Argument(metavar="RUN", help="The number of a run: list its files.", show_default=False),
    ] = None,
    config: Config = None,
    as_json: Json = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many runs to list.")] = 20,
) -> int:
    """List the runs, or what one run did to each file.

    With --json, a run's files are JSON lines: first the run, then a line for each file.

    Example: shelflife history 12 --json | jq -r 'select(.outcome == "failed") | .path'
    """
    engine = engine_of(config)
    if run is not None:
        _one(engine, run, as_json=as_json)
    elif as_json:
        from shelflife.shapes.run import run_as_json

        output.print_json([run_as_json(record) for record in engine.history(limit=limit)])
    else:
        _all(engine.history(limit=limit))
    return 0


def _all(runs: list[RunRecord]) -> None:
    from shelflife.formats import format_bytes, moment

    if not runs:
        output.print_line("no runs yet")
        return
    counts = ["removed", *(["trashed"] if any(run.report.get("trashed") for run in runs) else [])]
    table = output.table(
        "run", "started", "by", "state", "took", *counts, "size", "failed", "note",
        numbers=("run", "took", *counts, "size", "failed"),
    )  # fmt: skip
    for run in runs:
        report = run.report
        table.add_row(
            str(run.id),
            moment(run.started),
            run.trigger,
            run.state,
            _duration(run),
            *(output.number(report.get(name, 0)) for name in counts),
            format_bytes(report.get("bytes", 0) + report.get("trashed_bytes", 0)),
            output.number(report.get("failed", 0)),
            run.reason,
        )
    output.print_table(table)


def _one(engine: Engine, number: int, *, as_json: bool) -> None:
    from shelflife.formats import moment
    from shelflife.shapes.run import file_as_json, run_as_json

    run = engine.run(number)
    if as_json:
        output.print_json_line(run_as_json(run))
    else:
        ended = f"{run.state} after {_duration(run)}" if run.finished else run.state
        output.print_line(
            f"run {run.id} by {run.trigger} on {run.host} (pid {run.pid}), {moment(run.started)}: {ended}"
        )
        if run.reason:
            output.print_line(run.reason)
    nothing = True
    for file in engine.run_files(number):
        nothing = False
        if as_json:
            output.print_json_line(file_as_json(file))
        else:
            output.print_line(_line(file))
    if nothing and not as_json:
        output.print_line(_without_files(run, engine))


def _line(file: FileRecord) -> str:
    import os

    from shelflife.formats import format_bytes

    why = os.strerror(file.errno) if file.errno else file.reason.value
    return f"{file.result.name.lower():<8} {format_bytes(file.size):>12}  {file.path}  ({why})"


def _without_files(run: RunRecord, engine: Engine) -> str:
    from shelflife.settings import format_duration

    if run.report.get("removed", 0) or run.report.get("failed", 0):
        keep = format_duration(engine.settings.journal.keep_files)
        return f"its files are no longer remembered (journal.keep_files: {keep})"
    return "it had no files to remove"


def _duration(run: RunRecord) -> str:
    if run.finished is None:
        return "–"
    return f"{max(0, run.finished - run.started) / 1e9:,.1f} s"
