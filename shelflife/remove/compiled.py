"""Bulk removal: the ordinary way, many directories at a time.

Most of what is due is due in the most ordinary way: nobody holds anything there, and between the look of the plan
and the removal nothing happens. Then a whole lot of directories goes through a few calls of the primitives, in
several threads, with nothing done file by file in Python. Each step that safety rests on is there all the same,
batch by batch (`shelflife.remove.batch`); the area must be in its place and each directory, opened from it anew,
the one that was listed; each entry is checked once more right before it goes.

Where the area has a trash, entries are renamed into it instead. A directory that nobody has written to for a
while and of which all goes is renamed as one: a single call, whatever is in it. It is looked at there, entry by
entry, where no path of the service leads any more, and comes back as it went when not all of it goes after all.

Whatever is out of the ordinary – a hold, a directory that has changed, an error – is handed back: that directory
is done again by the careful way (`AreaExecutor.run_in`), one entry at a time.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.errors import ShelflifeError
from shelflife.files.anchor import parent_of
from shelflife.files.candidates import Candidates, Fate, Going, Outcomes
from shelflife.files.reading import TaskResult, Flag, Manner, Reading, Search, RemovalTask
from shelflife.files.removal import Result
from shelflife.files.trash import DISPLACED, prune_trash
from shelflife.policy.area import TRASH_DIRECTORY
from shelflife.policy.cutoff import BEGINNING
from shelflife.records.history import BatchKind
from shelflife.remove.batch import BatchLoop, Portion, BatchResult
from shelflife.scan.context import Stopped
from shelflife.scan.root import AreaRoot
from shelflife.scan.way import Ways, for_removing, read_all

if TYPE_CHECKING:
    from shelflife.files.known import Known
    from shelflife.files.listing import Entry
    from shelflife.policy.cutoff import Cutoffs
    from shelflife.policy.holds import Holds
    from shelflife.policy.rules import NativeRules
    from shelflife.remove.root import Root

_LOT: Final = 500
"""Due entries and directories of a lot, about: enough to be worth a transaction, few enough to share out."""

_UNREAD: Final = 15
"""What a directory weighs that must be read first."""

_LARGEST_WHOLE: Final = 5_000
"""Entries of a directory that may go by one rename: all of them are looked at in one batch."""

_INTENTS: Final = 1000
"""Entries whose removal is journalled in one transaction."""


@dataclass(slots=True)
class Directory:
    """One directory of a lot, and what became of it."""

    path: str
    reading: Reading
    careful: bool = False
    """Whether it needs the careful way, for what is left."""
    pruned: bool = False
    """Whether it is gone itself."""
    portions: list[DirectoryPortion] = field(default_factory=list)
    """Its due entries, and what became of them."""

    @property
    def has_acted(self) -> bool:
        """Whether anything went."""
        gone = (Fate.REMOVED, Fate.VANISHED)
        return any(
            fate in step.outcomes.fates
            for portion in self.portions
            for step in portion.steps
            if isinstance(step.outcomes, Outcomes)
            for fate in gone
        )

    def kept(self) -> list[Entry]:
        """Return the due entries that are still there."""
        kept: list[Entry] = []
        for portion in self.portions:
            outcomes = portion.outcomes
            if isinstance(outcomes, Outcomes):
                kept += outcomes.kept
            kept += portion.rest
        return kept


@dataclass(slots=True)
class DirectoryPortion(Portion):
    """A portion of a directory's due entries; of an empty directory that should go it has none."""

    directory: Directory = field(kw_only=True)
    empty: bool = field(kw_only=True)
    """Whether the directory is to go, too, when that has emptied it."""

    cutoff: int = field(kw_only=True)
    """That of the class of all of them (ns)."""

    @property
    def packed(self) -> Candidates:
        """The entries that have no outcome yet."""
        rest = self.rest
        return rest if isinstance(rest, Candidates) else Candidates.of(rest)

    def task(self, candidates: Candidates, target: str | None) -> RemovalTask:
        """Return what the primitives are to do about `candidates` of it: into `target`, for good if None."""
        reading, whole = self.directory.reading, self.kind is BatchKind.DIRECTORY
        return RemovalTask(
            self.path,
            reading.device,
            reading.key,
            candidates,
            same=whole or not len(self.entries),
            empty=self.empty,
            cutoff=self.cutoff,
            target=target,
            whole=whole,
        )


class _Lot(NamedTuple):
    """Directories that are worked on together."""

    readings: dict[str, Reading | None]
    """By path, as they were read for the plan."""
    unread: list[str]
    """Those that were not, or are not noted."""
    plain: dict[str, Known]
    """What the index knows of these."""


class Compiled:
    """The way in which entries of many directories go in one call of the primitives."""

    def __init__(self, root: Root, cutoffs: Cutoffs, ways: Ways) -> None:
        """Let go in `root` what is before the cutoff of its class: into the trash where the area has one."""
        self._root = root
        self._cutoffs = cutoffs
        self._ways = ways
        self._trash = None if root.area.trash is None else root.trash
        self._going = Going.REMOVED if self._trash is None else Going.TRASHED

    def act(self, portions: Sequence[Portion], until: int) -> Sequence[BatchResult]:
        """See `Way`."""
        root, holds = self._root, self._root.context.holds()
        shares = [portion for portion in portions if isinstance(portion, DirectoryPortion)]
        given = [(share, share.packed) for share in shares if not self._is_held(share, holds)]
        tasks = [share.task(rest, self._target(share)) for share, rest in given]
        owner = (root.options.owner.uid, root.options.owner.gid)
        manner = Manner(root.area, self._cutoffs, until, owner)
        answers = for_removing(root.anchor).remove(root.anchor, tasks, manner) if tasks else []
        steps = {
            id(share): self._step(share, rest, answer)
            for (share, rest), answer in zip(given, answers, strict=True)
        }
        return [steps.get(id(share)) or self._hand_back(share) for share in shares]

    def _target(self, share: DirectoryPortion) -> str | None:
        return None if self._trash is None else self._trash.mirror(share.path)

    def _is_held(self, share: DirectoryPortion, holds: Holds) -> bool:
        """Return whether somebody began to hold something there: the careful way finds out what."""
        return self._ways.concern(share.path, holds) or self._ways.is_held(share.packed, holds)

    def _step(self, share: DirectoryPortion, rest: Candidates, answer: TaskResult) -> BatchResult:
        """Return what became of a share."""
        directory = share.directory
        directory.pruned = directory.pruned or answer.pruned
        failed = bool(answer.error) or not (answer.pruned or len(rest))
        directory.careful = directory.careful or failed
        outcomes = Outcomes(rest, answer.fates, self._going)
        if Fate.STRAY in answer.fates:
            self._displace(share.path, outcomes)
        if share.kind is BatchKind.DIRECTORY and failed:
            self._bring_back(share.path, is_stranded=answer.stranded)
        return BatchResult(outcomes, failed, answer)

    def _displace(self, path: str, outcomes: Outcomes) -> None:
        """Set aside what could not be put back into the directory at `path`."""
        trash = self._root.trash
        try:
            fd = trash.directory(path)
            for outcome in outcomes:
                if outcome.result is Result.DISPLACED:
                    trash.displace(path, fd, outcome.name)
        finally:
            trash.close()

    def _bring_back(self, path: str, *, is_stranded: bool) -> None:
        """Put back a directory that went as one and could not be renamed back; leave no empty trash behind."""
        root, trash = self._root, self._root.trash
        if is_stranded and not trash.bring_back(path):
            with root.lock:
                root.report.displaced += 1
                root.report.errors.append(
                    f"{root.place(path)}: changed while it was looked at, and not all of it can be put back; "
                    f"the rest waits in {root.place(TRASH_DIRECTORY)}/{DISPLACED}"
                )
        prune_trash(root.anchor, trash.mirror(parent_of(path)[0]))

    @staticmethod
    def _hand_back(share: DirectoryPortion) -> BatchResult:
        share.directory.careful = True
        return BatchResult(handed_back=True)


class Bulk:
    """Removes what is before its cutoff from one directory of an area, as far as it is ordinary."""

    def __init__(self, root: Root, cutoffs: Cutoffs) -> None:
        """Prepare to remove from `root` what is before the cutoff of its class."""
        self._root = root
        self._cutoffs = cutoffs
        self._number = root.context.index.root(root.directory)
        self._loop = BatchLoop(root)
        self._at = AreaRoot(root.area, root.directory, root.anchor)
        self._ways = Ways(self._at, root.context.index, root.context.holds())
        self._way = Compiled(root, cutoffs, self._ways)
        self.stop = Flag()
        """Set, it ends the work with what is begun."""

    def run(self, paths: Iterator[str]) -> Iterator[Directory]:
        """Work on the directories at `paths`; yield each with what became of it, in order.

        One that has more due than a reading lists comes several times. Raises Stopped.
        """

        def take() -> _Lot | None:
            holds = self._root.context.holds()
            self._ways.renew(holds)
            readings = {}
            unread = []
            weight = 0
            for path in paths:
                reading = self._root.context.listings.take(self._number, path, self._cutoffs)
                if reading is None and self._ways.native(path, self._cutoffs, holds) is not None:
                    unread.append(path)
                readings[path] = reading
                weight += _UNREAD if reading is None else 1 + reading.listed
                if weight >= _LOT:
                    break
            return _Lot(readings, unread, self._plain(unread)) if readings else None

        pool = self._root.context.pool.suited_to(for_removing(self._root.anchor))
        for done in pool.run(self._work, take, between=self._root.context.between, stop=self.stop):
            yield from done

    def _plain(self, paths: list[str]) -> dict[str, Known]:
        root = self._root
        return root.context.index.plain(self._number, paths, self._cutoffs, root.area.rules.fingerprint)

    def _work(self, lot: _Lot, stop: Flag) -> list[Directory]:
        """Remove what is due in the directories of a lot. Called in any thread."""
        read = dict(zip(lot.unread, self._read(lot.unread, stop, lot.plain), strict=False))
        directories = [
            Directory(path, reading or read.get(path) or Reading(error=errno.ECANCELED))
            for path, reading in lot.readings.items()
        ]
        done = []
        while directories and not stop:
            self._remove_all(directories, stop)
            done += directories
            again = [found.path for found in directories if found.reading.more and not found.careful]
            directories = [
                Directory(path, reading)
                for path, reading in zip(again, self._read(again, stop, {}), strict=False)
            ]
        return done

    def _read(self, paths: list[str], stop: Flag, plain: Mapping[str, Known]) -> list[Reading]:
        search = Search(self._root.area, self._cutoffs, self._root.context.pool.workers, plain)
        return read_all(self._root.anchor, paths, search, stop)

    def _remove_all(self, directories: list[Directory], stop: Flag) -> None:
        for directory in directories:
            reading = directory.reading
            native = self._ways.native(directory.path, self._cutoffs, self._root.context.holds())
            directory.careful = bool(reading.error) or not reading.is_complete or native is None
            if native is not None and not directory.careful:
                directory.portions = self._portions(directory, native)
        portions = [portion for directory in directories for portion in directory.portions]
        # What ends the run is found out again by the thread that takes the results, and raised there.
        with suppress(Stopped, ShelflifeError, OSError):
            for group in _groups(portions):
                if stop:
                    break
                self._loop.run(group, self._way)
        for portion in portions:
            is_left = portion.is_handed_back or not portion.is_done
            portion.directory.careful = portion.directory.careful or is_left

    def _portions(self, directory: Directory, native: NativeRules) -> list[DirectoryPortion]:
        """Return what is to be done in a directory."""
        path, reading, rules = directory.path, directory.reading, self._root.area.rules
        cutoff = BEGINNING if native.cutoff is None else native.cutoff
        if not reading.listed:
            if reading.entries == 0 and rules.empty_goes(path, reading.survey.key.mtime, self._cutoffs):
                return [DirectoryPortion(path, reading.due, directory=directory, empty=True, cutoff=cutoff)]
            return []
        if self._goes_whole(path, reading):
            whole = BatchKind.DIRECTORY
            return [DirectoryPortion(path, reading.due, whole, directory=directory, empty=False, cutoff=cutoff)]
        shares = []
        left = reading.entries
        for portion in reading.due.portions(self._root.batch_size):
            left -= len(portion)
            empty = left == 0 and rules.may_prune(path)
            shares.append(DirectoryPortion(path, portion, directory=directory, empty=empty, cutoff=cutoff))
        return shares

    def _goes_whole(self, path: str, reading: Reading) -> bool:
        """Return whether a directory is to go into the trash by one rename.

        All that is in it must be due, and nobody have written there for a while: a writer would find it gone for
        the moment in which it is looked at.
        """
        root = self._root
        if root.area.trash is None or not path or reading.is_partial or reading.more:
            return False
        if not 1 < reading.listed == reading.entries <= _LARGEST_WHOLE or not root.area.rules.may_prune(path):
            return False
        survey = reading.survey
        survey.finish(path, root.context.freshness.settled_before, root.area.rules)
        return survey.settled


def _groups(portions: list[DirectoryPortion]) -> Iterator[list[DirectoryPortion]]:
    """Yield portions in groups that are written down in one transaction."""
    group: list[DirectoryPortion] = []
    used = 0
    for portion in portions:
        group.append(portion)
        used += max(1, len(portion.entries))
        if used >= _INTENTS:
            yield group
            group, used = [], 0
    if group:
        yield group
