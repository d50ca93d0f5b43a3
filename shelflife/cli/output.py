"""Where the verbs print: stdout for the answer, stderr for everything else."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

MOST_LINES: Final = 20
"""Messages of one kind that are printed one by one."""

_WIDE: Final = 1000
"""Width for output that no terminal shows: nothing is folded or cut off."""


def say(message: str) -> None:
    """Print a message to stderr."""
    from shelflife.formats import visible

    lines = [visible(line) for line in message.split("\n")]
    print("shelflife: " + "\n".join(lines), file=sys.stderr)


def say_all(messages: Sequence[str], *, more: str) -> None:
    """Print messages to stderr, the first of many; `more` says where the others are."""
    for message in messages[:MOST_LINES]:
        say(message)
    if len(messages) > MOST_LINES:
        say(f"… and {len(messages) - MOST_LINES} more; {more}")


def print_json(value: Any) -> None:
    """Print a JSON document to stdout."""
    print(json.dumps(value, indent=2))


def print_json_line(value: Any) -> None:
    """Print one line of JSON lines to stdout."""
    print(json.dumps(value))


def print_line(text: str) -> None:
    """Print a line to stdout, whatever its encoding; nothing in it moves a cursor."""
    from shelflife.formats import visible

    encoding = sys.stdout.encoding or "utf-8"
    print(visible(text).encode(encoding, "backslashreplace").decode(encoding))


def table(*columns: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table; the columns in `numbers` are right-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    right = set(numbers)
    for column in columns:
        made.add_column(
            column, justify="right" if column in right else "left", no_wrap=column in right, overflow="fold"
        )
    return made


def print_table(made: Table) -> None:
    """Print a table to stdout."""
    from rich.console import Console

    on_terminal = sys.stdout.isatty()
    console = Console(
        file=sys.stdout, width=None if on_terminal else _WIDE, highlight=False, markup=False, emoji=False
    )
    with console.capture() as captured:
        console.print(made)
    for line in captured.get().rstrip("\n").split("\n"):
        print(line.rstrip())


def number(value: int) -> str:
    """Return a number with separators: `1,234,567`."""
    return f"{value:,}"


def print_special(value: int) -> None:
    """Say how many special files there are, if any."""
    if value:
        from shelflife.formats import counted

        print_line(counted(value, "FIFO, socket or device stays", "FIFOs, sockets and devices stay"))
