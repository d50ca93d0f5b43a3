"""Restoring: the strategy of a run that brings back what a person wants out of the trash.

All that came back is held by one hold of the run, since the next cleanup would take it again. Until the run has
ended, and after a kill until the next one has looked, that hold is on all of the place.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shelflife.errors import UsageError
from shelflife.files.anchor import Anchor
from shelflife.files.kernel import generation
from shelflife.files.listing import signed
from shelflife.policy.cutoff import KEEP_ALL
from shelflife.policy.holds import EVERYTHING, Hold
from shelflife.policy.plan import AreaPlan, DueDirectory, Plan
from shelflife.records.history import RunState
from shelflife.remove.report import AreaReport, RunReport
from shelflife.remove.restoring import Restorer
from shelflife.remove.root import AreaLost, Root
from shelflife.run.selection import Found, Selection, find, goal_of, prune_empty
from shelflife.scan.context import Stopped
from shelflife.storage.paths import locate
from shelflife.storage.root import AreaRoot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.area import Area
    from shelflife.records.journal import Journal
    from shelflife.remove.root import Options
    from shelflife.run.run import LockedStorage
    from shelflife.run.workplace import Workplace


@dataclass(slots=True)
class Restore:
    """The strategy of a run that brings back from the trash what is selected."""

    selection: Selection
    hold: bool = True
    """Whether what comes back is held for one retention."""
    found: list[Found] = field(default_factory=list)
    """The latest parts of each directory first."""

    def choose(self, session: LockedStorage) -> Plan:
        """See `Strategy`: there is no cutoff. Raises UsageError where what is named is not in the trash."""
        work, base = session.work, session.context.base
        try:
            self.found = find(work, base, self.selection)
        except UsageError:
            prune_empty(work, base, self.selection)
            raise
        plans: dict[str, list[DueDirectory]] = {}
        for one in self.found:
            plans.setdefault(one.area.name, []).append(
                DueDirectory(
                    root=one.directory, path=one.part.top, files=one.files, bytes=0, links=0, prune=False
                )
            )
        areas = [AreaPlan(area=name, cutoffs=KEEP_ALL, due=tuple(due)) for name, due in plans.items()]
        return Plan(made=session.context.freshness.now, areas=tuple(areas))

    def confirm(self, session: LockedStorage, plan: Plan) -> None:  # noqa: ARG002 - as the protocol has it
        """See `Strategy`: who asks for it means it. The hold is there before anything comes back."""
        places = self._homes(session.work)
        retentions = [area.retention for area in places.values() if area.retention is not None]
        if not self.hold or not retentions:
            return
        names = {area.name for area in places.values()}
        now = session.work.clock()
        session.journal.holds.add(
            Hold(
                id=0,
                path=next(iter(places)) if len(places) == 1 else EVERYTHING,
                tree=True,
                area=names.pop() if len(names) == 1 else "",
                inode=None,
                born=None,
                created=now,
                until=now + max(retentions),
                reason=f"brought back from the trash by run {session.run}",
                run=session.run,
            )
        )

    def carry_out(self, session: LockedStorage, options: Options, plan: Plan) -> RunReport:
        """See `Strategy`."""
        reports: dict[str, AreaReport] = {}
        state = RunState.DONE
        try:
            for directory in dict.fromkeys(one.directory for one in self.found):
                found = [one for one in self.found if one.directory == directory]
                self._bring_back(session, options, found, reports)
        except Stopped:
            state = RunState.STOPPED
        finally:
            options.recorder.flush()
        _forget_counts(session.journal, self.found)
        if not options.recorder.unwritten:
            _close_hold(session, options.recorder.run)
        return RunReport(run=options.recorder.run, plan=plan.id, state=state, areas=tuple(reports.values()))

    def remember(self, session: LockedStorage, plan: Plan, report: RunReport) -> None:
        """See `Strategy`: nothing, since this was no cleanup of any area."""

    def _homes(self, work: Workplace) -> dict[str, Area]:
        """Return the areas' directories that things come back to, with their areas."""
        goal = goal_of(work, self.selection)
        if goal is not None:
            return {goal.place.directory: goal.place.area}
        return {one.directory: one.area for one in self.found}

    def _bring_back(
        self,
        session: LockedStorage,
        options: Options,
        found: Sequence[Found],
        reports: dict[str, AreaReport],
    ) -> None:
        """Bring back what is selected of one of an area's directories."""
        base, goal = session.context.base, goal_of(session.work, self.selection)
        area, directory = found[0].area, found[0].directory
        home_area, home = (area, directory) if goal is None else (goal.place.area, goal.place.directory)
        report = reports.setdefault(home_area.name, AreaReport(area=home_area.name))
        try:
            with ExitStack() as opened:
                trash = opened.enter_context(Anchor.open(base, directory))
                anchor = trash if home == directory else opened.enter_context(Anchor.open(base, home))
                root = Root.at(AreaRoot(home_area, home, anchor), session.context, options, report)
                restorer = Restorer(root, trash)
                tops = [one.part.top for one in found]
                for number, one in enumerate(found):
                    restorer.bring(one.part.top, one.starts, older=tops[number + 1 :])
        except AreaLost as lost:
            report.errors.append(str(lost))
        except OSError as error:
            report.errors.append(f"{home}: {error.strerror}")


def _forget_counts(journal: Journal, found: Sequence[Found]) -> None:
    """Have counted anew what waits in the parts from which something came back."""
    known = journal.trash.known()
    for name in {one.area.name for one in found}:
        touched = {one.part.name for one in found if one.area.name == name}
        kept = {run: count for run, count in known.get(name, {}).items() if run not in touched}
        journal.trash.replace(name, kept)


def _close_hold(session: LockedStorage, run: int) -> None:
    """Let the hold be on what came back; a single file, or directory, it follows wherever that goes."""
    hold = session.journal.holds.close(run)
    if hold is None or hold.of_members:
        return
    work = session.work
    place = locate(str(work.settings.base_path / hold.path), work.settings.base_path, work.areas)
    parent, slash, name = place.path.rpartition("/")
    with (
        suppress(OSError),
        Anchor.open(session.context.base, place.directory) as anchor,
        anchor.directory(parent + slash) as fd,
    ):
        inode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_ino
        session.journal.holds.follow(hold, signed(inode), generation(fd, name))
