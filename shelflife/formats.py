r"""The few formats that everybody shows alike: sizes, durations, times, paths.

A path is bytes, JSON and terminals are text. Inside, paths are strings with surrogate escapes; here each byte
that is not UTF-8 becomes `\xff`, which is legible but not reversible. Where the bytes matter, `path_b64` gives
them.
"""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta
from typing import Final

from shelflife.clock import SECOND

__all__ = [
    "counted",
    "format_age",
    "format_bytes",
    "format_retention",
    "human_size",
    "iso",
    "iso_or_none",
    "minute",
    "moment",
    "path_b64",
    "printable",
    "visible",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SIZES: Final = ("B", "KB", "MB", "GB", "TB", "PB")
_DECIMAL: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_SPANS: Final = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


def format_bytes(size: float) -> str:
    """Return a size in steps of 1024: `500.00 B`, `2.00 KB`, `1.00 GB`; the largest unit is PB.

    So the contract of the media-analysis service has it, in its `…_human` members. People are shown `human_size`.
    """
    value, unit = float(size), _SIZES[0]
    for unit in _SIZES:
        if round(abs(value), 2) < 1024 or unit == _SIZES[-1]:
            break
        value /= 1024
    return f"{value:.2f} {unit}"


def human_size(size: float) -> str:
    """Return a size as it is written in the configuration, in steps of 1000: `500 B`, `3.00 MB`, `200.00 GB`."""
    value, unit = float(size), "B"
    for unit in _DECIMAL:
        if round(abs(value), 2) < 1000 or unit == _DECIMAL[-1]:
            break
        value /= 1000
    return f"{value:,.0f} B" if unit == "B" else f"{value:,.2f} {unit}"


def format_retention(seconds: int) -> str:
    """Return a retention in its largest whole unit: `Indefinite`, `59 seconds`, `1 hours`, `7 days`."""
    if seconds < 0:
        return "Indefinite"
    size, unit = next((span for span in _SPANS if seconds >= span[0]), _SPANS[-1])
    return f"{seconds // size} {unit}"


def iso(ns: int) -> str:
    """Return a time (ns since the epoch) as ISO 8601 in UTC: `2026-11-22T02:00:00+00:00`."""
    return (_EPOCH + timedelta(microseconds=ns // 1000)).isoformat()


def minute(ns: int) -> str:
    """Return a time (ns since the epoch, UTC) as tables have it: `2026-11-22 02:00`."""
    return moment(ns)[:16]


def iso_or_none(ns: int | None) -> str | None:
    """Return a time as `iso` does, and None for none."""
    return None if ns is None else iso(ns)


def moment(ns: int) -> str:
    """Return a time (ns since the epoch) as people read it: `2026-11-22 02:00:00 UTC`."""
    return f"{_EPOCH + timedelta(seconds=ns // SECOND):%Y-%m-%d %H:%M:%S} UTC"


def format_age(ns: int) -> str:
    """Return a duration (ns) in its largest whole unit, as prose has it: `1 day`, `3 hours`, `0 seconds`."""
    seconds = max(0, ns // SECOND)
    size, unit = next((span for span in _SPANS if seconds >= span[0]), _SPANS[-1])
    count = seconds // size
    return f"{count} {unit[:-1] if count == 1 else unit}"


def counted(value: int, one: str, many: str) -> str:
    """Return a number with what it counts: `1 area`, `1,234 areas`."""
    return f"{value:,} {one if value == 1 else many}"


def printable(path: str) -> str:
    r"""Return a path, or a message with paths in it, as text that can be encoded: invalid bytes as `\xff`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def visible(path: str) -> str:
    r"""Return a path on one line, fit for a terminal: what moves a cursor is escaped too, such as `\n`."""
    text = printable(path)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def path_b64(path: str) -> str:
    """Return the bytes of a path in Base64."""
    return base64.b64encode(os.fsencode(path)).decode("ascii")
