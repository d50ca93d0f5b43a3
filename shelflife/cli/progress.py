"""Progress on stderr, fed by the engine's events: one line, only on a terminal, and never beside JSON."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shelflife.cli.terminal import columns_of, encodable
from shelflife.events import BatchFinished, DirectoriesScanned, DirectoryRestored, Event, RunStarted
from shelflife.formats import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.events import Listener

_EVERY: Final = 0.1
"""Seconds between two looks of the line."""

_BAR: Final = 20
_CLEAR: Final = "\r\x1b[K"


@contextmanager
def progress(*, quiet: bool) -> Iterator[list[Listener]]:
    """Show progress while the block runs; give the listeners for the engine, none where nothing is shown."""
    width = None if quiet else columns_of(sys.stderr)
    if width is None:
        yield []
        return
    line = _Line(width)
    try:
        yield [line]
    finally:
        line.clear()


class _Line:
    """What is looked at while directories are; then how far the run is."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._files = self._done = 0
        self._shown = 0.0

    def __call__(self, event: Event) -> None:
        match event:
            case DirectoriesScanned():
                self._show(
                    f"{event.area}: {counted(event.directories, 'directory', 'directories')} looked at"
                )
            case RunStarted():
                self._files, self._done = event.files, 0
            case DirectoryRestored():
                self._done += event.files - 1  # its batch has counted it
            case BatchFinished():
                self._done += len(event.outcomes)
                self._show(f"{self._bar()}{event.area}: {self._done:,} of {self._files:,} files")

    def clear(self) -> None:
        """Leave nothing behind."""
        if self._shown:
            print(_CLEAR, end="", file=sys.stderr, flush=True)

    def _bar(self) -> str:
        if not self._files:
            return ""
        full = min(_BAR, _BAR * self._done // self._files)
        return f"{'█' * full}{'░' * (_BAR - full)}  "

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if now - self._shown >= _EVERY:
            self._shown = now
            line = encodable(text, sys.stderr)[: self._width - 1]
            print(_CLEAR + line, end="", file=sys.stderr, flush=True)
