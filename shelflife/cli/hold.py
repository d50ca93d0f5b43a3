"""`shelflife hold`: pin files, so that nothing removes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from shelflife import clock
from shelflife.cli import output
from shelflife.cli.columns import Column, Table
from shelflife.cli.grammar import Argument, Option
from shelflife.cli.options import Config, Json, engine_of, moment_of

if TYPE_CHECKING:
    from pathlib import Path as ConfigPath

    from shelflife.policy.holds import Hold

ABOUT: Final = "Pin files and directories: no cleanup, quota, full disk or purge removes what is held."

Path = Annotated[str, Argument("PATH", help="A file, or a directory with all below it.")]


def add(
    path: Path,
    until: Annotated[
        str | None,
        Option(
            "--until",
            metavar="TIME",
            help="When it ends by itself: 2026-12-24, 2026-12-24T18:00Z, or +30d from now.",
        ),
    ] = None,
    reason: Annotated[str, Option("--reason", metavar="TEXT", help="Why, for those who come later.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Hold a file, or a directory with all below it.

    Returns once no running cleanup can still remove it. A rename does not lose the hold.

    Example: shelflife hold add storage/uploads/clip.mp4 --until +30d --reason "ticket 4711"
    """
    moment = None if until is None else moment_of(until, clock.now(), option="--until")
    hold = engine_of(config).hold(path, until=moment, reason=reason)
    if as_json:
        output.print_json(_as_json(hold))
    else:
        output.print_line(f"held: {hold.path}{'/' if hold.tree else ''} {_until(hold)}")
    return 0


def list_holds(
    config: Config = None,
    as_json: Json = False,
    ended: Annotated[bool, Option("--all", help="Also those that have ended.")] = False,
) -> int:
    """List what is held, and what programs lease.

    Example: shelflife hold list --all
    """
    engine = engine_of(config)
    holds = engine.holds(ended=ended)
    if as_json:
        output.print_json([_as_json(hold) for hold in holds])
    elif shown := [*holds, *(hold for lease in engine.leases() for hold in lease.holds)]:
        _print(shown)
    else:
        output.print_line("nothing is held")
    return 0


def _held_paths(config: ConfigPath | None) -> list[str]:
    """Return what is held, to complete what is typed."""
    engine = engine_of(config)
    return [str(engine.settings.base_path / hold.path) for hold in engine.holds()]


Held = Annotated[
    str,
    Argument(
        "PATH|RUN", help="What is held, or the number of the run that brought it back.", complete=_held_paths
    ),
]


def remove(path: Held, config: Config = None, as_json: Json = False) -> int:
    """End the hold on a path, or on what a run brought back from the trash.

    Example: shelflife hold remove storage/uploads/clip.mp4
    """
    ended = engine_of(config).unhold(path)
    if as_json:
        output.print_json([_as_json(hold) for hold in ended])
    else:
        output.print_line(f"no longer held: {_named(ended[0])}")
    return 0


def _print(holds: list[Hold]) -> None:
    from shelflife.formats import minute

    table = Table([Column("path"), Column("until (UTC)"), Column("since (UTC)", spare=1)])
    now = clock.now()
    for hold in holds:
        ends = f"{hold.actor} ends" if hold.lease else "somebody ends it"
        until = minute(hold.until) if hold.until is not None else ends
        state = until if hold.is_active(now) else f"ended {minute(hold.ended or hold.until or hold.created)}"
        table.add(_named(hold), state, minute(hold.created), note=hold.reason)
    output.print_table(table)


def _named(hold: Hold) -> str:
    """Return what is held, as a person reads it."""
    if hold.of_members:
        return f"what run {hold.run} restored, in {hold.path}"
    return hold.path + ("/" if hold.tree else "")


def _until(hold: Hold) -> str:
    from shelflife.formats import moment

    return "until it is removed" if hold.until is None else f"until {moment(hold.until)}"


def _as_json(hold: Hold) -> object:
    from shelflife.shapes.hold import hold_as_json

    return hold_as_json(hold, now=clock.now())


VERBS: Final = {"add": add, "list": list_holds, "remove": remove}
