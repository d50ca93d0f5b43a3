"""`shelflife completion`: what a shell needs to complete verbs, options, areas, runs and plans."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from shelflife.cli import output
from shelflife.cli.grammar import Argument, Command, Option
from shelflife.cli.options import Config, Json
from shelflife.errors import ExitCode, ShelflifeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SCRIPTS: Final = {
    "bash": """\
_shelflife() {
    local IFS=$'\\n'
    COMPREPLY=($(shelflife completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _shelflife shelflife
""",
    "zsh": """\
#compdef shelflife
_shelflife() {
    local -a found
    found=(${(f)"$(shelflife completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    (( ${#found} )) && compadd -a found || _files
}
compdef _shelflife shelflife
""",
    "fish": """\
function __shelflife
    set -l words (commandline -opc) (commandline -ct)
    shelflife completion words -- $words[2..-1] 2>/dev/null
end
complete -c shelflife -a '(__shelflife)'
""",
}
"""By shell. Each calls `completion words` with what was typed; where that knows nothing, files are offered."""


def _shells(_config: Path | None) -> list[str]:
    return list(_SCRIPTS)


def completion(
    shell: Annotated[str, Argument("bash|zsh|fish", help="The shell.", complete=_shells)],
    words: Annotated[
        list[str] | None, Argument("WORD", help="For these scripts: what was typed, to be completed.")
    ] = None,
    config: Config = None,  # noqa: ARG001 - every verb takes it
    as_json: Json = False,
) -> int:
    """Print a script that completes verbs, options, areas, runs and plans in a shell.

    Example: eval "$(shelflife completion bash)"

    Example: shelflife completion fish > ~/.config/fish/completions/shelflife.fish
    """
    if shell == "words":
        found = list(words_after(words or [""]))
        for word in found:
            output.print_line(word)
        return ExitCode.DONE
    if shell not in _SCRIPTS:
        from shelflife.settings import did_you_mean

        raise UsageError(
            f'"{shell}": not a known shell; allowed: {", ".join(_SCRIPTS)}{did_you_mean(shell, list(_SCRIPTS))}'
        )
    if as_json:
        output.print_json({"shell": shell, "script": _SCRIPTS[shell]})
    else:
        output.print_block(_SCRIPTS[shell])
    return ExitCode.DONE


def words_after(typed: Sequence[str]) -> Iterable[str]:
    """Return what may stand where the last of these words is being typed, as far as it fits what is there."""
    *before, current = typed
    return (word for word in sorted(set(_candidates(before, current))) if word.startswith(current))


def _candidates(before: Sequence[str], current: str) -> Iterable[str]:
    from shelflife.cli.app import VERBS, commands_of

    verbs = [word for word in _without_values(before) if not word.startswith("-")]
    if not verbs:
        return [*VERBS, "--config", "--json", "--version", "--help"]
    commands = commands_of(verbs[0])
    if len(commands) > 1 and len(verbs) == 1:
        return list(commands)
    name = verbs[1] if len(commands) > 1 else verbs[0]
    return _of_command(commands[name], before, current) if name in commands else []


def _without_values(words: Sequence[str]) -> list[str]:
    """Return the words without the values of options that every verb takes."""
    return [word for place, word in enumerate(words) if not place or words[place - 1] != "--config"]


def _of_command(command: Command, before: Sequence[str], current: str) -> Iterable[str]:
    config = next((Path(word) for last, word in pairwise(before) if last == "--config"), None)
    open_option = next((option for option in command.options if before and before[-1] in option.names), None)
    if open_option is not None and open_option.metavar:
        return _values(open_option, config)
    if current.startswith("-"):
        return [name for option in command.options for name in option.names] + ["--help"]
    return [word for argument in command.arguments for word in _values(argument.mark, config)]


def _values(mark: Option | Argument, config: Path | None) -> Iterable[str]:
    if mark.complete is None:
        return []
    try:
        return list(mark.complete(config))
    except (ShelflifeError, OSError):  # nothing to offer where nothing can be read
        return []
