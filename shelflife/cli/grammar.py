"""The grammar of the command line: a verb is a function, its parameters are what may be typed.

    def why(paths: Annotated[list[str], Argument("PATH", help="…")], as_json: Json = False) -> int

The first sentence of its docstring is what the list of verbs says, the whole of it is what `--help` says. Options
may stand anywhere behind the verb; what comes after `--` is no option. The standard library's argparse reads the
options: it takes 5 ms to import, where a framework takes 50 to 70 (docs/decisions/0008).
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NoReturn, Union, get_args, get_origin, get_type_hints

from shelflife.errors import UsageError
from shelflife.formats import visible

Verb = Callable[..., int]
"""Does what was asked for, and returns the exit code."""

Complete = Callable[[Path | None], Iterable[str]]
"""Given the configuration that was named, the words that may stand there; for completion by a shell."""

_EXAMPLE: Final = "Example: "
_LARGEST: Final = 2**62
"""Numbers beyond are no numbers of ours, and too large for a database."""


class MisuseError(UsageError):
    """The command line makes no sense; `command` is the one whose help explains it."""

    def __init__(self, message: str, command: str = "shelflife") -> None:
        self.command = command
        super().__init__(message)


class Option:
    """A parameter with a name: `--at TIME`."""

    def __init__(
        self,
        *names: str,
        help: str,
        metavar: str = "",
        least: int | None = None,
        most: int | None = None,
        complete: Complete | None = None,
    ) -> None:
        """Take its names, and what `--help` says; a number is at `least` and at `most` that."""
        self.names, self.help, self.metavar = names, help, metavar
        self.least, self.most, self.complete = least, most, complete

    @property
    def usage(self) -> str:
        """How it is typed."""
        return ", ".join(sorted(self.names, key=len)) + (f" {self.metavar}" if self.metavar else "")


class Argument:
    """A parameter that is known by its place: `AREA`."""

    def __init__(self, metavar: str, *, help: str, complete: Complete | None = None) -> None:
        self.metavar, self.help, self.complete = metavar, help, complete


class Parameter:
    """A parameter of a verb: what it takes, and what it is when it is not given."""

    def __init__(self, name: str, kind: Any, default: object) -> None:
        """Take a parameter as the signature has it, `kind` an `Annotated[…]`."""
        typed, self.mark = get_args(kind)[:2]
        self.name, self.default = name, default
        if get_origin(typed) in (Union, UnionType):
            typed = next(part for part in get_args(typed) if part is not NoneType)
        self.is_list = get_origin(typed) is list
        self.type = get_args(typed)[0] if self.is_list else typed
        self.is_required = default is inspect.Parameter.empty

    @property
    def usage(self) -> str:
        """How an argument is typed."""
        shown = f"{self.mark.metavar}{'…' if self.is_list else ''}"
        return shown if self.is_required else f"[{shown}]"

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Have argparse read it, an option."""
        if self.type is bool:
            parser.add_argument(*self.mark.names, dest=self.name, action="store_true")
        else:
            action = "append" if self.is_list else "store"  # an option that may be given several times
            parser.add_argument(
                *self.mark.names, dest=self.name, type=self.read, default=self.default, action=action
            )

    def take_from(self, words: list[str]) -> object:
        """Take what it needs, an argument, from the words that are no options. Raises ArgumentTypeError."""
        if not words:
            if self.is_required:
                raise argparse.ArgumentTypeError("missing")
            return self.default
        if self.is_list:
            taken, words[:] = [self.read(word) for word in words], []
            return taken
        return self.read(words.pop(0))

    def read(self, text: str) -> object:
        """Return the value that a text means. Raises ArgumentTypeError."""
        if self.type is not int:
            return self.type(text)
        least = getattr(self.mark, "least", None) or 0
        most = getattr(self.mark, "most", None) or _LARGEST
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            limits = f"{least} to {most}" if most < _LARGEST else f"{least}"
            raise argparse.ArgumentTypeError(f'"{text}": not a whole number from {limits}')
        return int(text)


class Command:
    """One verb as a command."""

    def __init__(self, name: str, verb: Verb) -> None:
        """Take the words that call it, such as `shelflife hold add`, and the function."""
        self.name, self._verb = name, verb
        hints = get_type_hints(verb, include_extras=True)
        signature = inspect.signature(verb)
        self.parameters = [
            Parameter(name, hints[name], parameter.default)
            for name, parameter in signature.parameters.items()
            if get_origin(hints[name]) is Annotated
        ]

    @property
    def options(self) -> list[Option]:
        """Its options."""
        return [given.mark for given in self.parameters if isinstance(given.mark, Option)]

    @property
    def arguments(self) -> list[Parameter]:
        """Its parameters that are known by their place."""
        return [given for given in self.parameters if isinstance(given.mark, Argument)]

    def call(self, words: Sequence[str]) -> int:
        """Do it with what was typed behind the verb; return the exit code. Raises MisuseError."""
        end = words.index("--") if "--" in words else len(words)
        parser = _Parser(self.name)
        for parameter in self.parameters:
            if isinstance(parameter.mark, Option):
                parameter.add_to(parser)
        options, others = parser.parse_known_args(list(words[:end]))
        for word in others:
            if word.startswith("-") and len(word) > 1:
                raise MisuseError(self._no_option(word), self.name)
        return self._verb(**vars(options), **self._placed([*others, *words[end + 1 :]]))

    def _placed(self, words: list[str]) -> dict[str, object]:
        values: dict[str, object] = {}
        for argument in self.arguments:
            try:
                values[argument.name] = argument.take_from(words)
            except argparse.ArgumentTypeError as error:
                raise MisuseError(f"{argument.mark.metavar}: {visible(str(error))}", self.name) from None
        if words:
            raise MisuseError(f'"{visible(words[0])}" is one argument too many', self.name)
        return values

    def help(self, width: int) -> str:
        """Return what `--help` prints, in lines of `width`."""
        usage = " ".join([self.name, "[OPTIONS]", *(given.usage for given in self.arguments)])
        arguments = [(given.mark.metavar, given.mark.help) for given in self.arguments]
        options = [(option.usage, option.help) for option in self.options]
        parts = [
            f"Usage: {usage}",
            prose(inspect.getdoc(self._verb) or "", width, indent="  "),
            *([f"Arguments:\n{listing(arguments, width)}"] if arguments else []),
            f"Options:\n{listing([*options, ('-h, --help', 'Show this, and do nothing.')], width)}",
        ]
        return "\n\n".join(parts)

    @property
    def about(self) -> str:
        """What it does, in a sentence."""
        return (inspect.getdoc(self._verb) or "").partition("\n\n")[0].replace("\n", " ")

    def _no_option(self, word: str) -> str:
        from shelflife.settings import did_you_mean

        known = [name for option in self.options for name in option.names]
        return f'there is no option "{visible(word)}"{did_you_mean(word.partition("=")[0], known)}'


class _Parser(argparse.ArgumentParser):
    """argparse, which raises where it would print and exit."""

    def __init__(self, name: str) -> None:
        super().__init__(prog=name, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise MisuseError."""
        raise MisuseError(visible(message.removeprefix("argument ")), self.prog)


def asks_for_help(words: Sequence[str]) -> bool:
    """Return whether one of the words, before any `--`, asks for help."""
    options = words[: words.index("--")] if "--" in words else words
    return "-h" in options or "--help" in options


def prose(text: str, width: int, *, indent: str = "") -> str:
    """Return paragraphs in lines of `width`; examples stay as they are, to be copied."""
    import textwrap

    return "\n\n".join(
        indent + part
        if part.startswith(_EXAMPLE)
        else textwrap.fill(part, width, initial_indent=indent, subsequent_indent=indent)
        for part in text.split("\n\n")
    )


def listing(entries: Sequence[tuple[str, str]], width: int) -> str:
    """Return names with what they mean beside them, in lines of `width`."""
    import textwrap

    widest = min(26, max(len(name) for name, _ in entries))
    lines = []
    for name, meaning in entries:
        first = f"  {name:<{widest}}  "
        if len(name) > widest:
            lines.append(f"  {name}")
            first = " " * (widest + 4)
        lines.append(
            textwrap.fill(meaning, width, initial_indent=first, subsequent_indent=" " * (widest + 4))
        )
    return "\n".join(lines)
