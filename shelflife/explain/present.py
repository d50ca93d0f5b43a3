"""The present of one path in an area: what is there, and what the next run will do about it."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shelflife.explain.answer import Answer, State
from shelflife.explain.words import bounds_of, hold_in_words, keeps, kept_for, retention_rule
from shelflife.files.anchor import Anchor
from shelflife.files.held import held_directory, held_entry
from shelflife.files.listing import Entry, EntryKind, entry_at
from shelflife.files.tree import walk
from shelflife.formats import format_age, moment
from shelflife.policy.area import TRASH_DIRECTORY, place_of
from shelflife.policy.cutoff import Cause
from shelflife.policy.rules import KEEP_FILE, File, judge_unit, stays_by_name
from shelflife.policy.schedule import Schedule
from shelflife.policy.verdict import Reason, Verdict
from shelflife.policy.watermark import Watermarks
from shelflife.scan.unit import read_unit
from shelflife.settings import Expire, Per
from shelflife.storage.areas import hold_base
from shelflife.storage.root import AreaRoot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.explain.past import Past
    from shelflife.policy.area import Area
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Hold
    from shelflife.policy.rules import Class
    from shelflife.settings import Settings
    from shelflife.storage.paths import Place

_MISSING: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


class Present:
    """The way to an answer about one path in an area."""

    def __init__(
        self,
        place: Place,
        path: str,
        *,
        settings: Settings,
        past: Past,
        cutoffs: Cutoffs,
        now: int,
    ) -> None:
        """Prepare; `path` is the place's absolute path, `cutoffs` are the area's in a plan, `now` in ns."""
        self._place = place
        self._path = path
        self._area = place.area
        self._settings = settings
        self._past = past
        self._now = now
        self._cutoffs = cutoffs.within(place.path)

    def answer(self) -> Answer:
        """Return the answer. Raises StorageError when the base path is not there."""
        top = self._place.path.partition("/")[0]
        try:
            with self._anchor() as anchor:
                parent, _, name = self._place.path.rpartition("/")
                with anchor.directory(f"{parent}/" if parent else "") as fd:
                    entry = entry_at(fd, name, self._area.rules.age_from)
                    hold = self._hold(anchor, fd, entry)
                if top == TRASH_DIRECTORY:
                    return self._past.in_trash()
                if self._area.expire is Expire.DIRECTORY and ("/" in self._place.path or _is_tree(entry)):
                    return self._unit(anchor, f"{top}/")
                if hold is not None:
                    return self._held(hold)
                return self._directory(anchor) if _is_tree(entry) else self._file(anchor, entry)
        except OSError as error:
            return self._not_seen(error)

    @contextmanager
    def _anchor(self) -> Iterator[Anchor]:
        base_path = self._settings.base_path
        with hold_base(base_path) as base, Anchor.open(base, self._place.directory) as anchor:
            yield anchor

    def _hold(self, anchor: Anchor, fd: int, entry: Entry) -> Hold | None:
        """Return the hold on an entry of the open directory `fd`, or on a directory above it."""
        place, holds = self._place, self._past.holds
        path = f"{place.path}/" if _is_tree(entry) else f"{place.path.rpartition('/')[0]}/".lstrip("/")
        return held_directory(holds, anchor, self._area.name, place.directory, path) or held_entry(
            holds, self._area.name, place.whole, fd, entry
        )

    def _not_seen(self, error: OSError) -> Answer:
        if error.errno in _MISSING:
            return self._past.missing()
        if error.errno == errno.EXDEV:
            sentence = (
                "On the way there is a volume of its own (a mount or a subvolume): a cleanup never enters it."
            )
            return self._answer(State.KEPT, "mount", sentence)
        return self._answer(
            State.UNKNOWN,
            "unreadable",
            f"It cannot be looked at ({error.strerror}) by the user who asks. "
            "What a run cannot look at, it keeps and reports.",
        )

    # -- files

    def _file(self, anchor: Anchor, entry: Entry) -> Answer:
        if entry.kind is EntryKind.OTHER:
            sentence = "It is a FIFO, a socket or a device: these are never removed, only reported."
            return self._kept(Reason.SPECIAL, sentence)
        link = (
            ["It is a symbolic link: its own age counts, and it goes as a link; its target is not touched."]
            if entry.kind is EntryKind.LINK
            else []
        )
        verdict, partner = self._verdict(anchor, entry)
        kind = self._area.rules.classes[self._area.rules.class_of(self._place.path)]
        match verdict.reason:
            case Reason.KEEP_FILE:
                return self._kept(verdict.reason, *link, f"{KEEP_FILE} is never removed.", rule=KEEP_FILE)
            case Reason.LEFT_OPEN:
                sentence = (
                    "NFS gave it that name because somebody has it open: it goes when that one closes it."
                )
                return self._kept(verdict.reason, *link, sentence)
            case Reason.PROTECTED if verdict.pattern is not None:
                sentence = f'The pattern "{verdict.pattern}" of area {self._area.name} protects it: '
                rule = f"{kind.name if kind.number == 1 else 'rule'}: {verdict.pattern}"
                return self._kept(verdict.reason, *link, f"{sentence}never removed.", rule=rule)
            case Reason.INDEFINITE:
                return self._kept(verdict.reason, *link, f"Area {self._area.name} {keeps(self._area, kind)}.")
            case Reason.NEWEST:
                return self._newest(*link)
            case Reason.EXPIRED | Reason.NOT_EXPIRED:
                return self._by_age(verdict, kind, entry.time, "It", *link)
        together = f"Files of one name but for the suffix go together; {partner} stays, and so does it."
        what = together if partner else f"A rule of the area keeps it ({verdict.reason})."
        return self._kept(verdict.reason, *link, what)

    def _verdict(self, anchor: Anchor, entry: Entry) -> tuple[Verdict, str]:
        """Return the verdict on a file, and what keeps it with itself, if anything does. Raises OSError."""
        rules, holds, place = self._area.rules, self._past.holds, self._place
        directory, slash, _ = place.path.rpartition("/")
        path = directory + slash
        if not rules.needs_neighbours:
            return rules.judge(File(place.path, entry.time), self._cutoffs), ""
        found = [
            (one, fd)
            for _, fd, entries in walk(anchor, path, deep=False, age=rules.age_from)
            for one in entries
            if one.kind <= EntryKind.LINK
        ]
        files = [File(path + one.name, one.time, is_link=one.kind is EntryKind.LINK) for one, _ in found]
        staying = {
            at: Reason.HELD
            for at, (one, fd) in enumerate(found)
            if holds
            and held_entry(holds, self._area.name, place_of(place.directory, path + one.name), fd, one)
        }
        verdicts = rules.judge_together(files, self._cutoffs, staying)
        names = [file.name for file in files]
        group = next(group for group in rules.groups(names) if entry.name in {names[at] for at in group})
        own = {Reason.UNIT_HELD, Reason.UNIT_IN_USE, Reason.UNIT_NOT_EXPIRED, Reason.UNIT_PROTECTED}
        keeping = (names[at] for at in group if not verdicts[at].remove and verdicts[at].reason not in own)
        return verdicts[names.index(entry.name)], next(keeping, "")

    def _newest(self, *before: str) -> Answer:
        keep = self._area.rules.settings.keep_newest
        whose = {Per.AREA: f"area {self._area.name}", Per.TOP: "its top directory"}
        of = whose.get(keep.per, "its directory")
        sentence = f"It is among the {keep.count} newest of {of}, which stay however old they are."
        return self._kept(
            Reason.NEWEST, *before, sentence, rule=f"keep_newest of {self._area.name}: {keep.count}"
        )

    def _held(self, hold: Hold) -> Answer:
        return self._kept(
            Reason.HELD, hold_in_words("It", hold, self._place.whole), rule=f"hold on {hold.path}"
        )

    # -- directories

    def _directory(self, anchor: Anchor) -> Answer:
        path = f"{self._place.path}/"
        entries = sum(len(found) for _, _, found in walk(anchor, path, deep=False))
        rules = self._area.rules
        if (pattern := rules.keeping(path)) is not None:
            sentence = f'"{pattern}" keeps directories of this place: it is never removed.'
            return self._kept(Reason.PROTECTED, sentence, rule=f"protect: {pattern}")
        if not rules.settings.prune:
            return self._kept(
                "prune", f"Emptied directories of area {self._area.name} stay.", rule="prune: false"
            )
        kind = rules.classes[rules.class_of_all_in(path) or 0]
        if self._cutoffs[kind.number] is None:
            return self._kept(Reason.INDEFINITE, f"Area {self._area.name} {keeps(self._area, kind)}.")
        if entries:
            what = "1 entry" if entries == 1 else f"{entries} entries"
            return self._kept(
                "not empty",
                f"It is a directory with {what}. Each file below it is judged by itself.",
                "The directory goes when a run has removed the last of them.",
            )
        time = anchor.stat(path).st_mtime_ns
        remove = rules.empty_goes(path, time, self._cutoffs)
        verdict = Verdict(remove=remove, reason=Reason.EXPIRED if remove else Reason.NOT_EXPIRED)
        return self._by_age(verdict, kind, time, "It", "It is an empty directory.")

    def _unit(self, anchor: Anchor, unit: str) -> Answer:
        directory, holds, name = self._place.directory, self._past.holds, unit[:-1]
        root = AreaRoot(self._area, directory, anchor)
        found = read_unit(root, unit, holds=holds, guarded=False).unit
        verdict = judge_unit(found, self._cutoffs)
        member = _deciding_member(anchor, unit, self._area, verdict.reason)
        whole = f"Each directory of area {self._area.name} goes as a whole, by its newest file; here {name}."
        match verdict.reason:
            case Reason.INDEFINITE:
                return self._kept(verdict.reason, f"Area {self._area.name} {keeps(self._area)}.")
            case Reason.UNIT_HELD:
                place = place_of(directory, name)
                hold = holds.covering(place) or holds.below(place)
                sentence = hold_in_words(name, hold, place) if hold else f"Part of {name} is held."
                return self._kept(
                    verdict.reason, whole, sentence, rule=f"hold on {hold.path}" if hold else None
                )
            case Reason.UNIT_PROTECTED:
                pattern = self._area.rules.protecting(member)
                sentence = f'The pattern "{pattern}" protects {member}, and so all of {name}.'
                return self._kept(verdict.reason, whole, sentence, rule=f"protect: {pattern}")
            case Reason.NEWEST:
                return self._newest(whole)
            case Reason.SPECIAL:
                return self._kept(
                    verdict.reason, whole, f"{member} is never removed, and so all of {name} stays."
                )
        kind = max((self._area.rules.classes[number] for number in found.classes), key=kept_for)
        if found.newest is not None and found.newest >= found.changed:
            return self._by_age(verdict, kind, found.time, f"Its newest file, {member},", whole)
        subject = "The latest change of its directories" if member else "It has no files. The directory"
        return self._by_age(verdict, kind, found.time, subject, whole)

    # -- putting it together

    def _by_age(self, verdict: Verdict, kind: Class, time: int, subject: str, *before: str) -> Answer:
        """Answer for something that an area keeps for a while, being of a class."""
        expires = time + (kind.retention or 0)
        cutoff = self._cutoffs[kind.number]
        if verdict.remove and cutoff and cutoff.cause is Cause.QUOTA and expires >= self._now:
            return self._by_quota(kind, time, subject, *before)
        now, cleanup = self._now, self._settings.cleanup
        run = Schedule.of(cleanup).next_after(max(now, expires)) if cleanup.enabled else None
        age = f"{subject} is {format_age(now - time)} old" + (" (its time lies ahead)" if time > now else "")
        verb, then = ("expired", "It") if verdict.remove else ("expires", "After that it")
        sentences = [
            f"{age} and {verb} on {moment(expires)}: area {self._area.name} {keeps(self._area, kind)}.",
            f"{then} goes {self._at(run)}{self._into_trash()}.",
        ]
        if not verdict.remove:
            sentences.extend(self._may_go_earlier())
        if cleanup.dry_run:
            sentences.append("But nothing is removed as long as cleanup.dry_run is true.")
        return Answer(
            path=self._path,
            area=self._area.name,
            state=State.EXPIRED if verdict.remove else State.WAITING,
            reason=verdict.reason.value,
            cause=Cause.RULE if kind.number else Cause.RETENTION,
            rule=retention_rule(self._area, kind),
            expires=expires,
            when=None if cleanup.dry_run else run,
            sentences=(*before, *sentences, *self._past.sentences()),
        )

    def _by_quota(self, kind: Class, time: int, subject: str, *before: str) -> Answer:
        """Answer for something that goes before it is expired, since the area holds more than it may."""
        area, now, cleanup = self._area, self._now, self._settings.cleanup
        run = Schedule.of(cleanup).next_after(now) if cleanup.enabled else None
        age = f"{subject} is {format_age(now - time)} old"
        dry = ["But nothing is removed as long as cleanup.dry_run is true."] if cleanup.dry_run else []
        return Answer(
            path=self._path,
            area=area.name,
            state=State.EXPIRED,
            reason=Cause.QUOTA,
            cause=Cause.QUOTA,
            rule=f"quota of {area.name}: {bounds_of(area)}",
            expires=time + (kind.retention or 0),
            when=None if cleanup.dry_run else run,
            sentences=(
                *before,
                f"{age} and not expired: area {area.name} {keeps(area, kind)}.",
                f"But the area holds more than its quota, {bounds_of(area)}, and the oldest go first.",
                f"It goes {self._at(run)}{self._into_trash()}.",
                *dry,
                *self._past.sentences(),
            ),
        )

    def _may_go_earlier(self) -> Iterator[str]:
        """Say what may take it before it expires."""
        area, marks = self._area, self._settings.pressure
        bounds = bounds_of(area)
        young = f"oldest first, but nothing younger than {format_age(area.min_age)}"
        if bounds:
            yield f"It may go earlier, when the area holds more than {bounds}: {young}."
        if area.priority is not None and marks is not None:
            yield f"It may go earlier, when the disk is {Watermarks.of(marks)}: {young}."

    def _at(self, run: int | None) -> str:
        cleanup = self._settings.cleanup
        if not cleanup.enabled:
            return "when somebody starts a cleanup (cleanup.enabled is false, so none runs by itself)"
        if run is None:
            return f"when somebody starts a cleanup (the schedule, {cleanup.schedule}, has none)"
        return f"with the next run, by the schedule ({cleanup.schedule}) on {moment(run)}"

    def _into_trash(self) -> str:
        if self._area.trash is None:
            return ""
        return f", into the trash, where it can be restored for {format_age(self._area.trash)}"

    def _kept(self, reason: str, *sentences: str, rule: str | None = None) -> Answer:
        return Answer(
            path=self._path,
            area=self._area.name,
            state=State.KEPT,
            reason=str(reason),
            rule=rule or retention_rule(self._area),
            sentences=(*sentences, *self._past.sentences()),
        )

    def _answer(self, state: State, reason: str, sentence: str) -> Answer:
        return Answer(
            path=self._path, area=self._area.name, state=state, reason=reason, sentences=(sentence,)
        )


def _is_tree(entry: Entry) -> bool:
    return entry.kind is EntryKind.DIRECTORY


def _deciding_member(anchor: Anchor, unit: str, area: Area, reason: Reason) -> str:
    """Return the path of the file that decides over a unit; empty when there is none."""
    newest, member = None, ""
    for directory, _, entries in walk(anchor, unit, age=area.rules.age_from):
        for entry in entries:
            path = directory + entry.name
            if _is_tree(entry):
                continue
            if reason is Reason.UNIT_PROTECTED and area.rules.protecting(path):
                return path
            if reason is Reason.SPECIAL and (entry.kind is EntryKind.OTHER or stays_by_name(entry.name)):
                return path
            if newest is None or entry.time > newest:
                newest, member = entry.time, path
    return member
