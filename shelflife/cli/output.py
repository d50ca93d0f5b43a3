"""Where the verbs print: stdout for the answer, stderr for everything else.

Whatever is in a name – a newline, an escape sequence, bytes that are not UTF-8 – it stays on its line and moves
no cursor; whatever the terminal can show, nothing fails to be printed.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from shelflife.cli.terminal import Styled, cells, columns_of, encodable, has_colours, text_of
from shelflife.formats import counted, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from shelflife.cli.columns import Table
    from shelflife.cli.terminal import Part

_NARROWEST: Final = 20
"""Columns that a sentence needs."""

MOST_LINES: Final = 20
"""Messages of one kind that are printed one by one."""


def say(message: str, *, style: str = "") -> None:
    """Print a message to stderr."""
    first, *more = message.split("\n")
    print(_shown(("shelflife: ", Styled(first, style)), sys.stderr), file=sys.stderr)
    for line in more:
        print(_shown((line,), sys.stderr), file=sys.stderr)


def say_all(messages: Sequence[str], *, more: str) -> None:
    """Print messages to stderr, the first of many; `more` says where the others are."""
    for message in messages[:MOST_LINES]:
        say(message)
    if len(messages) > MOST_LINES:
        say(f"… and {len(messages) - MOST_LINES:,} more; {more}")


def print_json(value: Any) -> None:
    """Print a JSON document to stdout."""
    print(json.dumps(value, indent=2))


def print_json_line(value: Any) -> None:
    """Print one line of JSON lines to stdout."""
    print(json.dumps(value))


def print_line(*parts: Part) -> None:
    """Print a line to stdout: a path, a command to copy, anything that must not be folded."""
    print(_shown(parts, sys.stdout))


def prompt(*parts: Part) -> None:
    """Print a question to stdout, and stay on its line for the answer."""
    print(_shown(parts, sys.stdout), end="", flush=True)


def print_block(text: str) -> None:
    """Print text of our own to stdout as it is, in several lines."""
    for line in text.rstrip("\n").split("\n"):
        print(encodable(line, sys.stdout))


def print_prose(text: str, *, first: Sequence[Part] = ("",), indent: str | None = None) -> None:
    """Print sentences to stdout, on a terminal in lines of its width.

    The first line begins with `first`, the others with `indent`; without one, they stand below each other.
    """
    width, taken = columns_of(sys.stdout), cells("".join(map(text_of, first)))
    if width is not None and indent is None and taken > width // 2:
        print_line(*first)
        first, taken = ("    ",), 4
    indent = " " * taken if indent is None else indent
    for number, line in enumerate(_folded(visible(text), width, taken, len(indent))):
        print(_shown((*first, line) if number == 0 else (indent, line), sys.stdout))


def _folded(text: str, width: int | None, taken: int, indent: int) -> list[str]:
    """Return text in lines; of the first one so many columns are taken, the others are indented."""
    if width is None:
        return [text]
    import textwrap

    room = max(width, max(taken, indent) + _NARROWEST)
    begun = "x" * taken  # which no break can be in
    lines = textwrap.wrap(
        begun + text, room, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return [line[taken if number == 0 else indent :] for number, line in enumerate(lines)]


def print_table(table: Table) -> None:
    """Print a table to stdout: on a terminal as wide as that is, in a pipe a line for each row."""
    for line in table.lines(columns_of(sys.stdout)):
        print(_shown(line, sys.stdout).rstrip())


def number(value: int) -> str:
    """Return a number with separators: `1,234,567`."""
    return f"{value:,}"


def print_special(value: int) -> None:
    """Say how many special files there are, if any."""
    if value:
        print_line(counted(value, "FIFO, socket or device stays", "FIFOs, sockets and devices stay"))


def _shown(parts: Sequence[Part], stream: TextIO) -> str:
    coloured = has_colours(stream)
    shown = ""
    for part in parts:
        text, style = part if isinstance(part, Styled) else (part, "")
        text = encodable(visible(text), stream)
        shown += f"\x1b[{style}m{text}\x1b[0m" if style and coloured and text else text
    return shown
