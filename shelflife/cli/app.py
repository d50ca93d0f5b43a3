"""The verbs together, and what becomes of their errors."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

from shelflife.actor import Actor, Via, acting
from shelflife.cli.grammar import Command, MisuseError, asks_for_help, listing, prose
from shelflife.cli.output import print_block, print_json, print_line, say
from shelflife.cli.terminal import BAD, CARE, columns_of
from shelflife.errors import ExitCode, NeedsApproval, ShelflifeError
from shelflife.formats import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""

_PIPE_CLOSED: Final = 141
"""Exit code when nobody reads on: 128 and the number of SIGPIPE."""

VERBS: Final = (
    *("init", "check", "status", "stats", "plan", "cleanup", "why", "whatif", "forecast", "history"),
    *("receive", "trash", "hold", "alerts", "token", "serve", "units", "completion"),
)
"""Each a module, in the order of the help: with a function of that name, or with more verbs in `VERBS`."""

_ABOUT: Final = """\
Keep the directories of a service from filling up the disk: see, foresee, explain, clean up.

Each verb reads config.yaml in the working directory, or --config FILE; `shelflife VERB --help` explains it."""

_WIDEST: Final = 100


def run(arguments: Sequence[str]) -> int:
    """Run a command line; return its exit code. Whatever goes wrong is told on stderr in a sentence."""
    words = list(arguments)
    as_json = "--json" in words[: words.index("--") if "--" in words else None]
    try:
        with acting(Actor(name=_user(), via=Via.CLI)):
            code = _dispatch(words)
        sys.stdout.flush()
    except MisuseError as error:
        code = _failed(error, as_json=as_json)
        say(f"try `{error.command} --help`")
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


def _user() -> str:
    """Return who types: by name or, where there is none (in many containers), by number."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _dispatch(words: list[str]) -> int:
    """Find the verb and call it with the options that stand before and behind it."""
    before, rest = _options_first(words)
    if rest and rest[0] == "--version":
        print_line(f"shelflife {_version()}")
        return ExitCode.DONE
    if not rest or rest[0] in ("-h", "--help"):
        _show_verbs()
        return ExitCode.DONE if rest else ExitCode.USAGE
    name, *rest = rest
    commands = commands_of(name)
    if list(commands) == [name]:
        return _call(commands[name], [*before, *rest])
    more, rest = _options_first(rest)
    if not rest or rest[0] in ("-h", "--help"):
        _show_group(name, commands)
        return ExitCode.DONE if rest else ExitCode.USAGE
    inner, *rest = rest
    if inner not in commands:
        raise _unknown(inner, list(commands), f"shelflife {name}")
    return _call(commands[inner], [*before, *more, *rest])


def commands_of(verb: str) -> dict[str, Command]:
    """Return the commands of a verb by name: itself, or those of its group. Raises MisuseError."""
    module = _module(verb)
    if not hasattr(module, "VERBS"):
        return {verb: Command(f"shelflife {verb}", getattr(module, verb))}
    return {inner: Command(f"shelflife {verb} {inner}", call) for inner, call in module.VERBS.items()}


def _call(command: Command, words: list[str]) -> int:
    if asks_for_help(words):
        print_block(command.help(_help_width()))
        return ExitCode.DONE
    return command.call(words)


def _options_first(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the options at the beginning that every verb takes, and the words behind them."""
    before: list[str] = []
    rest = list(words)
    while rest:
        if rest[0] == "--json" or rest[0].startswith("--config="):
            before.append(rest.pop(0))
        elif rest[0] == "--config" and len(rest) > 1:
            before += [rest.pop(0), rest.pop(0)]
        else:
            break
    return before, rest


def _module(verb: str) -> ModuleType:
    if verb not in VERBS:
        raise _unknown(verb, VERBS, "shelflife")
    return import_module(f"shelflife.cli.{verb}")


def _unknown(word: str, known: Sequence[str], command: str) -> MisuseError:
    from shelflife.settings import did_you_mean

    kind = "option" if word.startswith("-") else "verb"
    return MisuseError(f'there is no {kind} "{word}"{did_you_mean(word, known)}', command)


# -- help


def _show_verbs() -> None:
    width, entries = _help_width(), []
    for name in VERBS:
        about = getattr(_module(name), "ABOUT", None) or commands_of(name)[name].about
        entries.append((name, about))
    print_block(
        f"Usage: shelflife VERB [OPTIONS] …\n\n{prose(_ABOUT, width)}\n\nVerbs:\n{listing(entries, width)}\n\n"
        f"Options:\n{listing([('-h, --help', 'Show this.'), ('--version', 'Show the version.')], width)}"
    )


def _show_group(name: str, commands: Mapping[str, Command]) -> None:
    width, about = _help_width(), _module(name).ABOUT
    entries = [(inner, command.about) for inner, command in commands.items()]
    print_block(
        f"Usage: shelflife {name} VERB [OPTIONS] …\n\n{prose(about, width)}\n\nVerbs:\n{listing(entries, width)}"
    )


def _help_width() -> int:
    return min(_WIDEST, columns_of(sys.stdout) or _WIDEST)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("shelflife")
    except PackageNotFoundError:
        return "(from a checkout that is not installed)"


# -- errors


def _failed(error: ShelflifeError, *, as_json: bool) -> int:
    from shelflife.shapes.error import error_as_json

    if as_json:
        _print(error_as_json(error))
    say(str(error), style=CARE if isinstance(error, NeedsApproval) else BAD)
    return error.exit_code


def _failed_os(error: OSError, *, as_json: bool) -> int:
    """Tell of what the system refused outside of a run: directories that cannot be made, a full disk."""
    place = f"{error.filename}: " if error.filename else ""
    message = f"{place}{error.strerror or error}"
    if as_json:
        detail = {"type": "system", "message": printable(message), "exit_code": int(ExitCode.USAGE)}
        _print({"error": detail | {"errno": errno.errorcode.get(error.errno or 0)}})
    say(message, style=BAD)
    return ExitCode.USAGE


def _print(value: object) -> None:
    """Print an error as JSON. Where nobody reads that, the exit code tells of it all the same."""
    try:
        print_json(value)
        sys.stdout.flush()
    except BrokenPipeError:
        _pipe_closed()


def _pipe_closed() -> int:
    """Keep quiet when the reader of our output is gone: Python would complain while it exits."""
    with open(os.devnull, "w", encoding="ascii") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return _PIPE_CLOSED
