"""One gitignore pattern, read exactly as git reads it, and turned into a regular expression over bytes.

git matches bytes, and it does so not by a grammar but by the code of its `dir.c` and `wildmatch.c`; where that
code and its manual differ (`a**/b`, an unclosed `[`), the code is followed. `tests/acceptance/test_gitignore.py`
compares the two on thousands of random patterns and paths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPECIAL: Final = frozenset(b"*?[\\")

_CLASSES: Final = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"\x21-\x7e",
    b"lower": rb"a-z",
    b"print": rb"\x20-\x7e",
    b"punct": rb"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    b"space": rb" \t\n\r",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}
"""What `[[:name:]]` means, in the C locale: the inside of a set."""

_NEVER: Final = rb"(?!)"


class _Unreadable(Exception):  # noqa: N818 - a signal between two functions, not a fault
    """git finds that the pattern is not whole, and lets it match nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A line of a .gitignore file."""

    line: str
    """As it was written."""

    negative: bool
    """Whether it takes back what patterns before it matched."""

    only_directories: bool
    """Whether it matches directories only, and so a file only by one that it lies in."""

    of_names: bool
    """Whether it is matched against the last part of a path, wherever that is."""

    text: bytes
    """The pattern without `!`, and without slashes at its beginning and end."""

    expression: re.Pattern[bytes]
    """Matches the whole of a path, or of its last part."""

    @property
    def is_void(self) -> bool:
        """Whether there is nothing that it could match."""
        return _NEVER in self.expression.pattern

    def matches(self, path: bytes, name: bytes) -> bool:
        """Return whether it matches the entry at `path` (no slash at its end), whose last part is `name`."""
        return self.expression.fullmatch(name if self.of_names else path) is not None

    def covers(self, directory: bytes) -> bool | None:
        """Return whether it matches every file right in a directory, or none; None where that is up to its name.

        `directory` has a trailing slash, or is empty. Where it is not plain, the answer is None.
        """
        if self.only_directories:
            return False
        if self.of_names:
            return True if self.text and not self.text.strip(b"*") else None
        place, slash, name = self.text.rpartition(b"/")
        place += slash
        if literal_length(place) < len(place) or name.startswith(b"]"):  # the slash may be inside a set
            return None
        if name == b"**":
            return directory.startswith(place)
        if b"**" in name:
            return None
        return (True if name == b"*" else None) if directory == place else False


def parse(line: str) -> Pattern | None:
    """Return a line's pattern; None where it has none, being empty or a comment."""
    text = _without_trailing_spaces(line.encode("utf-8", "surrogateescape"))
    if not text or text.startswith(b"#"):
        return None
    negative = text.startswith(b"!")
    text = text[negative:]
    only_directories = text.endswith(b"/")
    text = text[: len(text) - only_directories]
    of_names = b"/" not in text
    if not of_names:
        text = text.removeprefix(b"/")
    return Pattern(
        line=line,
        negative=negative,
        only_directories=only_directories,
        of_names=of_names,
        text=text,
        expression=re.compile(_expression(text, of_names), re.DOTALL),
    )


def any_of(patterns: Iterable[Pattern]) -> re.Pattern[bytes]:
    """Return an expression that matches, as a whole, whatever the expression of one of `patterns` does."""
    return re.compile(
        b"|".join([b"(?:%s)" % one.expression.pattern for one in patterns]) or _NEVER, re.DOTALL
    )


def literal_length(text: bytes) -> int:
    """Return how many bytes of a pattern come before the first that is special."""
    return next((position for position, byte in enumerate(text) if byte in _SPECIAL), len(text))


def _without_trailing_spaces(line: bytes) -> bytes:
    position = end = 0
    while position < len(line):
        is_plain_space = line[position : position + 1] == b" "
        position += 2 if line[position : position + 1] == b"\\" else 1
        if not is_plain_space:
            end = position
    return line[:end]


def _expression(text: bytes, of_names: bool) -> bytes:
    """Return the regular expression for a pattern."""
    if not text:
        return _NEVER
    literal = literal_length(text)
    try:
        # git compares what comes before the first wildcard by itself, and only the rest as a pattern: there `**`
        # counts as standing at the beginning, as in `a**/b`.
        return re.escape(text[:literal]) + _wild(text[literal:], across=of_names)
    except _Unreadable:
        return _NEVER


def _wild(text: bytes, *, across: bool) -> bytes:
    """Translate a pattern that begins with a wildcard; `across`: `*` and `?` may match a slash."""
    found: list[bytes] = []
    position = 0
    while position < len(text):
        match text[position : position + 1]:
            case b"*":
                part, position = _stars(text, position, across=across)
            case b"?":
                part, position = b"." if across else b"[^/]", position + 1
            case b"[":
                part, position = _set(text, position, across=across)
            case b"\\":
                if position + 1 == len(text):
                    raise _Unreadable
                part, position = re.escape(text[position + 1 : position + 2]), position + 2
            case byte:
                part, position = re.escape(byte), position + 1
        found.append(part)
    return b"".join(found)


def _stars(text: bytes, start: int, *, across: bool) -> tuple[bytes, int]:
    """Translate one or more stars; return where they end, too."""
    end = start
    while text[end : end + 1] == b"*":
        end += 1
    if across:
        return b".*", end
    follows = text[end : end + 1]
    is_part = start == 0 or text[start - 1 : start] == b"/"
    if end - start < 2 or not is_part or (follows not in (b"", b"/") and text[end : end + 2] != b"\\/"):
        return b"[^/]*", end
    if follows == b"/":
        return b"(?:.*/)?", end + 1
    return b".*", end


def _set(text: bytes, start: int, *, across: bool) -> tuple[bytes, int]:
    """Translate a set of characters; return where it ends, too. Raises _Unreadable."""
    position = start + 1
    negated = text[position : position + 1] in (b"!", b"^")
    position += negated
    first, previous = True, None
    members: list[bytes] = []
    while first or text[position : position + 1] != b"]":
        first = False
        byte = text[position : position + 1]
        if not byte:
            raise _Unreadable
        if byte == b"[" and text[position + 1 : position + 2] == b":":
            close = text.find(b"]", position + 2)
            if close < 0:
                raise _Unreadable
            if close - position >= 3 and text[close - 1 : close] == b":":
                name = text[position + 2 : close - 1]
                if name not in _CLASSES:
                    raise _Unreadable
                members.append(_CLASSES[name])
                previous, position = None, close + 1
                continue
        if byte == b"-" and previous is not None and text[position + 1 : position + 2] not in (b"", b"]"):
            position += 1
            byte, position = _member(text, position)
            members.append(_range(previous, byte))
            previous = None
            continue
        byte, position = _member(text, position)
        members.append(_range(byte, byte))
        previous = byte
    inside = b"".join(members)
    return _guarded(inside, negated, across=across), position + 1


def _member(text: bytes, position: int) -> tuple[bytes, int]:
    if text[position : position + 1] == b"\\":
        position += 1
    if position >= len(text):
        raise _Unreadable
    return text[position : position + 1], position + 1


def _range(first: bytes, last: bytes) -> bytes:
    return b"\\x%02x-\\x%02x" % (first[0], last[0]) if first <= last else b""  # never the only member


def _guarded(inside: bytes, negated: bool, *, across: bool) -> bytes:
    body = b"[" + (b"^" if negated else b"") + inside + b"]"
    return body if across else b"(?!/)" + body
