"""`shelflife trash`: see, restore and purge what waits in the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from shelflife import clock
from shelflife.cli import output
from shelflife.cli.grammar import Argument, Option
from shelflife.cli.history import run_numbers
from shelflife.cli.options import Areas, Config, Json, engine_of, seconds_of
from shelflife.clock import SECOND
from shelflife.errors import ExitCode
from shelflife.formats import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def restore(
    target: Annotated[
        str,
        Argument(
            "PATH|RUN",
            help="Where it was, or the number of the run that removed it.",
            complete=run_numbers,
        ),
    ],
    to: Annotated[str | None, Option("--as", metavar="NEW", help="Another path for it.")] = None,
    no_hold: Annotated[
        bool, Option("--no-hold", help="Do not hold what comes back; the next cleanup takes it again.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Bring files back to where they were: a file, a directory, or all that a run removed.

    Nothing is ever overwritten. What comes back is held for one retention of its area.

    Example: shelflife trash restore storage/uploads/clip.mp4
    """
    restored = engine_of(config).restore(target, to=to, hold=not no_hold)
    if as_json:
        from shelflife.shapes.trash import restored_as_json

        output.print_json(restored_as_json(restored))
    else:
        for path in restored:
            output.print_line(f"restored {path}")
    return 0


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
