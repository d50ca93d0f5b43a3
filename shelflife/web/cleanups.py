"""A cleanup that a request asks for, in the shape of the service's contract."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shelflife import clock
from shelflife.engine import Engine
from shelflife.records.history import Trigger
from shelflife.shapes import cleanup as shapes

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from shelflife.events import Event
    from shelflife.web.service import Service

__all__ = ["MOST_FILES", "clean_up", "preview"]

MOST_FILES: Final = 1000
"""Files that a response names."""


def clean_up(
    service: Service,
    areas: Sequence[str] | None,
    approve: str | None,
    *,
    listen: Callable[[Event], None],
    stop: threading.Event,
) -> shapes.CleanupResult:
    """Clean up and return what was done, or would be where only dry runs are allowed.

    The settings are those of this moment; `approve` is the id of a plan that is run instead. Blocks. Raises
    SettingsError, CleanupBusy, NeedsApproval and whatever else the engine raises.
    """
    settings = service.settings.read()
    if settings.cleanup.dry_run:
        return preview(Engine(settings), areas)
    removed = shapes.RemovedFiles(settings, most=MOST_FILES, now=clock.now())
    engine = Engine(settings, listeners=(*service.listeners, listen, removed))
    if approve is not None:
        report = engine.approve(approve, trigger=Trigger.API, stop=stop)
    else:
        report = engine.cleanup(areas, trigger=Trigger.API, stop=stop)
    return shapes.result_of(
        shapes.of_run(report, removed),
        run=report.run,
        plan=report.plan,
        state=report.state,
        most=MOST_FILES,
    )


def preview(engine: Engine, areas: Sequence[str] | None) -> shapes.CleanupResult:
    """Return what a cleanup would do now. Blocks; raises UsageError, StorageError."""
    plan = engine.plan(areas)
    expiring = replace(plan, areas=tuple(area for area in plan.areas if area.cutoffs))
    done = shapes.of_plan(expiring, engine.settings, files=engine.files, most=MOST_FILES)
    return shapes.result_of(done, run=None, plan=plan.id, state="planned", most=MOST_FILES)
