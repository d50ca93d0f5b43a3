"""What stands at the other end of a stream: how wide it is, whether it has colours, what it can show.

Nothing here prints. A pipe has no width and no colours, so that lines are neither folded nor cut and nothing but
text goes through; `NO_COLOR` (https://no-color.org) switches colours off everywhere.
"""

from __future__ import annotations

import os
import unicodedata
from typing import Final, NamedTuple, TextIO

BOLD: Final = "1"
DIM: Final = "2"
GOOD: Final = "32"
CARE: Final = "1;33"
"""Something that a person should see to."""
BAD: Final = "1;31"

_NARROWEST: Final = 20
_UNKNOWN: Final = 80

_PLAIN: Final = str.maketrans(
    {
        "–": "-", "—": "-", "−": "-", "…": "...", "“": '"', "”": '"', "’": "'", "×": "x", "·": ".",  # noqa: RUF001
        "✓": "+", "✗": "x", "│": "|", "─": "-", "└": "+", "█": "#", "▇": "#", "▆": "%", "▅": "*", "▄": "=",
        "▃": "-", "▂": ":", "▁": ".", "░": ".",
    }
)  # fmt: skip
"""What stands for our own signs where a terminal has none but ASCII."""


class Styled(NamedTuple):
    """Text that is shown in a style where there are colours."""

    text: str
    style: str


Part = str | Styled
"""A piece of a line."""


def text_of(part: Part) -> str:
    """Return the text of a piece of a line."""
    return part.text if isinstance(part, Styled) else part


def columns_of(stream: TextIO) -> int | None:
    """Return how many columns the terminal behind a stream has; None where there is no terminal."""
    if not stream.isatty():
        return None
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return max(_NARROWEST, int(asked))
    try:
        found = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return _UNKNOWN
    return max(_NARROWEST, found or _UNKNOWN)


def has_colours(stream: TextIO) -> bool:
    """Return whether a stream leads to a terminal with colours that are wanted."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")
    return wanted and stream.isatty()


def encodable(text: str, stream: TextIO) -> str:
    """Return text as a stream can show it: our own signs by ASCII ones, what else is missing by escapes."""
    if text.isascii():
        return text
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes: letters of the Far East take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
