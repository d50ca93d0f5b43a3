"""Why: what will happen to one path, when, by which rule – or what happened to it.

The answer is found the way a run would find it: through the held directory of the area, with the same
verdicts (`present`). What is gone is looked up in the journal and the trash (`past`). There is an answer for
every path, also for one that belongs to nobody.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from shelflife.errors import ShelflifeError
from shelflife.explain.answer import Answer, State
from shelflife.explain.past import Past
from shelflife.explain.present import Present
from shelflife.explain.words import keeps, retention_rule
from shelflife.policy.choose import by_retention_of_classes
from shelflife.run.preview import preview
from shelflife.settings import Per
from shelflife.storage.paths import absolute_of, place_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.records.state import StateDirectory
    from shelflife.run.workplace import Workplace

__all__ = ["Answer", "State", "explain"]

logger = logging.getLogger(__name__)


def explain(work: Workplace, path: str) -> Answer:
    """Return what will happen to `path`, or what happened to it.

    A relative path starts from the working directory; where that leads out of the storage, from the base
    path, as paths are printed. A symbolic link at its end is meant itself.
    Raises UsageError for an empty path, StorageError when the storage is not there.
    """
    settings, areas, records, now = work.settings, work.areas, work.records, work.clock()
    base = os.path.realpath(settings.base_path)
    absolute = absolute_of(path)
    place = place_at(absolute, base, areas)
    if place is None and not os.path.isabs(path):
        inside = absolute_of(os.path.join(base, path))
        if (place := place_at(inside, base, areas)) is not None:
            absolute = inside
    if place is None or place.is_ours or _is_in(absolute, os.path.realpath(records.state.path)):
        return _unmanaged(absolute, base, records.state, areas)
    if not place.path:
        return _area_itself(absolute, place.area)
    past = Past(place, absolute, base=base, records=records, now=now)
    is_there = os.path.lexists(absolute)
    cutoffs = _cutoffs_of(work, place.area, now) if is_there else by_retention_of_classes(place.area, now)
    return Present(place, absolute, settings=settings, past=past, cutoffs=cutoffs, now=now).answer()


def _cutoffs_of(work: Workplace, area: Area, now: int) -> Cutoffs:
    """Return the cutoffs that a plan has for an area; by age alone where nothing else can be told to choose."""
    keep = area.rules.settings.keep_newest
    by_others = keep.count > 0 and keep.per is not Per.DIRECTORY
    if area.quota is None and area.max_files is None and not by_others:
        return by_retention_of_classes(area, now)
    try:
        return preview(work, [area.name]).areas[0].cutoffs
    except (ShelflifeError, OSError) as error:
        logger.warning("%s; what quota or keep_newest of %s mean for it cannot be told", error, area.name)
        return by_retention_of_classes(area, now)


def _is_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")


def _unmanaged(absolute: str, base: str, state: StateDirectory, areas: Mapping[str, Area]) -> Answer:
    if any(_is_in(absolute, os.path.realpath(place)) for place in (state.path, state.home)):
        reason = "records"
        sentence = "It belongs to the records of the storage itself (index, journal, lock): never cleaned up."
    elif absolute == base:
        reason, sentence = "base path", "It is the base path of the storage: never removed."
    elif not _is_in(absolute, base):
        reason, sentence = "outside", f"It lies outside of the storage {base}: never touched."
    else:
        reason = "in no area"
        sentence = f"It lies in the storage, but in none of its areas ({', '.join(areas)}): never touched."
    return Answer(path=absolute, state=State.UNMANAGED, reason=reason, sentences=(sentence,))


def _area_itself(absolute: str, area: Area) -> Answer:
    return Answer(
        path=absolute,
        area=area.name,
        state=State.KEPT,
        reason="area",
        rule=retention_rule(area),
        sentences=(
            f"It is the directory of area {area.name} itself: never removed.",
            f"The area {keeps(area)}.",
        ),
    )
