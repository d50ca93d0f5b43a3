"""`shelflife cleanup`: remove what is expired."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from shelflife import clock
from shelflife.cli import alerts, confirm, output, plan
from shelflife.cli.columns import Column, Table
from shelflife.cli.grammar import Option
from shelflife.cli.options import Areas, Config, Json, engine_of, seconds_of, settings_of
from shelflife.cli.progress import progress
from shelflife.cli.stop import Stop
from shelflife.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from shelflife.engine import Engine
    from shelflife.records.history import RunRecord
    from shelflife.remove.report import RunReport


def _waiting_plans(config: Path | None) -> list[str]:
    """Return the plan that waits for a person, to complete what is typed."""
    waiting = engine_of(config).status().waiting
    return [waiting.plan] if waiting is not None and waiting.plan else []


DryRun = Annotated[bool, Option("--dry-run", help="Show what would go, as `shelflife plan` does.")]

Approve = Annotated[
    str | None,
    Option(
        "--approve",
        metavar="PLAN",
        help="Run this plan, which was refused because a person must look at it first.",
        complete=_waiting_plans,
    ),
]

Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask; only a terminal is asked at all.")]

Pressure = Annotated[bool, Option("--pressure", help="Make room, if a disk is beyond one of its watermarks.")]

UnlessRanWithin = Annotated[
    str | None,
    Option(
        "--unless-ran-within",
        metavar="DURATION",
        help="Do nothing if a cleanup of these areas was completed since: for cron beside a service.",
    ),
]


Insist = Annotated[
    bool,
    Option(
        "--insist",
        help="With --pressure: go on although what went before gave no room, and beyond what goes unasked.",
    ),
]


def cleanup(
    areas: Areas = None,
    config: Config = None,
    as_json: Json = False,
    dry_run: DryRun = False,
    approve: Approve = None,
    yes: Yes = False,
    pressure: Pressure = False,
    insist: Insist = False,
    unless_ran_within: UnlessRanWithin = None,
) -> int:
    """Remove what is expired: all areas, or those that are named.

    On a terminal it shows what would go, and asks. Ctrl-C ends it at its next batch; what was done until then
    is recorded.

    Exit codes: 1 if some files failed, 3 if refused, 4 if another cleanup is running.

    Example: shelflife cleanup temp uploads

    Example: shelflife cleanup --unless-ran-within 20h
    """
    is_narrowed = bool(areas) or dry_run or unless_ran_within is not None
    _refuse_together(is_narrowed, approves=approve is not None, pressure=pressure, insist=insist)
    if pressure:
        return _make_room(config, insist=insist, as_json=as_json)
    seconds = None if unless_ran_within is None else seconds_of(unless_ran_within, "--unless-ran-within")
    only_dry = settings_of(config).cleanup.dry_run
    if dry_run or only_dry:
        if not dry_run:
            output.say("cleanup.dry_run is true in the configuration: this shows what would go")
        return _preview(config, areas, as_json=as_json)
    run = None if seconds is None else engine_of(config).completed_within(seconds, areas or None)
    if run is not None:
        return _skip(run, as_json=as_json)
    if approve is not None:
        return _run(config, _approved(approve), as_json=as_json)
    if yes or as_json or not confirm.somebody_is_there():
        return _run(config, _unasked(areas), as_json=as_json)
    return _ask_and_run(config, areas)


def _refuse_together(is_narrowed: bool, *, approves: bool, pressure: bool, insist: bool) -> None:
    """Raise UsageError where options do not go together."""
    if pressure and (is_narrowed or approves):
        raise UsageError("--pressure looks at the disks as a whole: give it without areas and other options")
    if insist and not pressure:
        raise UsageError("--insist belongs to --pressure")
    if approves and is_narrowed:
        raise UsageError("--approve runs a plan as it was made: give it without areas and other options")


def _preview(config: Path | None, areas: list[str] | None, *, as_json: bool) -> int:
    engine, made = plan.make(config, areas, quiet=as_json)
    plan.show(made, engine.needs_approval(made), as_json=as_json)
    return plan.report_errors(made)


Act = Callable[["Engine", threading.Event], "RunReport"]
"""What is done with an engine until it is stopped."""


def _approved(number: str) -> Act:
    from shelflife.records.history import Trigger

    return lambda engine, stop: engine.approve(number, trigger=Trigger.CLI, stop=stop)


def _unasked(areas: list[str] | None) -> Act:
    from shelflife.records.history import Trigger

    def act(engine: Engine, stop: threading.Event) -> RunReport:
        engine.require_areas(areas or None)
        return engine.cleanup(areas or None, trigger=Trigger.CLI, stop=stop)

    return act


def _ask_and_run(config: Path | None, areas: list[str] | None) -> int:
    """Carry out what is shown if the person agrees; where nothing would go, there is nothing to ask."""
    from shelflife.records.history import Trigger

    engine, made = plan.make(config, areas, quiet=False)
    if not made.files and not any(area.links for area in made.areas):
        return _run(config, _unasked(areas), as_json=False)
    reasons = engine.needs_approval(made)
    if not confirm.is_agreed(made, reasons):
        output.print_line("nothing was removed")
        return ExitCode.REFUSED
    if reasons:  # which the person has seen, and answered
        return _run(config, _approved(made.id), as_json=False)
    return _run(
        config, lambda engine, stop: engine.execute(made, trigger=Trigger.CLI, stop=stop), as_json=False
    )


def _make_room(config: Path | None, *, insist: bool, as_json: bool) -> int:
    from shelflife.cli.pressure import make_room

    with Stop() as stop:
        code = make_room(config, stop.event, insist=insist, as_json=as_json)
    return code if stop.signal is None else 128 + stop.signal


def _run(config: Path | None, act: Act, *, as_json: bool) -> int:
    with Stop() as stop:
        with progress(quiet=as_json) as listeners:
            engine = engine_of(config, listeners=listeners)
            try:
                report = act(engine, stop.event)
            finally:
                alerts.tell(engine)
        _show(report, as_json=as_json)
    if stop.signal is not None:
        return 128 + stop.signal
    return ExitCode.SOME_FAILED if report.failed or report.errors else ExitCode.DONE


# -- not twice


def _skip(run: RunRecord, *, as_json: bool) -> int:
    from shelflife.formats import format_age, iso

    ended = run.finished or run.started
    if as_json:
        output.print_json({"skipped": {"run": run.id, "finished": iso(ended)}})
    else:  # not on stderr: cron would send a mail each day because all is well
        output.print_line(f"skipped: run {run.id} ended {format_age(clock.now() - ended)} ago")
    return ExitCode.DONE


# -- what it did


def _show(report: RunReport, *, as_json: bool) -> None:
    from shelflife.shapes.run import report_as_json

    if as_json:
        output.print_json(report_as_json(report.as_json()))
    else:
        _show_areas(report)
    failures = [f"{failure.path}: {failure.error}" for area in report.areas for failure in area.failures]
    messages = list(dict.fromkeys([*failures, *report.errors]))
    output.say_all(messages, more=f"`shelflife history {report.run} --json` lists all")
    if report.state != "done":
        output.say(f"run {report.run} was {report.state} before its end; the next one goes on where it ended")


def _show_areas(report: RunReport) -> None:
    from shelflife.formats import counted, human_size

    extra = [name for name in ("trashed", "displaced") if report.total(name)]
    numbers = ("removed", *extra, "size", "kept", "failed")
    table = Table([Column("area"), *(Column(name, right=True) for name in numbers)])
    for area in report.areas:
        table.add(
            area.area,
            *(output.number(getattr(area, name)) for name in ("removed", *extra)),
            human_size(area.bytes + area.trashed_bytes),
            *(output.number(getattr(area, name)) for name in ("kept", "failed")),
        )
    table.add_total(
        "total",
        *(output.number(report.total(name)) for name in ("removed", *extra)),
        human_size(report.total("bytes") + report.total("trashed_bytes")),
        *(output.number(report.total(name)) for name in ("kept", "failed")),
    )
    output.print_table(table)
    also = [
        counted(count, one, many)
        for count, one, many in (
            (report.total("links"), "symbolic link", "symbolic links"),
            (report.total("directories"), "empty directory", "empty directories"),
        )
        if count
    ]
    output.print_special(report.total("special"))
    ending = f"; also removed: {', '.join(also)}" if also else ""
    output.print_prose(
        f"run {report.run} {report.state}: {human_size(report.total('freed'))} of disk freed{ending}"
    )
