"""A cleanup that a request asks for, in the shape of the service's contract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shelflife import clock
from shelflife.engine import Engine
from shelflife.records.history import Trigger
from shelflife.shapes import cleanup as shapes

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from shelflife.events import Event
    from shelflife.policy.plan import Plan
    from shelflife.web.service import Service

__all__ = ["MOST_FILES", "Wanted", "clean_up", "preview"]

MOST_FILES: Final = 1000
"""Files that a response names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be cleaned up: a plan that waits, a plan as it was seen, or areas."""

    areas: list[str] | None = None
    """All, if None."""
    approve: str | None = None
    """Id of a plan that waits for approval."""
    seen: Plan | None = None
    """A plan that was just made, and is what its caller has seen."""


def clean_up(
    service: Service, wanted: Wanted, *, listen: Callable[[Event], None], stop: threading.Event
) -> shapes.CleanupResult:
    """Clean up and return what was done, or would be where only dry runs are allowed.

    The settings are those of this moment. Blocks. Raises SettingsError, CleanupBusy, NeedsApproval and whatever
    else the engine raises.
    """
    settings = service.settings.read()
    if settings.cleanup.dry_run:
        return preview(Engine(settings), wanted)
    removed = shapes.RemovedFiles(settings, most=MOST_FILES, now=clock.now())
    engine = Engine(settings, listeners=(*service.listeners, listen, removed))
    if wanted.approve is not None:
        report = engine.approve(wanted.approve, trigger=Trigger.API, stop=stop)
    elif wanted.seen is not None:
        report = engine.execute(wanted.seen, trigger=Trigger.API, stop=stop)
    else:
        report = engine.cleanup(wanted.areas, trigger=Trigger.API, stop=stop)
    return shapes.result_of(
        shapes.of_run(report, removed),
        run=report.run,
        plan=report.plan,
        state=report.state,
        most=MOST_FILES,
    )


def preview(engine: Engine, wanted: Wanted) -> shapes.CleanupResult:
    """Return what a cleanup would do now. Blocks; raises UsageError, StorageError."""
    if wanted.approve is not None:
        plan = engine.offered(wanted.approve)
    else:
        plan = wanted.seen or engine.plan(wanted.areas)
    expiring = replace(plan, areas=tuple(area for area in plan.areas if area.cutoffs))
    done = shapes.of_plan(expiring, engine.settings, files=engine.files, most=MOST_FILES)
    return shapes.result_of(done, run=None, plan=plan.id, state="planned", most=MOST_FILES)
