"""`shelflife trash`: see, restore and purge what waits in the trash."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

from shelflife import clock
from shelflife.cli import output
from shelflife.cli.grammar import Argument, Option
from shelflife.cli.history import OneArea, run_numbers
from shelflife.cli.options import Areas, Config, Json, engine_of, past_moment_of, seconds_of
from shelflife.cli.progress import progress
from shelflife.cli.stop import Stop
from shelflife.clock import SECOND
from shelflife.errors import ExitCode, PartlyRestored
from shelflife.formats import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shelflife.engine import Engine
    from shelflife.run.restored import Restored
    from shelflife.run.selection import Selection
    from shelflife.run.trashed import TrashedFile

ABOUT: Final = "List, restore or empty what cleanups have put into the trash (`trash: 24h` of an area)."


def list_trash(areas: Areas = None, config: Config = None, as_json: Json = False) -> int:
    """List what waits in the trash, and until when.

    With --json, a line for each file.

    Example: shelflife trash list uploads
    """
    files = engine_of(config).trash(areas or None)
    if as_json:
        from shelflife.shapes.trash import trashed_file_as_json

        for file in files:
            output.print_json_line(trashed_file_as_json(file))
    else:
        _print(files)
    return 0


Targets = Annotated[
    list[str] | None,
    Argument(
        "PATH|RUN", help="Where it was, or the number of the run that removed it.", complete=run_numbers
    ),
]

To = Annotated[
    str | None,
    Option("--to", metavar="DIR", help="Below another directory, laid out as it was below its area."),
]

Span = Annotated[
    str | None,
    Option("--since", metavar="TIME", help="What went from then on: 2026-12-24, or 7d for seven days ago."),
]

Until = Annotated[str | None, Option("--until", metavar="TIME", help="What went before then.")]


def restore(
    targets: Targets = None,
    to: To = None,
    new_path: Annotated[str | None, Option("--as", metavar="NEW", help="Another path for it.")] = None,
    area: OneArea = None,
    since: Span = None,
    until: Until = None,
    no_hold: Annotated[
        bool, Option("--no-hold", help="Do not hold what comes back; the next cleanup takes it again.")
    ] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would come back.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Bring files back to where they were: files, directories, what runs removed, or what went in a time.

    Nothing is ever overwritten. What comes back is held for one retention of its area, by one hold.

    Example: shelflife trash restore storage/uploads/clip.mp4

    Example: shelflife trash restore --area uploads --since 2d --dry-run
    """
    engine = engine_of(config)
    selection = _selection(engine, targets or [], area, (since, until))
    selection = replace(selection, into=to, new_path=new_path)
    if dry_run:
        return _show_what_would(engine, selection, as_json=as_json)
    with Stop() as stop:
        with progress(quiet=as_json) as listeners:
            engine = engine_of(config, listeners=listeners)
            report = engine.bring_back(selection, hold=not no_hold, stop=stop.event)
        done = engine.restored(report)
        _show_restored(done, as_json=as_json)
    return _ended(done) if stop.signal is None else 128 + stop.signal


def _selection(
    engine: Engine, targets: list[str], area: str | None, span: tuple[str | None, str | None]
) -> Selection:
    from shelflife.run.selection import Selection

    now = clock.now()
    since, until = (
        None if text is None else past_moment_of(text, now, option=option)
        for text, option in zip(span, ("--since", "--until"), strict=True)
    )
    return Selection(
        runs=tuple(int(target) for target in targets if target.isdecimal()),
        paths=tuple(target for target in targets if not target.isdecimal()),
        areas=None if area is None else (engine.settings.area_name(area),),
        since=since,
        until=until,
    )


def _show_what_would(engine: Engine, selection: Selection, *, as_json: bool) -> int:
    from shelflife.formats import human_size
    from shelflife.shapes.trash import would_restore_as_json

    files = engine.would_bring_back(selection)
    if as_json:
        output.print_json(would_restore_as_json(files))
        return ExitCode.DONE
    count = size = taken = 0
    for one in files:
        taken += one.is_taken
        count += not one.is_taken
        size += 0 if one.is_taken else one.file.size
        other = "" if one.home == one.file.path else f" as {one.home}"
        why = "  (stays: something of that name is there)" if one.is_taken else ""
        output.print_line(
            f"{human_size(one.file.size):>12}  run {one.file.run:<5} {one.file.path}{other}{why}"
        )
    left = f"; {counted(taken, 'file', 'files')} would stay" if taken else ""
    output.print_line(f"{counted(count, 'file', 'files')}, {human_size(size)}, would come back{left}")
    return ExitCode.DONE


def _show_restored(done: Restored, *, as_json: bool) -> None:
    from shelflife.formats import moment
    from shelflife.shapes.trash import restored_as_json

    run = done.report.run
    if as_json and (done.paths or not done.left):
        output.print_json(restored_as_json(done, now=clock.now()))
        return
    for path in done.paths:
        output.print_line(f"restored {path}")
    if not done.is_all:
        output.print_line(f"… and more; `shelflife history {run}` lists all")
    if done.paths:
        output.print_line(f"run {run}: {counted(done.files, 'file', 'files')} restored")
    if done.hold is not None and done.hold.until is not None:
        output.print_line(f"held until {moment(done.hold.until)}; `shelflife hold remove {run}` ends that")


def _ended(done: Restored) -> int:
    """Say what is not back, and return the exit code. Raises UsageError where nothing is."""
    report = done.report
    if report.state != "done":
        output.say(f"run {report.run} was {report.state} before its end; the same command goes on")
    try:
        done.require_all()
    except PartlyRestored as error:
        output.say(str(error))
        return error.exit_code
    return ExitCode.DONE


def empty(
    areas: Areas = None,
    older_than: Annotated[
        str | None,
        Option("--older-than", metavar="DURATION", help="Only what has waited longer."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Remove for good what waits in the trash. What is held, or was displaced, stays.

    Example: shelflife trash empty temp --older-than 12h
    """
    from shelflife.formats import counted, human_size
    from shelflife.shapes.run import report_as_json

    before = None
    if older_than is not None:
        before = clock.now() - seconds_of(older_than, "--older-than") * SECOND
    report = engine_of(config).empty_trash(areas or None, before=before)
    if as_json:
        output.print_json(report_as_json(report.as_json()))
    else:
        freed = human_size(report.total("freed"))
        output.print_line(
            f"run {report.run}: {counted(report.total('purged'), 'file', 'files')} purged, {freed} freed"
        )
    failures = [f"{failure.path}: {failure.error}" for area in report.areas for failure in area.failures]
    output.say_all(failures, more=f"`shelflife history {report.run} --json` lists all")
    return ExitCode.SOME_FAILED if failures or report.errors else ExitCode.DONE


def _print(files: Iterable[TrashedFile]) -> None:
    from shelflife.formats import human_size, moment

    count = size = 0
    for file in files:
        count, size = count + 1, size + file.size
        until = "displaced: never purged" if file.until is None else f"until {moment(file.until)}"
        output.print_line(f"{human_size(file.size):>12}  run {file.run:<5} {until}  {file.path}")
    if count:
        output.print_line(f"{counted(count, 'file', 'files')}, {human_size(size)}, not freed yet")
    else:
        output.print_line("the trash is empty")


VERBS: Final = {"list": list_trash, "restore": restore, "empty": empty}
