r"""A path as JSON: text, and its bytes beside it where text does not do.

A path is bytes, JSON is text. Each byte that is not UTF-8 reads `\xff` in `path`, which is legible but not
reversible; `path_b64` is present only when `path` is not the whole truth.
"""

from __future__ import annotations

from typing import NotRequired

from shelflife.formats import path_b64, printable
from shelflife.shapes.schema import TypedDict, shape

__all__ = ["Path", "path_as_json"]


@shape
class Path(TypedDict):
    """Something with a path."""

    path: str
    r"""Legible; invalid bytes as `\xff`."""
    path_b64: NotRequired[str]
    """The path's bytes in Base64; only when `path` is not the whole truth."""


def path_as_json(path: str) -> Path:
    """Return `path`, and beside it `path_b64` when bytes of it had to be replaced."""
    text = printable(path)
    return {"path": text} if text == path else {"path": text, "path_b64": path_b64(path)}
