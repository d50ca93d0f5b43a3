"""The verbs together, and what becomes of their errors."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

import typer
from typer.exceptions import Exit, TyperException

from shelflife.cli.output import print_json, say
from shelflife.errors import ExitCode, ShelflifeError
from shelflife.formats import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""

_PIPE_CLOSED: Final = 141
"""Exit code when nobody reads on: 128 and the number of SIGPIPE."""

_VERBS: Final = (
    *("init", "check", "stats", "plan", "cleanup", "why", "whatif", "forecast", "history", "serve", "units"),
)
"""Each a module of this part, with a function of that name; in the order of the help."""

_GROUPS: Final = ("trash", "hold", "alerts")
"""Verbs with verbs of their own: modules with an application `verbs`."""


def _application(verb: str) -> typer.Typer:
    """Return the command line with that verb; with all of them when there is none of that name."""
    app = typer.Typer(
        name="shelflife",
        add_completion=False,
        rich_markup_mode=None,  # plain help: it answers in half the time, and examples can be copied
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_about)
    names = (*_VERBS, *_GROUPS)
    for name in (verb,) if verb in names else names:
        module = import_module(f"shelflife.cli.{name}")
        if name in _GROUPS:
            app.add_typer(module.verbs, name=name)
        else:
            app.command()(getattr(module, name))
    return app


def _about() -> None:
    """Keep the directories of a service from filling up the disk: see, foresee, explain, clean up.

    Each verb reads config.yaml in the working directory, or --config FILE.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line; return its exit code. Whatever goes wrong is told on stderr in a sentence."""
    if not arguments:
        _invoke(["--help"])
        return ExitCode.USAGE
    arguments = _verb_first(list(arguments))
    as_json = "--json" in arguments[: arguments.index("--") if "--" in arguments else None]
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except ShelflifeError as error:
        return _failed(error, as_json=as_json)
    except BrokenPipeError:
        return _pipe_closed()
    except OSError as error:
        return _failed_os(error, as_json=as_json)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    return code


def _invoke(arguments: list[str]) -> int:
    command = typer.main.get_command(_application(arguments[0]))
    try:
        with command.make_context("shelflife", arguments) as context:
            return int(command.invoke(context) or 0)
    except Exit as leave:
        return leave.exit_code
    except TyperException as error:
        return _misused(error, as_json="--json" in arguments)


def _verb_first(arguments: list[str]) -> list[str]:
    """Put `--config FILE` and `--json`, where they stand before the verb, behind it."""
    before: list[str] = []
    rest = list(arguments)
    while rest:
        if rest[0] == "--json" or rest[0].startswith("--config="):
            before.append(rest.pop(0))
        elif rest[0] == "--config" and len(rest) > 1:
            before += [rest.pop(0), rest.pop(0)]
        else:
            break
    return [*rest[:1], *before, *rest[1:]]


# -- errors


def _misused(error: TyperException, *, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if as_json:
        print_json({"error": {"type": "usage", "message": message, "exit_code": int(ExitCode.USAGE)}})
    say(message)
    say(f"try `{context.command_path if context else 'shelflife'} --help`")
    return ExitCode.USAGE


def _failed(error: ShelflifeError, *, as_json: bool) -> int:
    if as_json:
        print_json({"error": _as_json(error)})
    say(str(error))
    return error.exit_code


def _failed_os(error: OSError, *, as_json: bool) -> int:
    """Tell of what the system refused outside of a run: directories that cannot be made, a full disk."""
    place = f"{error.filename}: " if error.filename else ""
    message = f"{place}{error.strerror or error}"
    if as_json:
        detail = {"type": "system", "message": message, "exit_code": int(ExitCode.USAGE)}
        print_json({"error": detail | {"errno": errno.errorcode.get(error.errno or 0)}})
    say(message)
    return ExitCode.USAGE


def _as_json(error: ShelflifeError) -> dict[str, object]:
    from shelflife.shapes.error import details_of

    meaning = {
        "type": error.meaning.slug,
        "message": printable(str(error)),
        "exit_code": int(error.exit_code),
    }
    return meaning | details_of(error)


def _pipe_closed() -> int:
    """Keep quiet when the reader of our output is gone: Python would complain while it exits."""
    with open(os.devnull, "w", encoding="ascii") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return _PIPE_CLOSED
