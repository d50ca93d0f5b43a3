"""Watching what this process opens, by the interpreter's audit events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_EVENTS = ("open", "os.listdir", "os.scandir", "sqlite3.connect")
_watching: list[list[str]] = []
_installed: list[bool] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event in _EVENTS:
        found = arguments[0] if arguments else ""
        for paths in _watching:
            paths.append(os.fsdecode(found) if isinstance(found, (str, bytes, os.PathLike)) else str(found))


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Give what is opened meanwhile, by whichever thread. The hook stays: an audit hook cannot be taken away."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hook)
    paths: list[str] = []
    _watching.append(paths)
    try:
        yield paths
    finally:
        _watching.remove(paths)
