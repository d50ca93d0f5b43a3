"""Progress on stderr, fed by the engine's events: only on a terminal, and never beside JSON."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shelflife.events import BatchFinished, DirectoriesScanned, Event, RunStarted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress

    from shelflife.events import Listener


@contextmanager
def progress(*, quiet: bool) -> Iterator[list[Listener]]:
    """Show progress while the block runs; give the listeners for the engine, none where nothing is shown."""
    if quiet or not sys.stderr.isatty():
        yield []
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield [_Bars(bars)]


class _Bars:
    """A bar without end while directories are looked at, then one for the files of the run."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("looking", total=None)
        self._files = 0
        self._done = 0

    def __call__(self, event: Event) -> None:
        match event:
            case DirectoriesScanned():
                self._show(f"{event.area}: {event.directories:,} directories looked at")
            case RunStarted():
                self._files = event.files
                self._bars.update(self._task, total=event.files or None, completed=0)
            case BatchFinished():
                self._done += len(event.outcomes)
                self._bars.update(self._task, completed=self._done)
                self._show(f"{event.area}: {self._done:,} of {self._files:,} files")

    def _show(self, description: str) -> None:
        self._bars.update(self._task, description=description)
