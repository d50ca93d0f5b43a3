"""Why: what will happen to one path, when, by which rule – or what happened to it.

The answer is found the way a run would find it: through the held directory of the area, with the same
verdicts. What is gone is looked up in the journal. There is an answer for every path, also for one that
belongs to nobody.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shelflife.errors import RecordsError, UsageError
from shelflife.execute.planner import read_unit
from shelflife.execute.storage import hold_base
from shelflife.explain.formats import format_age, format_retention, moment
from shelflife.files.anchor import Anchor
from shelflife.files.listing import Entry, Kind, entry_at
from shelflife.files.removal import Result
from shelflife.files.tree import walk
from shelflife.policy.area import KEEP_FILE, SECOND, TRASH_DIRECTORY
from shelflife.policy.cutoff import by_retention
from shelflife.policy.holds import Holds
from shelflife.policy.schedule import Schedule
from shelflife.policy.verdict import Reason, Verdict, judge, judge_unit
from shelflife.records.journal import read_journal
from shelflife.settings import AgeFrom, Expire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shelflife.policy.area import Area
    from shelflife.records.journal import FileRecord
    from shelflife.records.state import StateDirectory
    from shelflife.settings import Settings

_MISSING: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


class State(StrEnum):
    """What is to be expected of a path."""

    WAITING = "waiting"
    """Not expired yet; it goes when it is."""

    EXPIRED = "expired"
    """It goes with the next run."""

    KEPT = "kept"
    """It belongs to an area and stays, whatever its age."""

    REMOVED = "removed"
    """A run removed it."""

    TRASHED = "trashed"
    """It lies in an area's trash."""

    MISSING = "missing"
    """It is not there, and no run is known to have removed it."""

    UNMANAGED = "unmanaged"
    """It belongs to no area: never touched."""

    UNKNOWN = "unknown"
    """It could not be looked at, and so stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What will happen to a path, or what happened to it. Times in ns since the epoch."""

    path: str
    """The path, absolute, with the directories on its way resolved."""

    state: State
    """What is to be expected."""

    reason: str
    """Why, in a word or two; of a file that is judged, the `Reason` of its verdict."""

    sentences: tuple[str, ...]
    """All of it, for people."""

    area: str | None = None
    """The area it belongs to."""

    rule: str | None = None
    """The setting that decides."""

    expires: int | None = None
    """When it expires, or expired."""

    when: int | None = None
    """When it goes by the schedule, or when it went."""

    run: int | None = None
    """The run that removed it."""


def explain(
    path: str, *, settings: Settings, areas: Mapping[str, Area], state: StateDirectory, now: int
) -> Answer:
    """Return what will happen to `path`, or what happened to it, as seen at `now` (ns).

    A relative path starts from the working directory. A symbolic link at its end is meant itself.
    Raises UsageError for an empty path, StorageError when the storage is not there.
    """
    absolute = _located(path)
    base = os.path.realpath(settings.base_path)
    if answer := _unmanaged(absolute, base, os.path.realpath(state.path)):
        return answer
    relative = absolute[len(base.rstrip("/")) + 1 :]
    for area in areas.values():
        for directory in area.directories:
            if relative == directory:
                return _area_itself(absolute, area)
            if relative.startswith(f"{directory}/"):
                inner = relative[len(directory) + 1 :]
                place = _Place(absolute, area, directory, inner, settings, state, now)
                return _Inquiry(place).answer()
    return Answer(
        path=absolute,
        state=State.UNMANAGED,
        reason="in no area",
        sentences=(f"It lies in the storage, but in none of its areas ({', '.join(areas)}): never touched.",),
    )


def _located(path: str) -> str:
    if not path or "\0" in path:
        raise UsageError("not a path; give the path of a file, such as storage/uploads/clip.mp4")
    head, tail = os.path.split(path.rstrip("/") or "/")
    if tail in ("", ".", ".."):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(head), tail)


def _unmanaged(absolute: str, base: str, state: str) -> Answer | None:
    if absolute == state or absolute.startswith(f"{state}/"):
        sentence = "It belongs to the records of the storage itself (index, journal, lock): never cleaned up."
        return Answer(path=absolute, state=State.UNMANAGED, reason="records", sentences=(sentence,))
    if absolute == base:
        sentence = "It is the base path of the storage: never removed."
        return Answer(path=absolute, state=State.UNMANAGED, reason="base path", sentences=(sentence,))
    if not absolute.startswith(f"{base.rstrip('/')}/"):
        sentence = f"It lies outside of the storage {base}: never touched."
        return Answer(path=absolute, state=State.UNMANAGED, reason="outside", sentences=(sentence,))
    return None


def _area_itself(absolute: str, area: Area) -> Answer:
    keeps = _keeps(area)
    return Answer(
        path=absolute,
        area=area.name,
        state=State.KEPT,
        reason="area",
        rule=_retention_rule(area),
        sentences=(f"It is the directory of area {area.name} itself: never removed.", f"The area {keeps}."),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path lies, and what is needed to judge it."""

    path: str
    area: Area
    directory: str
    """The area's directory, relative to the base path."""
    inner: str
    """The path below that."""
    settings: Settings
    state: StateDirectory
    now: int


class _Inquiry:
    """The way to an answer about one path in an area."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._area = place.area
        self._cutoff = by_retention(place.area, place.now)

    def answer(self) -> Answer:
        """Return the answer. Raises StorageError when the base path is not there."""
        top = self._place.inner.partition("/")[0]
        if top == TRASH_DIRECTORY:
            return self._make(State.TRASHED, "trash", f"It lies in the trash of area {self._area.name}.")
        try:
            with self._anchor() as anchor:
                entry = self._look(anchor)
                if self._area.expire is Expire.DIRECTORY and self._is_in_unit(entry):
                    return self._unit(anchor, f"{top}/")
                if entry.kind is Kind.DIRECTORY:
                    return self._directory(anchor)
                return self._file(entry)
        except OSError as error:
            return self._not_seen(error)

    # -- looking

    @contextmanager
    def _anchor(self) -> Iterator[Anchor]:
        base_path, directory = self._place.settings.base_path, self._place.directory
        with hold_base(base_path) as base, Anchor.open(base, directory) as anchor:
            yield anchor

    def _look(self, anchor: Anchor) -> Entry:
        parent, _, name = self._place.inner.rpartition("/")
        with anchor.directory(f"{parent}/" if parent else "") as fd:
            return entry_at(fd, name)

    def _is_in_unit(self, entry: Entry) -> bool:
        return "/" in self._place.inner or entry.kind is Kind.DIRECTORY

    def _not_seen(self, error: OSError) -> Answer:
        if error.errno in _MISSING:
            return self._missing()
        if error.errno == errno.EXDEV:
            return self._make(
                State.KEPT,
                "mount",
                "A file system of its own is mounted on the way there: a cleanup never enters it.",
            )
        return self._make(
            State.UNKNOWN,
            "unreadable",
            f"It cannot be looked at ({error.strerror}) by the user who asks. "
            "What a run cannot look at, it keeps and reports.",
        )

    # -- what is there

    def _file(self, entry: Entry) -> Answer:
        if entry.kind is Kind.OTHER:
            return self._kept(
                Reason.SPECIAL, "It is a FIFO, a socket or a device: these are never removed, only reported."
            )
        time = self._area.file_time(entry.mtime, entry.ctime)
        link = (
            ["It is a symbolic link: its own age counts, and it goes as a link; its target is not touched."]
            if entry.kind is Kind.LINK
            else []
        )
        verdict = judge(self._place.inner, time, self._area, self._cutoff)
        return self._judged(verdict, time, *link)

    def _judged(self, verdict: Verdict, time: int, *before: str) -> Answer:
        match verdict.reason:
            case Reason.KEEP_FILE:
                return self._kept(verdict.reason, *before, f"{KEEP_FILE} is never removed.", rule=KEEP_FILE)
            case Reason.PROTECTED:
                sentence = f'The pattern "{verdict.pattern}" of area {self._area.name} protects it: '
                return self._kept(
                    verdict.reason, *before, f"{sentence}never removed.", rule=f"protect: {verdict.pattern}"
                )
            case Reason.INDEFINITE:
                return self._kept(verdict.reason, *before, f"Area {self._area.name} {_keeps(self._area)}.")
        return self._by_age(verdict, time, "It", *before)

    def _directory(self, anchor: Anchor) -> Answer:
        path = f"{self._place.inner}/"
        entries = sum(len(found) for _, _, found in walk(anchor, path, deep=False))
        if self._cutoff is None:
            return self._kept(Reason.INDEFINITE, f"Area {self._area.name} {_keeps(self._area)}.")
        if entries:
            what = "1 entry" if entries == 1 else f"{entries} entries"
            return self._kept(
                "not empty",
                f"It is a directory with {what}. Each file below it is judged by itself.",
                "The directory goes when a run has removed the last of them.",
            )
        time = anchor.stat(path).st_mtime_ns
        remove = time < self._cutoff.at
        verdict = Verdict(remove=remove, reason=Reason.EXPIRED if remove else Reason.NOT_EXPIRED)
        return self._by_age(verdict, time, "It", "It is an empty directory.")

    def _unit(self, anchor: Anchor, unit: str) -> Answer:
        found = read_unit(
            anchor, unit, self._area, directory=self._place.directory, holds=Holds(), guarded=False
        )
        verdict = judge_unit(found.unit, self._cutoff)
        member = _deciding_member(anchor, unit, self._area, verdict.reason)
        whole = (
            f"In area {self._area.name} each directory goes as a whole, by its newest file: "
            f"{unit[:-1]} in this case."
        )
        match verdict.reason:
            case Reason.INDEFINITE:
                return self._kept(verdict.reason, f"Area {self._area.name} {_keeps(self._area)}.")
            case Reason.UNIT_PROTECTED:
                pattern = self._area.protection.deciding(member)
                sentence = f'The pattern "{pattern}" protects {member}, and so all of {unit[:-1]}.'
                return self._kept(verdict.reason, whole, sentence, rule=f"protect: {pattern}")
            case Reason.SPECIAL:
                sentence = f"{member} is never removed, and so all of {unit[:-1]} stays."
                return self._kept(verdict.reason, whole, sentence)
        time = found.unit.changed if found.unit.newest is None else found.unit.newest
        subject = f"Its newest file, {member}," if member else "It has no files. The directory"
        return self._by_age(verdict, time, subject, whole)

    # -- what is not there

    def _missing(self) -> Answer:
        records, fault = self._history()
        removed = next((record for record in records if record.result is Result.REMOVED), None)
        if removed is not None:
            age = format_age(removed.at - removed.mtime)
            return self._gone(
                removed,
                f"Run {removed.run} removed it from area {removed.area} on {moment(removed.at)}.",
                f"It was last modified on {moment(removed.mtime)}, {age} before, and had expired.",
            )
        below = None if fault else self._latest_below()
        if below is not None:
            return self._gone(
                below,
                f"It was a directory. Run {below.run} removed the last of its files on {moment(below.at)}.",
            )
        return self._make(
            State.MISSING, "missing", "It is not there, and no run that is remembered removed it.", *fault
        )

    def _gone(self, record: FileRecord, *sentences: str) -> Answer:
        return Answer(
            path=self._place.path,
            area=record.area,
            state=State.REMOVED,
            reason=record.reason.value,
            when=record.at,
            run=record.run,
            sentences=sentences,
        )

    @property
    def _relative(self) -> str:
        return f"{self._place.directory}/{self._place.inner}"

    def _history(self) -> tuple[list[FileRecord], list[str]]:
        """Return what runs did to a file of this name, and a sentence when that cannot be told."""
        try:
            with read_journal(self._place.state) as journal:
                return (journal.file_history(self._relative) if journal else []), []
        except RecordsError as error:
            return [], [f"What earlier runs did cannot be told: {error}."]

    def _latest_below(self) -> FileRecord | None:
        with read_journal(self._place.state) as journal:
            return journal.latest_below(self._relative) if journal else None

    # -- putting it together

    def _by_age(self, verdict: Verdict, time: int, subject: str, *before: str) -> Answer:
        """Answer for something that an area with a retention keeps for a while."""
        retention = self._area.retention or 0
        expires = time + retention
        now, cleanup = self._place.now, self._place.settings.cleanup
        run = Schedule.of(cleanup).next_after(max(now, expires)) if cleanup.enabled else None
        age = f"{subject} is {format_age(now - time)} old" + (" (its time lies ahead)" if time > now else "")
        keeps = f"area {self._area.name} {_keeps(self._area)}"
        if verdict.remove:
            sentences = [f"{age} and expired on {moment(expires)}: {keeps}.", f"It goes {self._at(run)}."]
        else:
            sentences = [
                f"{age} and expires on {moment(expires)}: {keeps}.",
                f"After that it goes {self._at(run)}.",
            ]
        if cleanup.dry_run:
            sentences.append("But nothing is removed as long as cleanup.dry_run is true.")
        return Answer(
            path=self._place.path,
            area=self._area.name,
            state=State.EXPIRED if verdict.remove else State.WAITING,
            reason=verdict.reason.value,
            rule=_retention_rule(self._area),
            expires=expires,
            when=None if cleanup.dry_run else run,
            sentences=(*before, *sentences, *self._past()),
        )

    def _at(self, run: int | None) -> str:
        cleanup = self._place.settings.cleanup
        if not cleanup.enabled:
            return "when somebody starts a cleanup: cleanup.enabled is false, so none runs by itself"
        if run is None:
            return f"with the first run that somebody starts: the schedule ({cleanup.schedule}) has none"
        return f"with the next run, by the schedule ({cleanup.schedule}) on {moment(run)}"

    def _kept(self, reason: str, *sentences: str, rule: str | None = None) -> Answer:
        return Answer(
            path=self._place.path,
            area=self._area.name,
            state=State.KEPT,
            reason=str(reason),
            rule=rule or _retention_rule(self._area),
            sentences=(*sentences, *self._past()),
        )

    def _make(self, state: State, reason: str, *sentences: str) -> Answer:
        return Answer(
            path=self._place.path, area=self._area.name, state=state, reason=reason, sentences=sentences
        )

    def _past(self) -> list[str]:
        """Return what runs did to it, or to an earlier file of its name."""
        records, fault = self._history()
        return [_told(record) for record in records[:1]] or fault


def _told(record: FileRecord) -> str:
    when = f"on {moment(record.at)}"
    match record.result:
        case Result.REMOVED:
            return f"Run {record.run} removed an earlier file of this name {when}."
        case Result.FAILED:
            return f"Run {record.run} could not remove it {when}: {os.strerror(record.errno)}."
        case Result.KEPT:
            return f"Run {record.run} meant to remove it {when} and left it: {record.reason}."
    return f"Run {record.run} was at it {when}; what came of that is not known."


def _deciding_member(anchor: Anchor, unit: str, area: Area, reason: Reason) -> str:
    """Return the path of the file that decides over a unit; empty when there is none."""
    newest, member = None, ""
    for directory, _, entries in walk(anchor, unit):
        for entry in entries:
            path = directory + entry.name
            if reason is Reason.UNIT_PROTECTED:
                if entry.kind is not Kind.DIRECTORY and area.protection.deciding(path):
                    return path
            elif reason is Reason.SPECIAL:
                if entry.kind is Kind.OTHER or entry.name == KEEP_FILE:
                    return path
            elif entry.kind is not Kind.DIRECTORY:
                time = area.file_time(entry.mtime, entry.ctime)
                if newest is None or time > newest:
                    newest, member = time, path
    return member


def _keeps(area: Area) -> str:
    if area.retention is None:
        return "keeps its files indefinitely"
    since = "last modified or changed" if area.age_from is AgeFrom.CHANGED else "last modified"
    return f"keeps files for {format_age(area.retention)} after they were {since}"


def _retention_rule(area: Area) -> str:
    seconds = -1 if area.retention is None else area.retention // SECOND
    return f"retention of {area.name}: {format_retention(seconds)}"
