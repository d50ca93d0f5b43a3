"""The areas on one file system, held open, and what they can give when it is too full."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from shelflife.clock import HOUR
from shelflife.errors import ShelflifeError, StorageError
from shelflife.files.kernel import sync_file_system
from shelflife.files.listing import FOREVER
from shelflife.files.trash import trash_names
from shelflife.policy.choose import at_least, by_retention_of_classes, expired_first
from shelflife.policy.cutoff import KEEP_ALL
from shelflife.policy.load import NOTHING, Load, before, total
from shelflife.policy.plan import AreaPlan, DueDirectory
from shelflife.policy.pressure import Candidate, SpaceUse, kept_in, what_fills
from shelflife.records.promises import promises_of
from shelflife.remove.purge import purge_run, trash_load
from shelflife.remove.root import AreaLost, Root
from shelflife.run.planning import refresh_areas
from shelflife.run.retention import act_on_root, prune_root
from shelflife.scan.empty import empty_directories, empty_of
from shelflife.scan.measure import freed_by, histograms_of, measures_of, size_of
from shelflife.scan.newest import keeping_newest
from shelflife.scan.planner import due_directories
from shelflife.storage.areas import hold_roots
from shelflife.storage.disks import Disk, usage_of
from shelflife.storage.root import AreaRoot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shelflife.files.trash import TrashName
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoff, Cutoffs
    from shelflife.policy.pressure import Empty, Stage
    from shelflife.policy.watermark import Usage, Watermarks
    from shelflife.records.state import StateDirectory
    from shelflife.remove.report import AreaReport
    from shelflife.remove.root import Options
    from shelflife.scan.context import Context


class Reclaimable:
    """The directories of the areas on one file system, held open as a context."""

    def __init__(
        self, context: Context, disk: Disk, areas: Mapping[str, Area], state: StateDirectory
    ) -> None:
        """Prepare to hold those of the areas' directories that are on the disk. `state`: our own records."""
        self._context = context
        self._state = state
        self._disk = disk
        self._areas = areas
        self._stack = ExitStack()
        self._roots: dict[str, list[AreaRoot]] = {}

    def __enter__(self) -> Self:
        for name, directories in self._disk.areas.items():
            try:
                roots, _ = self._stack.enter_context(hold_roots(self._context.base, self._areas[name]))
            except ShelflifeError:  # it leads away by now: nothing of it is touched
                continue
            self._roots[name] = [root for root in roots if root.directory in directories]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def usage(self) -> Usage:
        """Return how full the file system is now, and what of that our own records take."""
        for roots in self._roots.values():
            for root in roots:
                return replace(self._disk, usage=usage_of(root.anchor.fd)).with_records(self._state)
        raise StorageError("the areas of a disk are gone")

    def sync(self) -> None:
        """Have the file system write, in the background, what it has put off. Raises OSError."""
        for roots in self._roots.values():
            for root in roots:
                fd = os.dup(root.anchor.fd)
                # A thread of its own: where much is to be written it takes minutes, and nobody waits for it.
                threading.Thread(target=_sync, args=(fd,), name="shelflife-sync", daemon=True).start()
                return

    def estimate(self, now: int) -> Load:
        """Return what all areas together could give, as the index has it."""
        load = NOTHING
        for area in self._areas.values():
            directories = [root.directory for root in self._of(area)]
            for number, histogram in histograms_of(self._context.index, area, directories).items():
                retention = area.rules.classes[number].retention or 0
                young = retention if area.priority is None else min(retention, area.min_age)
                load = load.plus(before(histogram, now - young))
        return load

    def candidate(self, area: Area, now: int, *, ranked: bool) -> Candidate:
        """Return what an area could give, measured on the disk; what is not expired, only where `ranked`."""
        retention = by_retention_of_classes(area, now)
        measures = measures_of(self._context, area, self._of(area), freed_by)
        expired = total(
            load
            for number, measure in measures.items()
            for load in measure(-FOREVER, retention.at(number), HOUR).values()
        )
        together = expired_first(measures, retention, expired)
        ranked = ranked and area.priority is not None and bool(retention)
        histogram = together(-FOREVER, now - area.min_age, HOUR) if ranked else {}
        return Candidate(area=area, expired=expired, histogram=histogram, measure=together)

    def empty(self, area: Area, now: int) -> Empty:
        """Return the empty directories of an area, as the index has them."""
        return empty_of(self._context, area, self._of(area), now)

    def _of(self, area: Area) -> list[AreaRoot]:
        return self._roots.get(area.name, [])

    def trash(self) -> list[tuple[AreaRoot, TrashName, Load]]:
        """Return what waits in the trash of the areas, the oldest first."""
        found = [
            (root, trashed, trash_load(self._context, root.anchor, root.directory, trashed))
            for roots in self._roots.values()
            for root in roots
            for trashed in trash_names(root.anchor)
        ]
        return sorted(found, key=lambda one: one[1].at)

    def area_plan(self, area: Area, cutoff: Cutoff, empty: Cutoff | None) -> AreaPlan:
        """Return what of an area is before a cutoff, and its empty directories before another one."""
        context = self._context
        cutoffs = self._cutoffs(context, area, cutoff)
        further = KEEP_ALL if empty is None else self._cutoffs(context, area, empty)
        due: list[DueDirectory] = []
        for root in self._of(area):
            found = {one.path: one for one in due_directories(context, root, cutoffs, {})}
            for path, _ in empty_directories(context, root, further):
                found.setdefault(
                    path, DueDirectory(root=root.directory, path=path, files=0, bytes=0, prune=True)
                )
            due += (found[path] for path in sorted(found, key=os.fsencode))
        # What is recorded as the cutoff, and so as the cause, is that of all that goes.
        recorded = further if further.at(0) > cutoffs.at(0) else cutoffs
        return AreaPlan(
            area=area.name,
            cutoffs=recorded,
            scanned=self.scanned(area),
            due=tuple(due),
            patterns=area.rules.patterns,
        )

    def _cutoffs(self, context: Context, area: Area, cutoff: Cutoff) -> Cutoffs:
        """Return the cutoffs of an area's classes that a cutoff of all of it means."""
        cutoffs = at_least(area, context.freshness.now, cutoff)
        return keeping_newest(context, area, self._of(area), cutoffs)

    def scanned(self, area: Area) -> int:
        """Return how many files of an area are on the file system."""
        return sum(self._context.index.totals(root.directory).scanned for root in self._of(area))

    def carry_out(
        self,
        context: Context,
        options: Options,
        stages: Iterable[Stage],
        reports: Mapping[str, AreaReport],
    ) -> None:
        """Let go the trash, then what one stage after the other says.

        Raises what `context.between` raises.
        """
        context.between()

        def opened(place: AreaRoot) -> Root:
            return Root.at(place, context, options, reports[place.area.name])

        for place, trashed, _ in self.trash():
            root = opened(place)
            try:
                purge_run(root, trashed)
            except AreaLost as lost:
                root.report.errors.append(str(lost))
        seen: set[str] = set()
        for name, cutoff, only_empty in stages:
            if name in seen:  # what an earlier stage has changed is not in the index before it is read again
                refresh_areas(context, [self._areas[name]])
            seen.add(name)
            chosen = self._cutoffs(context, self._areas[name], cutoff)
            act = prune_root if only_empty else act_on_root
            for place in self._roots.get(name, ()):
                context.between()
                act(opened(place), chosen)

    def fills(self, marks: Watermarks) -> list[str]:
        """Return in words what the file system is full of, by the watermarks that were passed."""
        index = self._context.index
        parts = []
        for area in self._areas.values():
            directories = [root.directory for root in self._of(area)]
            inodes = sum(index.totals(directory).directories for directory in directories)
            parts.append(SpaceUse(kept_in(area), size_of(index, directories).plus(Load(files=inodes))))
        trash = total(load for _, _, load in self.trash())
        usage = self.usage()
        own = [
            SpaceUse("in the trash", trash),
            SpaceUse("promised to files that are being received", self._promised()),
            SpaceUse("our own records", usage.records),
        ]
        return what_fills(marks, usage, [*parts, *own])

    def _promised(self) -> Load:
        promises = promises_of(self._state, self._context.freshness.now)
        here = [promise for promise in promises if promise.device == self._disk.device]
        return Load(files=len(here), allocated=sum(promise.shown for promise in here))


def _sync(fd: int) -> None:
    try:
        with suppress(OSError):
            sync_file_system(fd)
    finally:
        os.close(fd)
