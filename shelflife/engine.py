"""The engine: everything that can be done with a storage, behind one object.

An `Engine` holds settings and nothing else: each method opens what it needs and closes it, so one engine may be
used from several threads, before and after a fork. Methods block; each has an async twin, named with a leading
`a`, that runs in a worker thread: the table is at the end of the class. Moments are given as nanoseconds since
the epoch or as aware datetimes.

What can be asked, and changes nothing but the index, is in `shelflife.questions`. What only some methods need is
imported by them: a command line that cleans up does not wait for the forecast.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from shelflife.clock import Clock, Moment, as_moment
from shelflife.clock import now as system_clock
from shelflife.errors import RecordsError, UsageError
from shelflife.events import guarded
from shelflife.explain.log import RunLog
from shelflife.records.history import Trigger
from shelflife.run import preview as previews
from shelflife.run.workplace import Workplace
from shelflife.storage.areas import create_directories, hold_roots
from shelflife.twins import in_thread, streamed
from shelflife.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from shelflife.events import Listener
    from shelflife.policy.holds import Hold
    from shelflife.policy.plan import Plan
    from shelflife.remove.report import RunReport
    from shelflife.run.making_room import DiskRelief
    from shelflife.run.restored import Restored
    from shelflife.run.run import Strategy
    from shelflife.run.selection import Returning, Selection
    from shelflife.run.trashed import TrashedFile
    from shelflife.schedule.scheduler import Scheduler
    from shelflife.settings import Settings
    from shelflife.settings.in_force import SettingsInForce


class Engine(Writing):
    """Plans and runs cleanups of one storage, and answers questions about it."""

    def __init__(
        self,
        settings: Settings,
        *,
        listeners: Iterable[Listener] = (),
        clock: Clock = system_clock,
    ) -> None:
        """Take `settings`; nothing is read or opened. `clock` returns ns since the epoch."""
        self._listeners = tuple(listeners)
        listener = guarded((RunLog(), *self._listeners))
        super().__init__(Workplace(settings=settings, listener=listener, clock=clock))

    def with_settings(self, settings: Settings) -> Engine:
        """Return an engine for other settings, with the same listeners and clock."""
        return Engine(settings, listeners=self._listeners, clock=self._work.clock)

    # -- the storage

    def create(self) -> dict[str, Path]:
        """Make the base path and the areas' directories where they are missing; return the latter by area.

        Raises OSError and StorageError as `create_directories` says.
        """
        return create_directories(
            self.settings.base_path,
            list(self._work.areas.values()),
            require_mount=self.settings.require_mount,
        )

    def require_areas(self, areas: Iterable[str] | None = None) -> None:
        """See that no area's directory is a file or leads elsewhere by a symbolic link.

        A run goes on without such an area, and reports it; whoever can ask a person first calls this before.
        Raises StorageError, UsageError for an unknown area.
        """
        with self._work.hold_base() as base:
            for name in self._choose(areas):
                with hold_roots(base, self._work.areas[name]):
                    pass

    def adopt(self) -> None:
        """Join this storage and its journal anew, after one of them was lost or replaced.

        Whatever holds the lost journal had are gone with it. Raises StorageError, RecordsError.
        """
        from shelflife.records.marker import check_marker

        records = self._work.records
        with records.open_journal() as journal:
            check_marker(records.state, journal, adopt=True)
            journal.acts.add("storage.adopted", at=self._work.clock())

    # -- plan and execute

    def plan(self, areas: Iterable[str] | None = None, *, at: Moment | None = None) -> Plan:
        """Return what a cleanup of `areas` (all, if None) would do now, or at the moment `at`.

        Changes nothing but the index, and not even that where it may not write.
        Raises UsageError for an unknown area, StorageError.
        """
        return previews.preview(self._work, self._choose(areas), at=None if at is None else as_moment(at))

    def needs_approval(self, plan: Plan, *, offer_it: bool = True) -> list[str]:
        """Return why a person must confirm a plan before it may run unwatched; nothing when it may.

        Where there is a reason, the plan is remembered so that `approve` can run it – if that can be written, and
        unless it was made for a time to come: its cutoffs would take what is not expired yet. Without `offer_it`
        nothing is written, and it cannot be approved.
        Raises StorageError.
        """
        return previews.needs_approval(self._work, plan, offer_it=offer_it)

    def execute(
        self, plan: Plan, *, trigger: Trigger = Trigger.PROGRAM, stop: threading.Event | None = None
    ) -> RunReport:
        """Carry out a plan: remove what is before its cutoffs, after looking at each file again.

        Raises CleanupBusy, CleanupDisabled where the settings allow dry runs only, NeedsApproval unless the
        trigger is a program's own call, UsageError for a plan that was made for a time to come, StorageError,
        RecordsError.
        """
        from shelflife.run.retention import Retention

        if plan.made > self._work.clock():
            raise UsageError(
                f"plan {plan.id} was made for a time to come: it can be looked at, not carried out"
            )
        return self._run(Retention.of(plan), trigger, stop)

    def approve(
        self, plan: str, *, trigger: Trigger = Trigger.CLI, stop: threading.Event | None = None
    ) -> RunReport:
        """Run the plan of that id, which a person approves by this: its cutoffs, once, within 7 days.

        Raises UsageError when there is no such plan, it is too old, or the settings changed; and as `execute`.
        """
        from shelflife.run.retention import Approved

        return self._run(Approved(plan), trigger, stop)

    def cleanup(
        self,
        areas: Iterable[str] | None = None,
        *,
        trigger: Trigger = Trigger.PROGRAM,
        stop: threading.Event | None = None,
        batch_size: int | None = None,
    ) -> RunReport:
        """Plan and execute in one go, under one lock. Setting `stop` ends it at its next batch.

        Raises as `plan` and `execute` do.
        """
        from shelflife.run.retention import Retention

        return self._run(Retention(areas=tuple(self._choose(areas))), trigger, stop, batch_size)

    def relieve(
        self,
        *,
        trigger: Trigger = Trigger.PRESSURE,
        stop: threading.Event | None = None,
        wait: float | None = None,
        insist: bool = False,
    ) -> list[DiskRelief]:
        """Make room on each file system that is beyond a watermark of `pressure`; return how each one stands.

        Waits while another cleanup runs, for `wait` seconds at the most (None: for as long as it takes). With
        `insist`, a person has said to go on although what went before gave no room, and beyond what goes unasked.
        Raises UsageError where no watermarks are set, CleanupDisabled where the settings allow dry runs only,
        StorageError, RecordsError.
        """
        from shelflife.run.making_room import relieve

        return relieve(self._work, trigger=trigger, stop=stop, wait=wait, insist=insist)

    # -- holds and trash

    def hold(
        self,
        path: str | os.PathLike[str],
        *,
        until: Moment | None = None,
        reason: str = "",
        instead_of: int | None = None,
    ) -> Hold:
        """Hold a file, or a directory with all below it, until a moment or until `unhold`.

        A hold on the same path is replaced; with `instead_of`, only the one of that number.
        Returns when no batch of a running cleanup can still ignore it.
        Raises UsageError when it lies in no area or is not there, HoldChanged when another hold was to be
        replaced, RecordsError, StorageError.
        """
        from shelflife.run import holds as pinning

        end = None if until is None else as_moment(until)
        return pinning.add_hold(self._work, os.fspath(path), until=end, reason=reason, instead_of=instead_of)

    def unhold(self, path: str | os.PathLike[str], *, only: int | None = None) -> list[Hold]:
        """End the hold on a path, or on what a run brought back, by its number; return what was ended.

        With `only`, no other hold than the one of that number. Raises UsageError when there is none.
        """
        from shelflife.run import holds as pinning

        return pinning.end_hold(self._work, os.fspath(path), only=only)

    def trash(self, areas: Iterable[str] | None = None) -> Iterator[TrashedFile]:
        """Yield what waits in the trash, by area, the oldest first. Raises StorageError."""
        from shelflife.run.trashed import trashed_files

        return trashed_files(self._work, [self._work.areas[name] for name in self._choose(areas)])

    def restore(self, target: str, *, to: str | None = None, hold: bool = True) -> list[str]:
        """Bring back from the trash a path, or all that a run put there, by its number; return the paths.

        Nothing is ever replaced. `to` is another path for it. Unless `hold` is False, what comes back is held
        for one retention. Each file is named, unless the path itself came back as one; where these may be
        millions, `bring_back` tells in numbers.
        Raises PartlyRestored, UsageError where nothing could be, CleanupBusy, StorageError, RecordsError.
        """
        from shelflife.run.restored import files_of, restored_of
        from shelflife.run.selection import Selection

        is_run = target.isdecimal()
        runs, paths = ((int(target),), ()) if is_run else ((), (target,))
        report = self.bring_back(Selection(runs=runs, paths=paths, new_path=to), hold=hold)
        done = restored_of(self._work, report, most=None)
        done.require_all()
        return list(files_of(self._work, done, target if to is None else to))

    def bring_back(
        self, selection: Selection, *, hold: bool = True, stop: threading.Event | None = None
    ) -> RunReport:
        """Bring back from the trash what is selected, as a run that can be followed and stopped.

        Nothing is ever replaced: what could not come back is in the report, and stays in the trash. Unless `hold`
        is False, all of it is held by one hold for one retention. Stopped or killed, the same call goes on.
        Raises UsageError where something that was named is not in the trash, CleanupBusy, StorageError,
        RecordsError.
        """
        from shelflife.run.restore import Restore

        return self._run(Restore(selection, hold=hold), Trigger.RESTORE, stop)

    def would_bring_back(self, selection: Selection) -> Iterator[Returning]:
        """Yield the files that `bring_back` would bring back now, and which would stay. Changes nothing.

        Raises as `bring_back`.
        """
        from shelflife.run.selection import preview

        return preview(self._work, selection)

    def restored(self, report: RunReport, *, most: int | None = 1000) -> Restored:
        """Return what a `report` of `bring_back` is about: the hold, and paths, `most` of them; all, if None.

        Raises RecordsError.
        """
        from shelflife.run.restored import restored_of

        return restored_of(self._work, report, most=most)

    def empty_trash(self, areas: Iterable[str] | None = None, *, before: Moment | None = None) -> RunReport:
        """Remove for good what waits in the trash, or what went there before `before`.

        Holds are respected. Raises CleanupBusy, StorageError, RecordsError.
        """
        from shelflife.run.empty import EmptyTrash

        limit = None if before is None else as_moment(before)
        strategy = EmptyTrash(areas=tuple(self._choose(areas)), before=limit)
        return self._run(strategy, Trigger.TRASH)

    # -- remembering and telling

    def sample(self, *, at_most_every: float = 0.0) -> bool:
        """Record how much there is, for the forecast, unless that was done within so many seconds.

        Every run does it as well. Raises RecordsError, StorageError.
        """
        from shelflife.run.sampling import sample

        return sample(self._work, at_most_every=at_most_every)

    def tell(self, relieved: Sequence[DiskRelief] | None = None, *, wait: float = 0.0) -> bool:
        """Have people told what needs them; a receiver gets one try, and `wait` seconds for it.

        `relieved` is what was just done about the disks. Returns whether all was delivered; the rest is told by
        whoever looks next. Never raises for what is wrong with telling.
        """
        from shelflife.alerts.dispatcher import tell

        return tell(self._work, relieved, wait=wait)

    def try_receivers(self) -> dict[str, str | None]:
        """Send a test message to each receiver; return by its name why it was not delivered, None where it was.

        Raises UsageError for no receivers.
        """
        from shelflife.alerts.channels import try_receivers

        now = self._work.clock()
        results = try_receivers(self.settings.alerts, str(self.settings.base_path), at=now)
        with suppress(RecordsError), self._work.records.open_journal() as journal:
            journal.acts.add("alerts.tested", at=now)
        return results

    # -- the schedule

    def scheduler(
        self,
        *,
        load: Callable[[], Settings] | SettingsInForce | None = None,
        delay: float | None = None,
        pause: float | None = None,
    ) -> Scheduler:
        """Return what cleans up by the schedule, not started (extra `schedule`).

        `load` reads the settings anew, every minute and before each run, or says which are in force; None: they
        never change. The others are seconds: after the start until a missed slot is made up for, and between two
        looks at whether another cleanup has ended.
        """
        from shelflife.schedule.scheduler import DELAY, PAUSE, Scheduler
        from shelflife.settings.in_force import SettingsInForce, in_force_of

        in_force = (
            SettingsInForce(load, initial=lambda: self.settings)
            if callable(load)
            else in_force_of(load or self.settings)
        )
        delay, pause = (DELAY if delay is None else delay), (PAUSE if pause is None else pause)
        return Scheduler(self._work, in_force, delay=delay, pause=pause)

    def running(
        self, *, load: Callable[[], Settings] | SettingsInForce | None = None
    ) -> AbstractAsyncContextManager[Scheduler]:
        """Keep the schedule while an application runs: `async with engine.running():` (extra `schedule`).

        For those who compose lifespans by hand; `shelflife.web.router` brings a lifespan of its own. The areas'
        directories are made first. `load` as for `scheduler`.
        """
        from shelflife.schedule.running import running

        return running(self.scheduler(load=load))

    # -- async twins

    acreate = in_thread(create)
    arequire_areas = in_thread(require_areas)
    aadopt = in_thread(adopt)
    aplan = in_thread(plan)
    aneeds_approval = in_thread(needs_approval)
    aexecute = in_thread(execute)
    aapprove = in_thread(approve)
    acleanup = in_thread(cleanup)
    arelieve = in_thread(relieve)
    ahold = in_thread(hold)
    aunhold = in_thread(unhold)
    atrash = streamed(trash)
    arestore = in_thread(restore)
    abring_back = in_thread(bring_back)
    awould_bring_back = streamed(would_bring_back)
    arestored = in_thread(restored)
    aempty_trash = in_thread(empty_trash)
    asample = in_thread(sample)
    atell = in_thread(tell)
    atry_receivers = in_thread(try_receivers)

    # -- inside

    def _choose(self, areas: Iterable[str] | None) -> list[str]:
        """Return the keys of the areas that are named, each once; of all, if None."""
        if areas is None:
            return list(self._work.areas)
        return list(dict.fromkeys(self.settings.area_name(name) for name in areas))

    def _run(
        self,
        strategy: Strategy,
        trigger: Trigger,
        stop: threading.Event | None = None,
        batch_size: int | None = None,
    ) -> RunReport:
        from shelflife.run.run import RunRequest, run

        report = run(self._work, RunRequest(trigger=trigger, stop=stop, batch_size=batch_size), strategy)
        assert report is not None  # noqa: S101 - only making room may find that there is nothing to do
        return report
