"""What can be asked about a storage: the half of the engine that changes nothing but the index."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.errors import UsageError
from shelflife.records.history import FileRecord, OfferedPlan, RunRecord, RunState, Totals, Trigger
from shelflife.run import look as looks
from shelflife.run import preview as previews
from shelflife.run.lock import Holder, holder_of
from shelflife.twins import in_thread, streamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from shelflife.explain.check import Finding
    from shelflife.explain.foresee import Forecast, WhatIf
    from shelflife.explain.status import Status
    from shelflife.explain.why import Answer
    from shelflife.policy.area import Area
    from shelflife.policy.holds import Hold
    from shelflife.policy.plan import Plan
    from shelflife.records.acts import ActRecord
    from shelflife.records.alerts import ActiveAlert
    from shelflife.records.state import StateDirectory
    from shelflife.records.statistics import Statistics
    from shelflife.run.pages import PlanCursor
    from shelflife.run.trash_pages import TrashCursor, TrashFilter
    from shelflife.run.trashed import TrashedFile
    from shelflife.run.workplace import Workplace
    from shelflife.scan.planner import PlannedFile
    from shelflife.storage.disks import Disk

_REMEMBERED: Final = 100
"""Runs that are looked through for one that was recent enough."""


class Questions:
    """Answers questions about one storage. Methods block; each has an async twin."""

    def __init__(self, work: Workplace) -> None:
        """Take the storage; nothing is read or opened."""
        self._work = work
        self.settings = work.settings

    def now(self) -> int:
        """Return the time by the engine's clock, in ns since the epoch."""
        return self._work.clock()

    @property
    def areas(self) -> dict[str, Area]:
        """The areas by name, in the order of the settings."""
        return dict(self._work.areas)

    @property
    def state(self) -> StateDirectory:
        """Where the records are. Raises StorageError when the base path is not there."""
        return self._work.records.state

    def refresh(self, *, stop: threading.Event | None = None) -> dict[str, list[str]]:
        """Bring the index up to date; return by area what could not be looked at. Raises StorageError.

        Setting `stop` ends it at the next directory, with nothing to report.
        """
        return looks.refresh(self._work, stop=stop)

    def stats(self, *, refresh: bool = False) -> Statistics:
        """Return the storage in numbers, as of the last scan, or scanned now. Raises StorageError."""
        return looks.stats(self._work, refreshed=refresh)

    def totals(self) -> Totals:
        """Return what all executed runs together did. Raises RecordsError, StorageError."""
        with self._work.records.read_journal() as journal:
            return journal.history.totals() if journal else Totals()

    def history(self, *, limit: int = 50, before: int | None = None) -> list[RunRecord]:
        """Return runs, the latest first; those before run number `before`. Raises as `totals`."""
        with self._work.records.read_journal() as journal:
            return journal.history.runs(limit=limit, before=before) if journal else []

    def completed_within(self, seconds: float, areas: Iterable[str] | None = None) -> RunRecord | None:
        """Return a cleanup of these areas (all, if None) that came to its end within the last `seconds`.

        Areas that are kept indefinitely do not count. Raises UsageError for an unknown area, and as `totals`.
        """
        names = self.areas if areas is None else map(self.settings.area_name, areas)
        wanted = {name for name in names if self.areas[name].retention is not None}
        now = self.now()
        for run in self.history(limit=_REMEMBERED):
            recent = run.finished is not None and now - seconds * SECOND <= run.finished <= now
            complete = run.state == RunState.DONE and run.trigger != Trigger.PRESSURE
            if recent and complete and wanted <= run.cutoffs.keys():
                return run
        return None

    def run(self, number: int) -> RunRecord:
        """Return one run. Raises UsageError when there is none of that number."""
        with self._work.records.read_journal() as journal:
            record = journal.history.run(number) if journal else None
        if record is None:
            raise UsageError(f"there is no run {number}; `shelflife history` lists them")
        return record

    def waiting_plans(self) -> list[OfferedPlan]:
        """Return the plans that a person may approve, the latest first. Raises as `totals`."""
        from shelflife.run.approval import waiting

        return waiting(self._work)

    def acts(self, *, limit: int = 50, before: int | None = None) -> list[ActRecord]:
        """Return who did what, the latest first; before act number `before`. Raises as `totals`."""
        with self._work.records.read_journal() as journal:
            return journal.acts.latest(limit=limit, before=before) if journal else []

    def holds(
        self,
        *,
        ended: bool = False,
        areas: Sequence[str] = (),
        limit: int | None = None,
        before: int | None = None,
    ) -> list[Hold]:
        """Return the holds that are active, the latest first; with `ended`, all there ever were.

        Of some areas (all, if there are none), at most `limit`, before hold number `before`.
        """
        from shelflife.run import holds as pinning

        names = [self.settings.area_name(name) for name in areas]
        most = pinning.EVERY if limit is None else limit
        return pinning.list_holds(self._work, ended=ended, areas=names, limit=most, before=before)

    def hold_of(self, number: int) -> Hold:
        """Return the hold of a number, whether it is active or not. Raises UsageError when there is none."""
        from shelflife.run import holds as pinning

        return pinning.hold_of(self._work, number)

    def hold_on(self, path: str | os.PathLike[str]) -> Hold | None:
        """Return the hold on a path itself, if it has one. Raises UsageError when it lies in no area."""
        from shelflife.run import holds as pinning

        return pinning.hold_on(self._work, os.fspath(path))

    def run_files(self, number: int, *, directories: bool = False, after: int = -1) -> Iterator[FileRecord]:
        """Yield what became of each file that a run meant to remove, as far as it is still remembered.

        With `directories`, also the empty directories that it removed: those are `pruned`. With `after`, the
        `cursor` of one, those that come after it.
        """
        with self._work.records.read_journal() as journal:
            if journal is not None:
                yield from journal.files.of_run(number, directories=directories, after=after)

    def holder(self) -> Holder | None:
        """Return who runs a cleanup now, if anybody. Raises StorageError."""
        return holder_of(self._work.records.state)

    def why(self, path: str | os.PathLike[str]) -> Answer:
        """Return what will happen to a path, when and by which rule, or what happened to it.

        Raises UsageError for an empty path, StorageError when the base path is not there.
        """
        from shelflife.explain.why import explain

        return explain(self._work, os.fspath(path))

    def check(self, *, trying: bool = False) -> list[Finding]:
        """Return whether cleanups can work on the storage as it is, and what needs a person.

        Creates nothing; a fault is a finding. With `trying`, what an uncommon file system can do is tried once,
        in a directory that is gone afterwards.
        """
        from shelflife.alerts.overview import check

        return check(self._work, trying=trying)

    def check_shared(self, other: Path) -> list[Finding]:
        """Try what safety rests on between the base path and another mount of it, at `other`.

        docs/filesystems.md says what for. Takes up to two minutes. What is made there is removed; a fault is a
        finding.
        """
        from shelflife.explain.check_shared import check_shared

        return check_shared(self.settings.base_path, other)

    def unexpected(self) -> list[Finding]:
        """Return what is unlikely to be meant: files from the future, directories of no area, short retentions.

        And what `arrivals` has. `check` has it, too; before anything was ever cleaned, whoever plans wants to
        know. Raises as `stats`.
        """
        from shelflife.explain.unexpected import unexpected

        with self._work.records.read_index() as index:
            found = [*unexpected(self.settings.base_path, self.areas.values(), index, self._work.clock())]
        return [*found, *self.arrivals()]

    def arrivals(self) -> list[Finding]:
        """Return in which areas files are due although they came just now, or since the last cleanup.

        As far as the index knows: `refresh` or `plan` bring it up to date. Raises as `stats`.
        """
        from shelflife.explain.arrived import arrived

        with self._work.hold_base() as base:
            return [*arrived(base, self.areas.values(), self._work.records, self._work.clock())]

    def status(self) -> Status:
        """Return how things stand: what is wrong, what needs a person, what comes next. Changes nothing."""
        from shelflife.alerts.overview import status

        return status(self._work)

    def whatif(self, changes: Mapping[str, object]) -> WhatIf:
        """Return what other settings of areas would mean: `{"uploads.retention": "3d", "frames.quota": "50GB"}`.

        From the index and the journal alone, to the hour; nothing is changed.
        Raises UsageError for an unknown area, SettingsError, StorageError.
        """
        from shelflife.explain.foresee import what_if

        return what_if(self._work, self.settings.with_areas(changes))

    def forecast(self) -> Forecast:
        """Return what expires on the coming days, and when the disks will be full. Raises StorageError."""
        from shelflife.explain.foresee import forecast

        return forecast(self._work)

    def disks(self) -> list[Disk]:
        """Return the file systems that the areas are on, and how full they are. Raises StorageError."""
        from shelflife.storage.disks import disks_of

        with self._work.hold_base() as base:
            return disks_of(base, self._work.areas.values())

    def alerts(self) -> list[ActiveAlert]:
        """Return what needs a person now, the latest first, whether or not anybody is sent a message.

        Raises RecordsError, StorageError.
        """
        from shelflife.alerts.conditions import alerts_now

        return alerts_now(self._work)

    # -- what a plan would remove

    def offered(self, plan: str) -> Plan:
        """Return what a plan of `waiting_plans` would remove by now: what is before its cutoffs.

        Raises UsageError when there is no such plan, or it may not be carried out any more, StorageError.
        """
        return previews.offered(self._work, plan)

    def files(self, plan: Plan) -> Iterator[PlannedFile]:
        """Yield the files that a plan would remove, as they are now. Raises OSError, StorageError."""
        return previews.planned_files(self._work, plan)

    def page_of_files(
        self, plan: Plan, *, limit: int, after: PlanCursor | None = None
    ) -> tuple[list[PlannedFile], PlanCursor | None]:
        """Return at most `limit` files that a plan would remove, in order, and a cursor if there are more.

        Raises OSError, StorageError.
        """
        from shelflife.run.pages import page_of_files

        return page_of_files(self._work, plan, limit=limit, after=after)

    def page_of_trash(
        self, wanted: TrashFilter, *, limit: int, after: TrashCursor | None = None
    ) -> tuple[list[TrashedFile], TrashCursor | None]:
        """Return at most `limit` of what waits in the trash, in order, and a cursor if there is more.

        Raises UsageError, StorageError.
        """
        from shelflife.run.trash_pages import page_of_trash

        return page_of_trash(self._work, wanted, limit=limit, after=after)

    def wanted_of_trash(self, wanted: TrashFilter) -> Iterator[TrashedFile]:
        """Yield all of that, in the same order. Raises UsageError, StorageError."""
        from shelflife.run.trash_pages import wanted_of_trash

        return wanted_of_trash(self._work, wanted)

    # -- async twins

    arefresh = in_thread(refresh)
    astats = in_thread(stats)
    astatus = in_thread(status)
    atotals = in_thread(totals)
    ahistory = in_thread(history)
    acompleted_within = in_thread(completed_within)
    arun = in_thread(run)
    arun_files = streamed(run_files)
    awaiting_plans = in_thread(waiting_plans)
    aacts = in_thread(acts)
    aholds = in_thread(holds)
    ahold_of = in_thread(hold_of)
    ahold_on = in_thread(hold_on)
    aholder = in_thread(holder)
    aoffered = in_thread(offered)
    afiles = streamed(files)
    apage_of_files = in_thread(page_of_files)
    apage_of_trash = in_thread(page_of_trash)
    awanted_of_trash = streamed(wanted_of_trash)
    awhy = in_thread(why)
    acheck = in_thread(check)
    acheck_shared = in_thread(check_shared)
    aunexpected = in_thread(unexpected)
    aarrivals = in_thread(arrivals)
    awhatif = in_thread(whatif)
    aforecast = in_thread(forecast)
    adisks = in_thread(disks)
    aalerts = in_thread(alerts)
