"""The past of one path: what runs did to it, what waits in the trash, and what a person pinned.

The journal tells; where it cannot be read, the answer about the present stands all the same, and says so.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from shelflife.errors import RecordsError
from shelflife.explain.answer import Answer, State
from shelflife.files.removal import Result
from shelflife.files.trash import DISPLACED, TrashName
from shelflife.formats import format_age, moment, printable
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.cutoff import Cause
from shelflife.policy.holds import Holds
from shelflife.records.history import BatchKind
from shelflife.run.leases import leased

if TYPE_CHECKING:
    from shelflife.records.history import FileRecord
    from shelflife.records.records import Records
    from shelflife.storage.paths import Place

_CHOSEN: Final = {
    Cause.QUOTA.value: "It went because of the quota: area {area} held more than it may.",
    Cause.PRESSURE.value: "It went because of the pressure: the disk was too full.",
}
"""By cause: why something went that may not have been expired."""

_MOVED = (Result.REMOVED, Result.TRASHED, Result.RESTORED)


class Past:
    """What is remembered of one path in an area."""

    def __init__(self, place: Place, path: str, *, base: str, records: Records, now: int) -> None:
        """Read the journal. `path` is the place's absolute path, `base` the base path, resolved."""
        self._place = place
        self._path = path
        self._base = base
        self._memory = records
        self.holds = Holds()
        self.fault: str | None = None
        """A sentence, when the journal cannot be read."""
        self._records: list[FileRecord] = []
        try:
            with records.read_journal() as journal:
                if journal is not None:
                    self.holds = journal.holds.active(now)
                    self._records = journal.files.of_path(place.whole)
            self.holds = self.holds.with_leases(leased(records.state, now))
        except RecordsError as error:
            self.fault = f"What earlier runs did, and whether it is held, cannot be told: {error}."

    def sentences(self) -> list[str]:
        """Return what runs did to it, or to an earlier file of its name."""
        if self.fault is not None:
            return [self.fault]
        latest = self._records[:1]
        if latest and latest[0].result is Result.RESTORED:
            return [self._restored(latest[0]), *(_told(record) for record in self._records[1:2])]
        return [_told(record) for record in latest]

    def missing(self) -> Answer:
        """Return what became of something that is not there."""
        went = next((record for record in self._records if record.result in _MOVED), None)
        if went is not None and went.result is Result.RESTORED:
            since = "It is not there any more, and no run that is remembered removed it since."
            return self._answer(State.MISSING, "missing", self._restored(went), since)
        if went is not None:
            return self._trashed(went) if went.result is Result.TRASHED else self._removed(went)
        below = self._latest_below()
        if below is not None:
            verb = "moved" if below.result is Result.TRASHED else "removed"
            into = " into the trash" if below.result is Result.TRASHED else ""
            return self._gone(
                below,
                f"It was a directory. Run {below.run} {verb} the last of its files{into} "
                f"on {moment(below.at)}.",
            )
        fault = [self.fault] if self.fault is not None else []
        return self._answer(
            State.MISSING, "missing", "It is not there, and no run that is remembered removed it.", *fault
        )

    def in_trash(self) -> Answer:
        """Return what is to be said of something that lies in the trash."""
        parts = self._place.path.split("/")[1:]
        displaced = parts[:1] == [DISPLACED]
        name = TrashName.parse(parts[displaced]) if len(parts) > displaced else None
        said = [f"It lies in the trash of area {self._place.area.name}."]
        if name is None:
            return self._answer(State.TRASHED, "trash", *said)
        if former := "/".join(parts[displaced + 1 :]):
            said.append(f"Run {name.run} put it there on {moment(name.at)}; it was {former} in the area.")
        until = None if displaced else name.at + (self._place.area.trash or 0)
        said.append(
            "It could not be put back, since its name was taken: never purged, a person decides."
            if until is None
            else f"Its time there is over on {moment(until)}; the next run after that removes it for good."
        )
        return Answer(
            path=self._path,
            area=self._place.area.name,
            state=State.TRASHED,
            reason="displaced" if displaced else "trash",
            expires=until,
            when=name.at,
            run=name.run,
            sentences=tuple(said),
        )

    # -- inside

    def _removed(self, record: FileRecord) -> Answer:
        return self._gone(
            record,
            f"Run {record.run} removed it{_empty(record)} from area {record.area} on {moment(record.at)}.",
            *(() if record.pruned else _why(record)),
        )

    def _trashed(self, record: FileRecord) -> Answer:
        went = f"Run {record.run} moved it into the trash of area {record.area} on {moment(record.at)}."
        name = self._trash_name(record.run)
        place = os.path.join(self._base, self._place.directory, TRASH_DIRECTORY, str(name), self._place.path)
        if name is None or not os.path.lexists(place):
            return self._gone(record, went, *_why(record), "It is no longer in the trash.")
        until = name.at + (self._place.area.trash or 0)
        return Answer(
            path=self._path,
            area=record.area,
            state=State.TRASHED,
            reason=_reason(record),
            cause=record.cause,
            expires=until,
            when=record.at,
            run=record.run,
            sentences=(
                went,
                *_why(record),
                f"It waits there until {moment(until)}, as {place}; until then it can be restored.",
            ),
        )

    def _restored(self, record: FileRecord) -> str:
        """Return by whom, and by which run, it was brought back from the trash."""
        with self._memory.read_journal() as journal:
            run = journal.history.run(record.run) if journal else None
        by = f", by {printable(run.actor)}" if run is not None and run.actor else ""
        tree = record.kind is BatchKind.RESTORED_TREE and record.path != self._place.whole
        what = f"It was restored with all of {record.path}" if tree else "It was restored"
        return f"{what} from the trash on {moment(record.at)}{by} (run {record.run})."

    def _trash_name(self, number: int) -> TrashName | None:
        with self._memory.read_journal() as journal:
            run = journal.history.run(number) if journal else None
        # By its text, as whoever reads the trash has it: to the second.
        return None if run is None else TrashName.parse(str(TrashName(run.id, run.started)))

    def _latest_below(self) -> FileRecord | None:
        if self.fault is not None:
            return None
        with self._memory.read_journal() as journal:
            return journal.files.latest_below(self._place.whole) if journal else None

    def _gone(self, record: FileRecord, *sentences: str) -> Answer:
        return Answer(
            path=self._path,
            area=record.area,
            state=State.REMOVED,
            reason=_reason(record),
            cause=record.cause,
            when=record.at,
            run=record.run,
            sentences=sentences,
        )

    def _answer(self, state: State, reason: str, *sentences: str) -> Answer:
        area = self._place.area.name
        return Answer(path=self._path, area=area, state=state, reason=reason, sentences=sentences)


def _reason(record: FileRecord) -> str:
    """Return why it went in a word: what chose the cutoff, where that was not its age alone."""
    return record.cause if record.cause in _CHOSEN else record.reason.value


def _why(record: FileRecord) -> list[str]:
    """Return how old it was, and why it had to go."""
    age = format_age(record.at - record.mtime)
    modified = f"It was last modified on {moment(record.mtime)}, {age} before"
    if record.cause in _CHOSEN:
        return [f"{modified}.", _CHOSEN[record.cause].format(area=record.area)]
    if record.cause == Cause.PURGE:
        return [f"{modified}; it had waited in the trash until its time there was over."]
    by = f" by a rule of area {record.area}" if record.cause == Cause.RULE else ""
    return [f"{modified}, and had expired{by}."]


def _empty(record: FileRecord) -> str:
    return ", an empty directory," if record.pruned else ""


def _told(record: FileRecord) -> str:
    run, when = f"Run {record.run}", f"on {moment(record.at)}"
    match record.result:
        case Result.REMOVED:
            what = "an empty directory" if record.pruned else "an earlier file"
            return f"{run} removed {what} of this name {when}."
        case Result.TRASHED:
            return f"{run} moved a file of this name into the trash {when}."
        case Result.DISPLACED:
            return f"{run} set an earlier file of this name aside in the trash {when}: {record.reason}."
        case _ if record.kind.comes_back:
            what = os.strerror(record.errno) if record.errno else str(record.reason)
            return f"{run} was to bring one of this name back from the trash {when}, and could not: {what}."
        case Result.FAILED:
            return f"{run} could not remove it {when}: {os.strerror(record.errno)}."
        case Result.KEPT:
            return f"{run} meant to remove it {when} and left it: {record.reason}."
    return f"{run} was at it {when}; what came of that is not known."
